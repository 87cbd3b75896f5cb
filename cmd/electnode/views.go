package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"electnode/internal/event"
	"electnode/internal/logging"
	"electnode/internal/metrics"
	"electnode/internal/queue"
	"electnode/internal/quorum"
	"electnode/internal/recorder"
	"electnode/internal/tracing"

	"go.opentelemetry.io/otel/attribute"
)

// flushTime is how long the end of a command may wait for its last log lines and spans.
const flushTime = 500 * time.Millisecond

// viewOptions says whose events are to be seen, and how.
type viewOptions struct {
	self          quorum.SID
	view          *quorum.View  // nil: the node's first event brings it
	log           *slog.Logger  // for what concerns the views themselves, and for lines
	lines         bool          // a line for each event
	pipe          *logging.Pipe // where log writes; nil: somewhere that may block
	traceEndpoint string        // where OTLP goes; empty: the environment says
	service       string        // the service's name in traces, unless the environment gives one; empty: electnode
	history       int           // bytes of recorded events; 0 is the recorder's default
	runtime       bool          // series of the process; for one node a process
}

// views are the sinks of one node: all that shows its events. As a sink it hands them on.
type views struct {
	*queue.Relay
	events  *event.Emitter
	metrics *metrics.Metrics
	history *recorder.Recorder
	traces  *tracing.Tracing // nil: not exported
	lines   *logging.Sink    // nil: no lines
}

// openViews makes the sinks of a node, and an emitter for its events.
func openViews(ctx context.Context, opt viewOptions) (*views, error) {
	v := &views{}
	v.events = event.NewEmitter(opt.self, time.Now, v)
	// The views call this after the first event, and so after all of them were made.
	dropped := func(sink string) func(uint64) {
		return func(n uint64) { v.events.Emit(event.EventsDropped{Sink: sink, Count: n}) }
	}
	var err error
	if v.traces, err = openTraces(ctx, opt, dropped("tracing")); err != nil {
		return nil, usage(err)
	}
	b := buildInfo()
	v.metrics = metrics.New(metrics.Options{Self: opt.self, View: opt.view, Runtime: opt.runtime,
		Exemplars: v.traces != nil,
		Build:     metrics.Build{Version: b.Version, Revision: b.Commit, GoVersion: b.GoVersion}})
	v.history = recorder.New(recorder.Options{Bytes: opt.history, Dropped: dropped("recorder")})
	sinks := event.FanOut{v.metrics, v.history}
	if v.traces != nil {
		sinks = append(sinks, v.traces)
	}
	if opt.lines {
		v.lines = logging.NewSink(opt.log, logging.SinkOptions{Dropped: dropped("log"), Pipe: opt.pipe,
			LeftOut: func(ev event.LinesLeftOut) { v.events.Emit(ev) }})
		sinks = append(sinks, v.lines)
	}
	v.Relay = queue.NewRelay(sinks, func(n uint64) {
		for _, sink := range []string{"log", "metrics", "recorder", "tracing"} {
			dropped(sink)(n)
		}
	})
	return v, nil
}

// turnedAway tells of a client of HTTP for which there was no room.
func (v *views) turnedAway(remote, detail string) {
	v.events.Emit(event.HandshakeRejected{Port: event.PortHTTP, Remote: remote, Reason: event.RejectTooMany, Detail: detail})
}

// settle returns when the history has all that was recorded before the call.
func (v *views) settle() {
	v.Sync()
	v.history.Sync()
}

// scrapes answers /metrics with all that has happened so far.
func (v *views) scrapes() http.Handler {
	h := v.metrics.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.Sync()
		h.ServeHTTP(w, r)
	})
}

// openTraces makes the sink of spans; nil when nobody wants them.
func openTraces(ctx context.Context, opt viewOptions, dropped func(uint64)) (*tracing.Tracing, error) {
	exporter, err := tracing.Exporter(ctx, opt.traceEndpoint, os.Getenv)
	if err != nil || exporter == nil {
		return nil, err
	}
	var res []attribute.KeyValue
	if opt.service != "" {
		res = append(res, attribute.String("service.name", opt.service))
	}
	return tracing.New(tracing.Options{Exporter: exporter, Self: opt.self, View: opt.view, Version: version,
		Resource: res, Dropped: dropped,
		Failed: func(err error) { opt.log.Warn("traces are not exported", "error", err.Error()) }})
}

// checkTraces says what is wrong with the settings of traces, before there is any to export.
func checkTraces(ctx context.Context, endpoint string) error {
	traces, err := openTraces(ctx, viewOptions{traceEndpoint: endpoint}, nil)
	if traces != nil {
		traces.Close(flushTime)
	}
	return err
}

// close shows what there is left to show, within a bound.
func (v *views) close() {
	v.Relay.Close()
	var group sync.WaitGroup
	// Both are bounded; the group waits for them.
	group.Go(func() { v.history.Close(flushTime) })
	if v.traces != nil {
		group.Go(func() { v.traces.Close(flushTime) })
	}
	group.Wait()
	if v.lines != nil {
		v.lines.Close(flushTime) // last: what the others lost is a line
	}
}
