package observe

import (
	"electnode/internal/event"
	"electnode/internal/quorum"
)

// Types of metrics, as Prometheus calls them.
const (
	gauge     = "gauge"
	counter   = "counter"
	histogram = "histogram"
)

// metric is a line of the contract with dashboards and alerts.
type metric struct {
	name, kind string
	labels     map[string][]string // the values that there may be; nil: whatever the program is
}

// by makes the labels of a metric: name, values, name, values.
func by[A, B ~string](name string, values []A, more ...any) map[string][]string {
	labels := map[string][]string{name: texts(values)}
	for i := 0; i < len(more); i += 2 {
		labels[more[i].(string)] = texts(more[i+1].([]B))
	}
	return labels
}

func texts[S ~string](words []S) []string {
	var all []string
	for _, w := range words {
		all = append(all, string(w))
	}
	return all
}

// table is the contract: every metric of a node whose peers are given, and what its labels may say.
func table(peers []string) []metric {
	outcomes := []string{"leading", "following", "observing", "aborted"}
	var states, events []string
	for _, s := range quorum.States() {
		states = append(states, s.String())
	}
	for _, ev := range event.All() {
		events = append(events, ev.Name())
	}
	peer := by[string, string]("peer", peers)
	return []metric{
		{"electnode_build_info", gauge, map[string][]string{"version": nil, "revision": nil, "goversion": nil}},
		{"electnode_node_state", gauge, by[string, string]("state", states)},
		{"electnode_leader_sid", gauge, nil},
		{"electnode_has_leader", gauge, nil},
		{"electnode_leaderless_seconds_total", counter, nil},
		{"electnode_leader_changes_total", counter, nil},
		{"electnode_round", gauge, nil},
		{"electnode_accepted_epoch", gauge, nil},
		{"electnode_current_epoch", gauge, nil},
		{"electnode_zxid_epoch", gauge, nil},
		{"electnode_zxid_counter", gauge, nil},
		{"electnode_config_version", gauge, nil},
		{"electnode_election_start_timestamp_seconds", gauge, nil},
		{"electnode_vote_leader_sid", gauge, nil},
		{"electnode_notification_wait_seconds", gauge, nil},
		{"electnode_failure_tolerance", gauge, nil},
		{"electnode_failure_tolerance_possible", gauge, nil},
		{"electnode_elections_total", counter, by[string, string]("reason", event.Reasons(), "outcome", outcomes)},
		{"electnode_election_duration_seconds", histogram, by[string, string]("outcome", outcomes)},
		{"electnode_election_phase_duration_seconds", histogram,
			by[string, string]("phase", []string{"first_vote_heard", "quorum", "finalize", "establish"})},
		{"electnode_leader_establishment_seconds", histogram,
			by[string, string]("role", []string{"leader", "follower", "observer"})},
		{"electnode_round_transitions_total", counter, by[event.RoundCause, string]("cause", event.RoundCauses())},
		{"electnode_vote_changes_total", counter, by[event.VoteCause, string]("cause", event.VoteCauses())},
		{"electnode_decisions_total", counter, by[event.How, string]("how", event.Hows())},
		{"electnode_notifications_sent_total", counter,
			by[string, event.SendCause]("peer", peers, "cause", event.SendCauses())},
		{"electnode_notifications_received_total", counter,
			by[string, event.ReceiveOutcome]("peer", peers, "outcome", event.ReceiveOutcomes())},
		{"electnode_notifications_replaced_total", counter, peer},
		{"electnode_notification_latency_seconds", histogram, peer},
		{"electnode_connection_attempts_total", counter,
			by[string, string]("peer", peers, "result", event.DialResults())},
		{"electnode_connection_tie_breaks_total", counter, map[string][]string{"peer": peers,
			"side": texts(event.TieBreakSides()), "outcome": texts(event.TieBreakOutcomes())}},
		{"electnode_peer_connected", gauge, peer},
		{"electnode_peer_last_message_timestamp_seconds", gauge,
			by[string, string]("peer", peers, "direction", []string{"sent", "received"})},
		{"electnode_peer_resolve_failures_total", counter, peer},
		{"electnode_peer_resolved_timestamp_seconds", gauge, peer},
		{"electnode_connection_drops_total", counter,
			by[string, string]("peer", peers, "reason", event.DropReasons())},
		{"electnode_handshake_duration_seconds", histogram,
			by[string, string]("result", []string{"completed", "rejected"})},
		{"electnode_handshakes_rejected_total", counter, by[string, string]("reason", event.RejectReasons())},
		{"electnode_port_rejections_total", counter,
			by[string, string]("port", event.Ports(), "reason", event.RejectReasons())},
		{"electnode_tls_reloads_total", counter, by[string, string]("result", []string{"ok", "failed"})},
		{"electnode_tls_certificate_expiry_timestamp_seconds", gauge, nil},
		{"electnode_heartbeat_rtt_seconds", histogram, peer},
		{"electnode_durable_write_duration_seconds", histogram, by[string, string]("file", event.Files())},
		{"electnode_events_total", counter, by[string, string]("event", events)},
		{"electnode_events_dropped_total", counter,
			by[string, string]("sink", []string{"log", "metrics", "recorder", "tracing", "other"})},
		{"electnode_log_lines_left_out_total", counter, nil},
		// These two are no part of the contract: mistakes of this program, and of the clocks of others.
		{"electnode_unknown_words_total", counter, nil},
		{"electnode_notification_latency_dropped_total", counter, peer},
	}
}
