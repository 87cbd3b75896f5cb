package main

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"electnode/internal/logging"
	"electnode/internal/metrics"
	"electnode/internal/recorder"
	"electnode/internal/watch"
	"electnode/internal/web"
)

// watchRun is one run of watch: its settings, and what shows what is seen.
type watchRun struct {
	watchFlags
	log     *slog.Logger
	metrics *metrics.Watched
	all     []watching
	stream  *recorder.Stream // of all ensembles; nil: there is one
}

// add makes the watcher of an ensemble, and all that shows it.
func (in *watchRun) add(ctx context.Context, p watchPlan) error {
	log := in.log.With("ensemble", p.name)
	seen := watchViewOptions{self: p.options.SID, log: log, pipe: in.pipe, traceEndpoint: in.traceEndpoint}
	if in.stream != nil {
		seen.also = in.stream
	}
	views := newWatchViews(ctx, seen)
	lines := logging.NewWatched(log)
	opt := p.options
	opt.Sink = views
	opt.OnChange = lines.Changed
	opt.OnProbe = func(probe watch.Probe) {
		in.metrics.Probed(p.name, probe)
		lines.Probed(probe)
	}
	w, err := watch.New(opt)
	if err != nil {
		views.close()
		return p.problem(err)
	}
	in.metrics.Add(p.name, w.Status)
	in.all = append(in.all, watching{p, w, views})
	return nil
}

// handler is what there is to see over HTTP.
func (in *watchRun) handler() http.Handler {
	site := web.WatchSite{Metrics: in.metrics.Handler(), TraceURL: in.traceURL}
	for _, w := range in.all {
		site.Ensembles = append(site.Ensembles, web.Watched{Name: w.plan.name, SID: w.plan.options.SID,
			Interval: w.plan.options.Interval, Enriched: w.plan.options.Enrich, Status: w.watcher.Status,
			Histories: w.views.histories, Events: w.views.stream})
	}
	if in.stream != nil {
		site.Events = in.stream
	}
	if in.pprof {
		site.Profiles = web.Profiles()
	}
	return web.WatchHandler(site)
}

// closeViews shows what there is left to show, within a bound.
func (in *watchRun) closeViews() {
	var group sync.WaitGroup
	for _, w := range in.all {
		// Bounded; the group waits for it.
		group.Go(w.views.close)
	}
	group.Wait()
	if in.stream != nil {
		in.stream.Close(flushTime)
	}
}
