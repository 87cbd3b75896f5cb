package metrics

import (
	"slices"
	"strings"
	"testing"
)

// contract is a row of the table in the specification: the series that every node has from the start.
type contract struct {
	name, kind string
	labels     string // as Prometheus orders them
	count      int    // with four peers: 2, 3, 4 and unknown
}

func contracts() []contract {
	return []contract{
		{"electnode_accepted_epoch", "GAUGE", "", 1},
		{"electnode_build_info", "GAUGE", "goversion,revision,version", 1},
		{"electnode_config_version", "GAUGE", "", 1},
		{"electnode_connection_attempts_total", "COUNTER", "peer,result", 4 * 8},
		{"electnode_connection_drops_total", "COUNTER", "peer,reason", 4 * 10},
		{"electnode_connection_tie_breaks_total", "COUNTER", "outcome,peer,side", 4 * 2 * 4},
		{"electnode_current_epoch", "GAUGE", "", 1},
		{"electnode_decisions_total", "COUNTER", "how", 4},
		{"electnode_durable_write_duration_seconds", "HISTOGRAM", "file", 2},
		{"electnode_election_duration_seconds", "HISTOGRAM", "outcome", 4},
		{"electnode_election_phase_duration_seconds", "HISTOGRAM", "phase", 4},
		{"electnode_election_start_timestamp_seconds", "GAUGE", "", 1},
		{"electnode_elections_total", "COUNTER", "outcome,reason", 12 * 4},
		{"electnode_events_dropped_total", "COUNTER", "sink", 5},
		{"electnode_events_total", "COUNTER", "event", len(eventNames())},
		{"electnode_failure_tolerance", "GAUGE", "", 1},
		{"electnode_failure_tolerance_possible", "GAUGE", "", 1},
		{"electnode_handshake_duration_seconds", "HISTOGRAM", "result", 2},
		{"electnode_handshakes_rejected_total", "COUNTER", "reason", 11},
		{"electnode_has_leader", "GAUGE", "", 1},
		{"electnode_heartbeat_rtt_seconds", "HISTOGRAM", "peer", 4},
		{"electnode_leader_changes_total", "COUNTER", "", 1},
		{"electnode_leader_establishment_seconds", "HISTOGRAM", "role", 3},
		{"electnode_leader_sid", "GAUGE", "", 1},
		{"electnode_leaderless_seconds_total", "COUNTER", "", 1},
		{"electnode_log_lines_left_out_total", "COUNTER", "", 1},
		{"electnode_node_state", "GAUGE", "state", 4},
		{"electnode_notification_latency_dropped_total", "COUNTER", "peer", 4},
		{"electnode_notification_latency_seconds", "HISTOGRAM", "peer", 4},
		{"electnode_notification_wait_seconds", "GAUGE", "", 1},
		{"electnode_notifications_received_total", "COUNTER", "outcome,peer", 4 * 14},
		{"electnode_notifications_replaced_total", "COUNTER", "peer", 4},
		{"electnode_notifications_sent_total", "COUNTER", "cause,peer", 4 * 8},
		{"electnode_peer_connected", "GAUGE", "peer", 4},
		{"electnode_peer_last_message_timestamp_seconds", "GAUGE", "direction,peer", 2 * 4},
		{"electnode_peer_resolve_failures_total", "COUNTER", "peer", 4},
		{"electnode_peer_resolved_timestamp_seconds", "GAUGE", "peer", 4},
		{"electnode_port_rejections_total", "COUNTER", "port,reason", 4 * 11},
		{"electnode_round", "GAUGE", "", 1},
		{"electnode_round_transitions_total", "COUNTER", "cause", 3},
		{"electnode_tls_certificate_expiry_timestamp_seconds", "GAUGE", "", 1},
		{"electnode_tls_reloads_total", "COUNTER", "result", 2},
		{"electnode_unknown_words_total", "COUNTER", "", 1},
		{"electnode_vote_changes_total", "COUNTER", "cause", 4},
		{"electnode_vote_leader_sid", "GAUGE", "", 1},
		{"electnode_zxid_counter", "GAUGE", "", 1},
		{"electnode_zxid_epoch", "GAUGE", "", 1},
	}
}

// TestEverySeriesIsThereFromTheStart, at 0 but for those with a value for "none".
func TestEverySeriesIsThereFromTheStart(t *testing.T) {
	start := map[string]float64{"electnode_build_info": 1, "electnode_leader_sid": -1,
		"electnode_vote_leader_sid": -1, "electnode_failure_tolerance": -2, "electnode_failure_tolerance_possible": 1}
	families, err := newRig(t, nil).Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []contract
	for _, f := range families {
		c := contract{name: f.GetName(), kind: f.GetType().String(), count: len(f.GetMetric())}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName())
			}
			c.labels = strings.Join(labels, ",")
			v := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			if v != start[c.name] {
				t.Errorf("%s%v begins at %v", c.name, m.GetLabel(), v)
			}
			if h := m.GetHistogram(); h != nil && (h.Schema == nil || len(h.GetBucket()) == 0) {
				t.Errorf("%s is not classic and native at once", c.name)
			}
		}
		got = append(got, c)
	}
	if want := contracts(); !slices.Equal(got, want) {
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Fatalf("from row %d on:\nhave %v\nwant %v", i, got[min(i, len(got)):], want[min(i, len(want)):])
			}
		}
	}
}
