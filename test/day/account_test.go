package day

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/metrics"
	"electnode/internal/quorum"
)

// tally counts events by hand, and keeps what the wire can contradict.
type tally struct {
	mu       sync.Mutex
	counts   map[string]float64 // named as in /metrics
	sent     map[quorum.SID]int
	sentIDs  map[uint64]bool
	received map[quorum.SID]int
	replaced map[uint64]bool
	ties     map[quorum.SID]map[event.TieBreakSide]int
	broken   []string
	up       map[quorum.SID]int
	reason   string
	round    quorum.Round
	largest  quorum.Round
	starts   map[int64]bool
}

func newTally() *tally {
	return &tally{counts: map[string]float64{}, sent: map[quorum.SID]int{}, sentIDs: map[uint64]bool{},
		received: map[quorum.SID]int{}, replaced: map[uint64]bool{}, up: map[quorum.SID]int{},
		ties: map[quorum.SID]map[event.TieBreakSide]int{}, starts: map[int64]bool{}}
}

// Record implements event.Sink.
func (c *tally) Record(s event.Stamped) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := func(format string, args ...any) { c.counts[fmt.Sprintf(format, args...)]++ }
	count("electnode_events_total{event=%q}", s.Event.Name())
	switch ev := s.Event.(type) {
	case *event.NotificationSent:
		count("electnode_notifications_sent_total{cause=%q,peer=%q}", ev.Cause, ev.Peer.String())
		c.sent[ev.Peer]++
		c.sentIDs[ev.MessageID] = true
	case *event.NotificationReceived:
		count("electnode_notifications_received_total{outcome=%q,peer=%q}", ev.Outcome, ev.Peer.String())
		c.received[ev.Peer]++
	case event.NotificationReplaced:
		count("electnode_notifications_replaced_total{peer=%q}", ev.Peer.String())
		c.replaced[ev.MessageID] = true
	case event.ConnectionTieBreak:
		count("electnode_connection_tie_breaks_total{outcome=%q,peer=%q,side=%q}", ev.Outcome, ev.Peer.String(), ev.Side)
		c.tie(s.Node, ev)
	case event.ConnectionUp:
		c.up[ev.Peer]++
	case event.ConnectionDown:
		count("electnode_connection_drops_total{peer=%q,reason=%q}", ev.Peer.String(), ev.Reason)
		c.up[ev.Peer]--
	case event.RoundChanged:
		count("electnode_round_transitions_total{cause=%q}", ev.Cause)
		if ev.From != c.round {
			c.broken = append(c.broken, fmt.Sprintf("round %d -> %d after round %d", ev.From, ev.To, c.round))
		}
		c.round, c.largest = ev.To, max(c.largest, ev.To)
	case event.VoteChanged:
		count("electnode_vote_changes_total{cause=%q}", ev.Cause)
	case event.ElectionStarted:
		c.reason = ev.Reason
		c.starts[ev.At.UnixNano()] = true
	case event.ElectionDecided:
		outcome := map[quorum.State]string{quorum.Leading: "leading", quorum.Following: "following"}[ev.State]
		count("electnode_elections_total{outcome=%q,reason=%q}", outcome, c.reason)
		count("electnode_decisions_total{how=%q}", ev.How)
	case event.ElectionAborted:
		count(`electnode_elections_total{outcome="aborted",reason=%q}`, c.reason)
	}
}

// tie checks a tie-break against the rule: of a pair, only what the larger sid dialled is kept.
func (c *tally) tie(self quorum.SID, ev event.ConnectionTieBreak) {
	if c.ties[ev.Peer] == nil {
		c.ties[ev.Peer] = map[event.TieBreakSide]int{}
	}
	c.ties[ev.Peer][ev.Side]++
	kept := ev.Outcome == event.TieKept || ev.Outcome == event.TieReplacedOld
	dialler := ev.Peer
	if ev.Side == event.Dialler {
		dialler = self
	}
	if larger := max(self, ev.Peer); kept && dialler != larger {
		c.broken = append(c.broken, fmt.Sprintf("server %d kept a connection that %d dialled: %+v", self, dialler, ev))
	}
}

