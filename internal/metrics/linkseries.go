package metrics

import (
	"time"

	"electnode/internal/event"

	"github.com/prometheus/client_golang/prometheus"
)

// linkSeries are what happens between this node and its peers, on both ports.
type linkSeries struct {
	strange prometheus.Counter

	sent, received, replaced *prometheus.CounterVec
	latency                  *prometheus.HistogramVec
	latencyDropped           *prometheus.CounterVec
	attempts, ties, drops    *prometheus.CounterVec
	connected, message       *prometheus.GaugeVec
	resolveFailures          *prometheus.CounterVec
	resolved                 *prometheus.GaugeVec
	heartbeat                *prometheus.HistogramVec
	handshake                byWord[string, prometheus.Observer]
	rejected                 byWord[string, prometheus.Counter]                 // reason
	rejectedAt               byWord[string, byWord[string, prometheus.Counter]] // port, reason
}

func newLinkSeries(k maker, strange prometheus.Counter) linkSeries {
	handshake := k.histograms("electnode_handshake_duration_seconds",
		"Incoming connections, from acceptance to the end of their hand-shake.", networkBounds(), "result")
	rejected := k.counters("electnode_handshakes_rejected_total",
		"Incoming connections that were closed in their hand-shake, and clients of HTTP that were turned away.", "reason")
	rejectedAt := k.counters("electnode_port_rejections_total", "What was turned away as in electnode_handshakes_rejected_total, by the port that it came to.", "port", "reason")
	return linkSeries{
		strange:  strange,
		sent:     k.counters("electnode_notifications_sent_total", "Notifications handed to the kernel.", "peer", "cause"),
		received: k.counters("electnode_notifications_received_total", "Notifications processed.", "peer", "outcome"),
		replaced: k.counters("electnode_notifications_replaced_total",
			"Notifications that gave way to newer ones before they were sent.", "peer"),
		latency: k.histograms("electnode_notification_latency_seconds",
			"From sending on a peer to processing here, between electnodes, as far as their clocks agree.",
			networkBounds(), "peer"),
		latencyDropped: k.counters("electnode_notification_latency_dropped_total",
			"Notifications whose time of sending was in the future or more than a minute ago.", "peer"),
		attempts: k.counters("electnode_connection_attempts_total", "Dials to election addresses, and to quorum addresses those with result tls or identity.", "peer", "result"),
		ties: k.counters("electnode_connection_tie_breaks_total",
			"Decisions which of a pair's connections stays.", "peer", "side", "outcome"),
		drops: k.counters("electnode_connection_drops_total", "Election connections that ended.", "peer", "reason"),
		connected: k.gauges("electnode_peer_connected",
			"1 while there is an election connection with the peer, 0 while there is none though there should be, that is, where one of the"+
				" two is a voter; the number of them for unknown peers.", "peer"),
		message: k.gauges("electnode_peer_last_message_timestamp_seconds",
			"When the last notification went to or came from the peer, 0 for never.", "peer", "direction"),
		resolveFailures: k.counters("electnode_peer_resolve_failures_total",
			"Look-ups of a peer's name that gave no address.", "peer"),
		resolved: k.gauges("electnode_peer_resolved_timestamp_seconds",
			"When a peer's name last led to an address, 0 for never.", "peer"),
		heartbeat: k.histograms("electnode_heartbeat_rtt_seconds",
			"From this leader's PING to a learner's answer.", networkBounds(), "peer"),
		handshake: histogramsByWord(strange, handshakes(), handshake),
		rejected:  countersByWord(strange, event.RejectReasons(), rejected),
		rejectedAt: makeByWord(strange, event.Ports(), func(port string) byWord[string, prometheus.Counter] {
			return countersByWord(strange, event.RejectReasons(), rejectedAt.MustCurryWith(prometheus.Labels{"port": port}))
		}),
	}
}

// peer is all series of one peer, looked up beforehand.
type peer struct {
	sent            byWord[event.SendCause, prometheus.Counter]
	received        byWord[event.ReceiveOutcome, prometheus.Counter]
	replaced        prometheus.Counter
	latency         prometheus.Observer
	latencyDropped  prometheus.Counter
	attempts        byWord[string, prometheus.Counter]
	ties            byWord[event.TieBreakSide, byWord[event.TieBreakOutcome, prometheus.Counter]]
	drops           byWord[string, prometheus.Counter]
	lastSent        prometheus.Gauge
	lastReceived    prometheus.Gauge
	resolveFailures prometheus.Counter
	resolved        prometheus.Gauge
	heartbeat       prometheus.Observer
}

// peer makes the series with this value of the label peer.
func (s *linkSeries) peer(label string) *peer {
	is := prometheus.Labels{"peer": label}
	return &peer{
		sent:           countersByWord(s.strange, event.SendCauses(), s.sent.MustCurryWith(is)),
		received:       countersByWord(s.strange, event.ReceiveOutcomes(), s.received.MustCurryWith(is)),
		replaced:       s.replaced.With(is),
		latency:        s.latency.With(is),
		latencyDropped: s.latencyDropped.With(is),
		attempts:       countersByWord(s.strange, event.DialResults(), s.attempts.MustCurryWith(is)),
		ties: makeByWord(s.strange, event.TieBreakSides(), func(side string) byWord[event.TieBreakOutcome, prometheus.Counter] {
			return countersByWord(s.strange, event.TieBreakOutcomes(),
				s.ties.MustCurryWith(prometheus.Labels{"peer": label, "side": side}))
		}),
		drops:           countersByWord(s.strange, event.DropReasons(), s.drops.MustCurryWith(is)),
		lastSent:        s.message.WithLabelValues(label, directionSent),
		lastReceived:    s.message.WithLabelValues(label, directionReceived),
		resolveFailures: s.resolveFailures.With(is),
		resolved:        s.resolved.With(is),
		heartbeat:       s.heartbeat.With(is),
	}
}

// maxLatency is the longest that a notification may have been on its way. More is a clock that is wrong:
// no vote waits longer than a minute to be sent again.
const maxLatency = time.Minute

// took enters how long a notification was on its way, if its sender said when it sent it.
func (p *peer) took(sent, received time.Time) {
	if sent.IsZero() {
		return
	}
	d := received.Sub(sent)
	if d < 0 || d > maxLatency {
		p.latencyDropped.Inc()
		return
	}
	p.latency.Observe(d.Seconds())
}
