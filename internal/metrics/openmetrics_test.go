package metrics

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"
)

const openMetrics = "application/openmetrics-text; version=1.0.0"

// grammar is a line of OpenMetrics text: a description, or a sample with an optional exemplar.
func grammar() *regexp.Regexp {
	const labels = `\{([a-z_]+="[^"\\\n]*"(,[a-z_]+="[^"\\\n]*")*)?\}`
	const number = `(-?[0-9.]+(e[+-][0-9]+)?|\+Inf)`
	return regexp.MustCompile(`^(# (HELP|TYPE|UNIT) [a-z_]+ .+|[a-z_]+(` + labels + `)? ` + number +
		`( # ` + labels + ` ` + number + ` ` + number + `)?)$`)
}

// samples checks an OpenMetrics text line by line and returns the samples with an exemplar: its name and
// labels, and its exemplar's labels.
func samples(t *testing.T, text string) map[string]string {
	t.Helper()
	body, ended := strings.CutSuffix(text, "# EOF\n")
	if !ended {
		t.Error("the text does not end with EOF")
	}
	line := grammar()
	found := map[string]string{}
	for l := range strings.Lines(body) {
		l = strings.TrimSuffix(l, "\n")
		if !line.MatchString(l) {
			t.Errorf("no OpenMetrics: %s", l)
		}
		if sample, exemplar, ok := strings.Cut(l, " # "); ok && !strings.HasPrefix(l, "# ") {
			name, _, _ := strings.Cut(sample, " ")
			labels, _, _ := strings.Cut(exemplar, " ")
			found[name] = labels
		}
	}
	return found
}

// TestExemplarsNameTheTrace, which is known when the leader is established and not before.
func TestExemplarsNameTheTrace(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Exemplars = true })
	decided := event.ElectionDecided{State: quorum.Following, How: event.HowAllHeard,
		Phases: event.Phases{FirstVoteHeard: 2 * ms, Quorum: 3 * ms, Decided: 4 * ms}}
	v := ensemble(t)
	r.after(0, event.NodeStarted{View: v}, event.ElectionStarted{Reason: event.ReasonStart})
	r.after(4*ms, decided, event.StateChanged{To: quorum.Following})
	r.want(t, `electnode_elections_total{outcome="following",reason="start"}`, "1")
	r.want(t, `electnode_election_duration_seconds_count{outcome="following"}`, "0")
	r.after(20*ms, event.LeaderEstablished{Leader: 3, Epoch: 1, After: 20 * ms})

	text, header := r.text(t, openMetrics)
	if got := header.Get("Content-Type"); !strings.HasPrefix(got, openMetrics) {
		t.Errorf("content type %s", got)
	}
	found := samples(t, text)
	for _, name := range []string{
		`electnode_election_duration_seconds_bucket{outcome="following",le="0.005"}`,
		`electnode_election_phase_duration_seconds_bucket{phase="first_vote_heard",le="0.0025"}`,
		`electnode_election_phase_duration_seconds_bucket{phase="quorum",le="0.001"}`,
		`electnode_election_phase_duration_seconds_bucket{phase="establish",le="0.025"}`,
		`electnode_leader_establishment_seconds_bucket{role="follower",le="0.025"}`,
	} {
		if found[name] != `{trace_id="`+traceid.Election(v.EnsembleID(), 1).String()+`"}` {
			t.Errorf("%s has exemplar %q", name, found[name])
		}
	}
}

// TestElectionsWithoutALeader are measured all the same: when the next begins, when the node stops. Their
// trace is the provisional one.
func TestElectionsWithoutALeader(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Exemplars = true })
	decided := event.ElectionDecided{State: quorum.Leading, How: event.HowAllHeard, Phases: event.Phases{Decided: ms}}
	const series = `electnode_election_duration_seconds_count{outcome="leading"}`
	r.after(0, event.NodeStarted{}, event.ElectionStarted{Reason: event.ReasonStart}, decided)
	r.want(t, series, "0")
	r.after(time.Second, event.ElectionStarted{Reason: event.ReasonNotSupported}, decided)
	r.want(t, series, "1")
	began := r.now.Add(time.Second)
	r.after(time.Second, event.ElectionStarted{Reason: event.ReasonNotSupported, At: began}, decided, event.NodeStopped{})
	r.want(t, series, "3")
	r.want(t, `electnode_election_phase_duration_seconds_count{phase="quorum"}`, "0")
	text, _ := r.text(t, openMetrics)
	want := `{trace_id="` + traceid.Unfinished("", 1, began).String() + `"}`
	if got := samples(t, text)[`electnode_election_duration_seconds_bucket{outcome="leading",le="0.001"}`]; got != want {
		t.Errorf("exemplar %s, want %s", got, want)
	}
}

// TestNativeHistograms are in the protobuf form of a scrape.
func TestNativeHistograms(t *testing.T) {
	r := newRig(t, nil)
	_, header := r.text(t, "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited")
	if got := header.Get("Content-Type"); !strings.HasPrefix(got, "application/vnd.google.protobuf") {
		t.Errorf("content type %s", got)
	}
	r.after(0, event.HeartbeatAnswered{Peer: 2, RTT: ms})
	families, err := r.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "electnode_heartbeat_rtt_seconds" && len(f.GetMetric()[0].GetHistogram().GetPositiveSpan()) == 0 {
			t.Error("no native buckets")
		}
	}
}
