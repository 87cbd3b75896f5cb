package metrics

import (
	"maps"
	"net/http"
	"sync"
	"sync/atomic"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxPeers bounds the peers with series of their own, over all views that this process has seen.
const maxPeers = 255

// Metrics is the sink of one node. Record is safe from any goroutine and takes well under a microsecond.
type Metrics struct {
	opt      Options
	reg      *prometheus.Registry
	node     nodeSeries
	election electionSeries
	link     linkSeries

	// peers is replaced, never changed; unknown stands for those that are not in it.
	peers   atomic.Pointer[map[quorum.SID]*peer]
	unknown *peer

	mu      sync.Mutex // guards what follows; no event waits for more than a handful of assignments
	leading leadership
	up      quorum.Set // with whom there is an election connection
	looking election
	tracker traceid.Tracker
}

var _ event.Sink = (*Metrics)(nil)

// New makes the series of one node.
func New(opt Options) *Metrics {
	opt = opt.withDefaults()
	m := &Metrics{opt: opt, reg: prometheus.NewRegistry()}
	m.leading = leadership{self: opt.Self, followers: quorum.Set{}}
	m.up = quorum.Set{}
	if opt.Runtime {
		m.reg.MustRegister(collectors.NewGoCollector(),
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	k := maker{m.reg}
	strange := k.counter("electnode_unknown_words_total",
		"Events with a word that no label value exists for: a mistake in this program.")
	m.node = newNodeSeries(k, strange, opt)
	m.election = newElectionSeries(k, strange)
	m.link = newLinkSeries(k, strange)
	k.counterFunc("electnode_leaderless_seconds_total",
		"Time without an established leader; grows while it lasts.", m.leaderless)
	m.unknown = m.link.peer(unknownPeer)
	m.peers.Store(&map[quorum.SID]*peer{})
	m.adopt(opt.View)
	m.showLinks()
	return m
}

// Registry is the node's own registry.
func (m *Metrics) Registry() *prometheus.Registry { return m.reg }

// Handler answers scrapes: text, OpenMetrics with exemplars, or protobuf with native histograms, whichever
// is asked for.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// adopt makes view the one that counts, and makes series for those of its members that have none. Series of
// former members stay: what they counted happened, but a link with them is none that is missing. The caller holds the
// lock, or is New.
func (m *Metrics) adopt(view *quorum.View) {
	if view == nil {
		return
	}
	m.leading.view = view
	m.node.config.Set(float64(view.Version()))
	m.node.possible.Set(float64(view.Tolerance(func(quorum.SID) bool { return true })))
	peers := maps.Clone(*m.peers.Load())
	for _, member := range view.Members() {
		if _, ok := peers[member.SID]; !ok && member.SID != m.opt.Self && len(peers) < maxPeers {
			peers[member.SID] = m.link.peer(member.SID.String())
		}
	}
	m.peers.Store(&peers)
	m.showLinks()
}

// linked notes that the election connection with a peer began or ended.
func (m *Metrics) linked(sid quorum.SID, up bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if up {
		m.up.Add(sid)
	} else {
		delete(m.up, sid)
	}
	m.showLinks()
}

// showLinks shows which links there are, and which are missing: observers send one another nothing and have none. The
// caller holds the lock, or is New.
func (m *Metrics) showLinks() {
	peers, strangers := *m.peers.Load(), len(m.up)
	for sid := range peers {
		label := sid.String()
		switch {
		case m.up.Has(sid):
			m.link.connected.WithLabelValues(label).Set(1)
			strangers--
		case m.leading.needs(sid):
			m.link.connected.WithLabelValues(label).Set(0)
		default:
			m.link.connected.DeleteLabelValues(label)
		}
	}
	m.link.connected.WithLabelValues(unknownPeer).Set(float64(strangers))
}

// peer is the series of sid.
func (m *Metrics) peer(sid quorum.SID) *peer {
	if p, ok := (*m.peers.Load())[sid]; ok {
		return p
	}
	return m.unknown
}

// leaderless is asked for at each scrape.
func (m *Metrics) leaderless() float64 {
	now := m.opt.Clock()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.leading.seconds(now)
}