// gather is every sample of a node, histograms as their counts.
func gather(t *testing.T, m *metrics.Metrics) map[string]float64 {
	t.Helper()
	families, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			var labels []string
			for _, l := range s.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			name := f.GetName()
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			all[name] = s.GetCounter().GetValue() + s.GetGauge().GetValue() + float64(s.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// sums say how much the day had of everything.
type sums struct{ lives, sent, received, replaced, ties, elections, rounds int }

// settle compares the three accounts of a life that is over.
func (w *world) settle(l *life) {
	t, e := w.t, l.events
	e.mu.Lock()
	defer e.mu.Unlock()
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	w.counters(l)
	for _, bad := range e.broken {
		t.Errorf("server %d: %s", l.sid, bad)
	}
	for peer := range w.disks {
		if peer == l.sid {
			continue
		}
		if got, want := e.sent[peer], of(l.wire.written, peer).frames; got != want {
			t.Errorf("server %d recorded %d notifications to %d, wrote %d", l.sid, got, peer, want)
		}
		// What is read and not yet recorded when the life ends is lost with it: one frame a connection at most.
		if got, want := e.received[peer], of(l.wire.read, peer).frames; got > want || got < want-1 {
			t.Errorf("server %d recorded %d notifications from %d, read %d", l.sid, got, peer, want)
		}
		if e.up[peer] != 0 {
			t.Errorf("server %d: connections with %d that went up and never down: %d", l.sid, peer, e.up[peer])
		}
		if got, want := e.ties[peer][event.Acceptor], l.wire.greeted[peer]; got != want {
			t.Errorf("server %d ruled on %d connections of %d, and read %d preambles", l.sid, got, peer, want)
		}
		if got, most := e.ties[peer][event.Dialler], l.wire.dialled[peer]; got > most {
			t.Errorf("server %d ruled on %d connections to %d, and made %d", l.sid, got, peer, most)
		}
		for id := range of(l.wire.written, peer).messages {
			if e.replaced[id] {
				t.Errorf("server %d wrote message %016x to %d, which was replaced", l.sid, id, peer)
			}
			if !e.sentIDs[id] {
				t.Errorf("server %d wrote message %016x to %d and recorded nothing", l.sid, id, peer)
			}
		}
	}
	for began := range l.wire.election {
		if !e.starts[began] {
			t.Errorf("server %d told of an election that began at %d, and recorded none", l.sid, began)
		}
	}
	if l.wire.largest > int64(e.largest) {
		t.Errorf("server %d told of round %d, recorded none above %d", l.sid, l.wire.largest, e.largest)
	}
}

// counters compares /metrics with the events: every series that counts, those at zero included.
func (w *world) counters(l *life) {
	e := l.events
	got := gather(w.t, l.series)
	counted := []string{"electnode_events_total", "electnode_notifications_sent_total", "electnode_notifications_received_total",
		"electnode_notifications_replaced_total", "electnode_connection_tie_breaks_total", "electnode_connection_drops_total",
		"electnode_round_transitions_total", "electnode_vote_changes_total", "electnode_elections_total",
		"electnode_decisions_total"}
	for name, n := range got {
		family, _, _ := strings.Cut(name, "{")
		if slices.Contains(counted, family) && n != e.counts[name] {
			w.t.Errorf("server %d: %s is %v, events say %v", l.sid, name, n, e.counts[name])
		}
	}
	for name := range maps.Keys(e.counts) {
		if _, ok := got[name]; !ok {
			w.t.Errorf("server %d: no series %s", l.sid, name)
		}
	}
	// The node was asked every scrape: nothing shorter was seen, once for each time it came and went.
	changes := e.counts[`electnode_events_total{event="LeaderEstablished"}`] + e.counts[`electnode_events_total{event="LeaderLost"}`]
	w.near(l, "electnode_leaderless_seconds_total", got["electnode_leaderless_seconds_total"], l.polled,
		time.Duration(1+changes)*scrape)
	w.total.lives++
	for _, n := range e.sent {
		w.total.sent += n
	}
	for _, n := range e.received {
		w.total.received += n
	}
	w.total.replaced += len(e.replaced)
	for _, by := range e.ties {
		w.total.ties += by[event.Acceptor] + by[event.Dialler]
	}
	w.total.elections += len(e.starts)
	w.total.rounds += int(e.counts[`electnode_events_total{event="RoundChanged"}`])
}

// enough fails when the hours were too quiet to prove anything.
func (s sums) enough(t *testing.T, hours int) {
	t.Logf("%d hours: %+v", hours, s)
	if s.lives < 10*hours || s.sent < 200*hours || s.received < 200*hours || s.replaced < 20*hours ||
		s.ties < 50*hours || s.elections < 20*hours || s.rounds < s.elections {
		t.Errorf("too little of something in %d hours: %+v", hours, s)
	}
}
