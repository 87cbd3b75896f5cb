package metrics

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"electnode/internal/quorum"
	"electnode/internal/watch"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// unknownServer stands for what was asked and is not known to be a server of the ensemble.
const unknownServer = "unknown"

// WatchedOptions is what the series of a process that watches need to know.
type WatchedOptions struct {
	Build Build
	// Runtime adds the go_ and process_ series of the process.
	Runtime bool
}

// Watched shows what watchers know of their ensembles: a registry of its own, labels ensemble and server. Its
// methods are safe from any goroutine.
type Watched struct {
	reg     *prometheus.Registry
	series  watchedSeries
	refused prometheus.Counter

	mu        sync.RWMutex // guards ensembles, not what is in them
	ensembles []*watchedEnsemble
}

// watchedEnsemble is one ensemble, and what only grows of it.
type watchedEnsemble struct {
	name   string
	status func() watch.Status
	probes probes

	mu         sync.Mutex
	leaderless float64 // seconds that were shown last
	changes    uint64  // of the leader, shown last
}

// NewWatched makes a registry without an ensemble. electnode_build_info is in it, and with opt.Runtime go_ and
// process_.
func NewWatched(opt WatchedOptions) *Watched {
	m := &Watched{reg: prometheus.NewRegistry(), series: newWatchedSeries()}
	if opt.Runtime {
		m.reg.MustRegister(collectors.NewGoCollector(),
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	k := maker{m.reg}
	k.build(opt.Build)
	m.refused = k.counter("electnode_watch_http_refused_total", "Clients of HTTP that were turned away because there were too many.")
	m.reg.MustRegister(m)
	return m
}

// Add shows one more ensemble; status is asked at each scrape and at the first probe of each server, from any
// goroutine, and must not wait. Its series are there from now on, those of a server as long as status lists it.
// name is the label ensemble; adding one twice panics.
func (m *Watched) Add(name string, status func() watch.Status) {
	name = strings.ToValidUTF8(name, "\uFFFD")
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ensemble(name) != nil {
		panic(fmt.Sprintf("ensemble %q is watched twice", name))
	}
	m.ensembles = append(m.ensembles, &watchedEnsemble{name: name, status: status, probes: newProbes(m.series, name)})
}

// Probed enters the outcome of one question to ensemble name, which was added; it is meant for
// watch.Options.OnProbe and does not wait. A server that is in no configuration counts under server="unknown".
func (m *Watched) Probed(name string, p watch.Probe) {
	m.mu.RLock()
	e := m.ensemble(strings.ToValidUTF8(name, "\uFFFD"))
	m.mu.RUnlock()
	if e == nil {
		panic(fmt.Sprintf("a probe of ensemble %q, which is not watched", name))
	}
	e.probes.enter(p, func(sid quorum.SID) bool {
		_, known := e.status().Server(sid)
		return known
	})
}

// ensemble is the one of that name; nil: none. The caller holds the lock.
func (m *Watched) ensemble(name string) *watchedEnsemble {
	i := slices.IndexFunc(m.ensembles, func(e *watchedEnsemble) bool { return e.name == name })
	if i < 0 {
		return nil
	}
	return m.ensembles[i]
}

// Refused counts a client of HTTP that was turned away. It does not wait.
func (m *Watched) Refused() { m.refused.Inc() }

// Registry is the registry of all the ensembles.
func (m *Watched) Registry() *prometheus.Registry { return m.reg }

// Handler answers scrapes: text, OpenMetrics, or protobuf with native histograms, whichever is asked for.
func (m *Watched) Handler() http.Handler {
	return promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// Describe implements prometheus.Collector.
func (m *Watched) Describe(ch chan<- *prometheus.Desc) { m.series.describe(ch) }

// Collect implements prometheus.Collector: it asks each watcher once, so that the series of an ensemble are of
// one moment.
func (m *Watched) Collect(ch chan<- prometheus.Metric) {
	m.mu.RLock()
	all := slices.Clone(m.ensembles)
	m.mu.RUnlock()
	for _, e := range all {
		e.collect(ch, &m.series)
	}
	m.series.took.Collect(ch)
	m.series.failures.Collect(ch)
}

// collect shows one ensemble as it is now.
func (e *watchedEnsemble) collect(ch chan<- prometheus.Metric, s *watchedSeries) {
	st := e.status()
	e.probes.follow(st.Servers)
	leaderless, changes := e.grown(st)
	s.ensemble(ch, e.name, st, leaderless, changes)
	for _, o := range st.Servers {
		s.server(ch, e.name, o)
	}
}

// grown is what only grows of st. The watcher learns of a leader a moment after the answer came, and dates it
// back: the leaderless time of a scrape in between was too long, and waits for the truth to catch up, because to
// Prometheus a counter that falls begins again from 0.
func (e *watchedEnsemble) grown(st watch.Status) (leaderless float64, changes uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leaderless = max(e.leaderless, st.LeaderlessTotal.Seconds())
	e.changes = max(e.changes, st.LeaderChanges)
	return e.leaderless, e.changes
}
