package metrics

import (
	"slices"
	"sync"

	"electnode/internal/quorum"
	"electnode/internal/watch"

	"github.com/prometheus/client_golang/prometheus"
)

// probes are the series of questions to one ensemble, by server. They follow its configuration: a server that
// left it has no series.
type probes struct {
	ensemble string
	series   watchedSeries
	unknown  *probed

	mu sync.Mutex
	of map[quorum.SID]*probed
}

// probed are the series of questions to one server.
type probed struct {
	took     prometheus.Observer
	failures map[watch.Reason]prometheus.Counter
}

func newProbes(s watchedSeries, ensemble string) probes {
	return probes{ensemble: ensemble, series: s, unknown: s.probed(ensemble, unknownServer), of: map[quorum.SID]*probed{}}
}

// enter counts one question. known says whether the configuration has a server that has no series yet.
func (p *probes) enter(one watch.Probe, known func(quorum.SID) bool) {
	s := p.to(one.Server, known)
	if one.Failure == "" {
		s.took.Observe(one.Took.Seconds())
		return
	}
	c, ok := s.failures[one.Failure]
	if !ok {
		c = s.failures[watch.FailError]
	}
	c.Inc()
}

// to is where questions to sid count.
func (p *probes) to(sid quorum.SID, known func(quorum.SID) bool) *probed {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.of[sid]
	switch {
	case ok:
		return s
	case sid == quorum.NoSID || !known(sid):
		return p.unknown
	}
	s = p.series.probed(p.ensemble, sid.String())
	p.of[sid] = s
	return s
}

// follow has series for exactly these servers.
func (p *probes) follow(servers []watch.Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range servers {
		if p.of[o.SID] == nil {
			p.of[o.SID] = p.series.probed(p.ensemble, o.SID.String())
		}
	}
	for sid := range p.of {
		if !slices.ContainsFunc(servers, func(o watch.Server) bool { return o.SID == sid }) {
			p.series.forget(p.ensemble, sid.String())
			delete(p.of, sid)
		}
	}
}

// probed makes the series of one server, at 0.
func (s watchedSeries) probed(ensemble, server string) *probed {
	p := &probed{took: s.took.WithLabelValues(ensemble, server), failures: map[watch.Reason]prometheus.Counter{}}
	for _, reason := range watch.Reasons() {
		p.failures[reason] = s.failures.WithLabelValues(ensemble, server, string(reason))
	}
	return p
}

// forget removes them.
func (s watchedSeries) forget(ensemble, server string) {
	s.took.DeleteLabelValues(ensemble, server)
	for _, reason := range watch.Reasons() {
		s.failures.DeleteLabelValues(ensemble, server, string(reason))
	}
}
