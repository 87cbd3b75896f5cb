package metrics

import (
	"electnode/internal/event"
	"electnode/internal/quorum"

	"github.com/prometheus/client_golang/prometheus"
)

// noSID is shown where there is no server to name.
const noSID = -1

// nodeSeries are what is true of the node and its leader, and what concerns no peer.
type nodeSeries struct {
	state     byWord[string, prometheus.Gauge]
	leaderSID prometheus.Gauge
	hasLeader prometheus.Gauge
	changes   prometheus.Counter
	tolerance prometheus.Gauge
	possible  prometheus.Gauge
	round     prometheus.Gauge
	accepted  prometheus.Gauge
	current   prometheus.Gauge
	zxidEpoch prometheus.Gauge
	zxidCount prometheus.Gauge
	config    prometheus.Gauge
	vote      prometheus.Gauge
	writes    byWord[string, prometheus.Observer]
	events    byWord[string, prometheus.Counter]
	dropped   byWord[string, prometheus.Counter]
	reloads   byWord[string, prometheus.Counter]
	expiry    prometheus.Gauge
	leftOut   prometheus.Counter
}

func newNodeSeries(k maker, strange prometheus.Counter, opt Options) nodeSeries {
	k.build(opt.Build)
	state := k.gauges("electnode_node_state", "1 for the node's present state, 0 for the other three.", "state")
	writes := k.histograms("electnode_durable_write_duration_seconds",
		"Writes of epoch files, fsync and rename included.", diskBounds(), "file")
	events := k.counters("electnode_events_total", "Events of this node.", "event")
	dropped := k.counters("electnode_events_dropped_total", "Events that a sink lost.", "sink")
	reloads := k.counters("electnode_tls_reloads_total", "Readings of stores of TLS that had changed.", "result")
	s := nodeSeries{
		state:     makeByWord(strange, stateNames(), func(w string) prometheus.Gauge { return state.WithLabelValues(w) }),
		leaderSID: k.gauge("electnode_leader_sid", "The established leader, -1 without one."),
		hasLeader: k.gauge("electnode_has_leader", "1 while an established leader is known."),
		changes: k.counter("electnode_leader_changes_total",
			"Established leaders that differ from the one before in sid or epoch."),
		tolerance: k.gauge("electnode_failure_tolerance", "Voters that this leader may still lose, whichever"+
			" they are; -1 without an established leader, -2 where another server leads."),
		possible: k.gauge("electnode_failure_tolerance_possible", "Voters that may be lost, whichever they are, while"+
			" all are there; by the configuration in force."),
		round:     k.gauge("electnode_round", "Logical clock of elections."),
		accepted:  k.gauge("electnode_accepted_epoch", "The last epoch promised, as on disk."),
		current:   k.gauge("electnode_current_epoch", "The last epoch acknowledged, as on disk."),
		zxidEpoch: k.gauge("electnode_zxid_epoch", "Epoch of the last zxid that this node speaks for."),
		zxidCount: k.gauge("electnode_zxid_counter", "Counter of the last zxid that this node speaks for."),
		config:    k.gauge("electnode_config_version", "Version of the configuration in force."),
		vote:      k.gauge("electnode_vote_leader_sid", "Whom this node votes for, -1 for nobody."),
		writes:    histogramsByWord(strange, event.Files(), writes),
		events:    countersByWord(strange, eventNames(), events),
		leftOut:   k.counter("electnode_log_lines_left_out_total", "Lines that were not written to the log because there were too many of their kind."),
		dropped:   countersByWord(strange, append([]string{otherSink}, opt.Sinks...), dropped),
		reloads:   countersByWord(strange, reloadResults(), reloads),
		expiry: k.gauge("electnode_tls_certificate_expiry_timestamp_seconds",
			"When the own certificate of TLS between servers ends, 0 without one."),
	}
	s.leaderSID.Set(noSID)
	s.vote.Set(noSID)
	s.tolerance.Set(toleranceUnknown)
	return s
}

// setState shows the state, none of the four if running is false.
func (s *nodeSeries) setState(state quorum.State, running bool) {
	for name, g := range s.state.of {
		if running && name == state.String() {
			g.Set(1)
		} else {
			g.Set(0)
		}
	}
}

// setLeader shows what is known of the leader.
func (s *nodeSeries) setLeader(l *leadership) {
	if l.known {
		s.hasLeader.Set(1)
		s.leaderSID.Set(float64(l.leader))
	} else {
		s.hasLeader.Set(0)
		s.leaderSID.Set(noSID)
	}
	s.tolerance.Set(float64(l.tolerance()))
}

// setVote shows whom this node votes for.
func (s *nodeSeries) setVote(v quorum.Vote) {
	if v.Leader == quorum.NoSID {
		s.vote.Set(noSID)
		return
	}
	s.vote.Set(float64(v.Leader))
}

// setZxid shows both halves of z.
func (s *nodeSeries) setZxid(z quorum.Zxid) {
	s.zxidEpoch.Set(float64(z.Epoch()))
	s.zxidCount.Set(float64(z.Counter()))
}
