package observe

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"

	"github.com/google/go-cmp/cmp"
)

// scrape is the time between two scrapes of a node, and the longest that one may take.
const scrape = 500 * time.Millisecond

// history is all that there is to know of a metric.
const history = "[30m]"

// watched starts a Prometheus that scrapes the ensemble before any server of it runs.
func (e *ensemble) watched() *Prometheus {
	e.t.Helper()
	var targets []string
	for _, s := range e.servers {
		targets = append(targets, s.HTTP)
	}
	return StartPrometheus(e.t, root, ScrapeConfig(scrape, targets...))
}

// of selects the series of a server, with more matchers if given.
func of(s *server, name string, matchers ...string) string {
	return name + "{" + strings.Join(append(matchers, fmt.Sprintf("instance=%q", s.HTTP)), ",") + "}"
}

// number is the sum of an expression that must have values, which may take until the next scrape.
func number(t testing.TB, p *Prometheus, expr string) float64 {
	t.Helper()
	var n float64
	proc.Eventually(t, patience, expr+" has a value", func() (err error) {
		n, err = p.Number("sum(" + expr + ")")
		return err
	})
	return n
}

// TestMetrics has a real Prometheus watch three servers from before they start until after the first leader was
// killed: all series are there from the first scrape on, and those move that must.
func TestMetrics(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3)
	p := e.watched()
	r := e.start()
	seen(t, p, r, e.servers...)
	for _, s := range e.servers {
		complete(t, p, e, s)
		lint(t, s)
	}
	types(t, p, e)
	quantiles(t, p)

	survivors := e.others(r.leader)
	before := map[*server]map[string]float64{}
	for _, s := range survivors {
		before[s] = counts(t, p, s, r.leader)
	}
	after, took := e.killLeader(r)
	seen(t, p, after, survivors...)
	proc.Eventually(t, patience, "the dead server is down", func() error {
		if n := number(t, p, of(r.leader, "up")); n != 0 {
			return fmt.Errorf("up is %g", n)
		}
		return nil
	})
	for _, s := range survivors {
		moved(t, p, s, r, after, before[s], took)
		complete(t, p, e, s) // nothing new came with the fail-over
	}
}

// seen waits until Prometheus has scraped what is said of a reign.
func seen(t testing.TB, p *Prometheus, r reign, among ...*server) {
	t.Helper()
	proc.Eventually(t, patience, fmt.Sprintf("Prometheus knows epoch %d", r.epoch), func() error {
		for _, s := range among {
			for name, want := range map[string]float64{"electnode_leader_sid": float64(r.leader.SID),
				"electnode_current_epoch": float64(r.epoch), "electnode_has_leader": 1,
				"electnode_election_start_timestamp_seconds": 0} {
				n, err := p.Number(of(s, name))
				if err != nil {
					return err
				}
				if n != want {
					return fmt.Errorf("%s of server %d is %g, not %g", name, s.SID, n, want)
				}
			}
		}
		return nil
	})
}

// complete checks that the server has each series of the contract, and no other, since its first scrape.
func complete(t testing.TB, p *Prometheus, e *ensemble, s *server) {
	t.Helper()
	all, err := p.Query(of(s, "", `__name__=~"electnode_.+"`) + history)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string][]Series{}
	var first time.Time
	for _, series := range all {
		byName[series.Metric["__name__"]] = append(byName[series.Metric["__name__"]], series)
		if at := series.first(); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	for _, m := range table(e.peersOf(s)) {
		names := []string{m.name}
		if m.kind == histogram {
			names = append(names, m.name+"_bucket", m.name+"_sum", m.name+"_count")
		}
		for _, name := range names {
			if err := m.check(byName[name], name, first); err != nil {
				t.Errorf("server %d: %s: %v", s.SID, name, err)
			}
			delete(byName, name)
		}
	}
	if len(byName) > 0 {
		t.Errorf("server %d: metrics that the contract does not have: %s", s.SID, slices.Sorted(maps.Keys(byName)))
	}
	for _, name := range []string{"go_goroutines", "go_memstats_heap_alloc_bytes", "process_open_fds",
		"process_resident_memory_bytes", "process_start_time_seconds"} {
		if n := number(t, p, of(s, name)); n <= 0 {
			t.Errorf("server %d: %s is %g", s.SID, name, n)
		}
	}
}

// first is when the series was scraped first.
func (s Series) first() time.Time {
	var at time.Time
	if len(s.Values) > 0 {
		at = s.Values[0].At
	}
	if len(s.Histograms) > 0 && (at.IsZero() || s.Histograms[0].At.Before(at)) {
		at = s.Histograms[0].At
	}
	return at
}

// peersOf are the values of the label peer.
func (e *ensemble) peersOf(s *server) []string {
	peers := []string{"unknown"}
	for _, other := range e.others(s) {
		peers = append(peers, fmt.Sprint(other.SID))
	}
	return peers
}

// check compares the series of a name with the contract: one for each combination of values, all since first.
func (m metric) check(series []Series, name string, first time.Time) error {
	want := 1
	for _, values := range m.labels {
		want *= max(1, len(values))
	}
	combinations := map[string]bool{}
	for _, s := range series {
		labels := maps.Clone(s.Metric)
		_, hasBound := labels["le"]
		if hasBound != strings.HasSuffix(name, "_bucket") {
			return fmt.Errorf("label le in %v", s.Metric)
		}
		for _, own := range []string{"__name__", "instance", "job", "le"} {
			delete(labels, own)
		}
		if d := cmp.Diff(slices.Sorted(maps.Keys(m.labels)), slices.Sorted(maps.Keys(labels))); d != "" {
			return fmt.Errorf("labels: %s", d)
		}
		for label, value := range labels {
			if values := m.labels[label]; values != nil && !slices.Contains(values, value) || value == "" {
				return fmt.Errorf("%s=%q is outside of its set", label, value)
			}
		}
		if at := s.first(); !at.Equal(first) {
			return fmt.Errorf("%v is there since %s, the node since %s", labels, at, first)
		}
		if isNative := m.kind == histogram && name == m.name; isNative != (len(s.Histograms) > 0) || isNative == (len(s.Values) > 0) {
			return fmt.Errorf("%v has %d values and %d native histograms", labels, len(s.Values), len(s.Histograms))
		}
		combinations[fmt.Sprint(labels)] = true
	}
	if len(combinations) != want {
		return fmt.Errorf("%d combinations of labels, want %d", len(combinations), want)
	}
	return nil
}

// lint has promtool look at what the server shows: it says nothing.
func lint(t testing.TB, s *server) {
	t.Helper()
	body, err := get("http://" + s.HTTP + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(Program(t, root, "prometheus", "promtool"), "check", "metrics")
	cmd.Stdin = strings.NewReader(string(body))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool about server %d: %v\n%s", s.SID, err, out)
	}
}

// types compares the types that the nodes tell with the contract.
func types(t testing.TB, p *Prometheus, e *ensemble) {
	t.Helper()
	all, err := p.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range all {
		got[m.Target["instance"]+" "+m.Metric] = m.Type
		if strings.HasPrefix(m.Metric, "electnode_") && m.Help == "" {
			t.Errorf("%s has no help", m.Metric)
		}
	}
	for _, s := range e.servers {
		for _, m := range table(nil) {
			if kind := got[s.HTTP+" "+m.name]; kind != m.kind {
				t.Errorf("server %d: %s is a %q, not a %s", s.SID, m.name, kind, m.kind)
			}
		}
	}
}

// quantiles asks the durations of elections as a classic and as a native histogram: they agree.
func quantiles(t testing.TB, p *Prometheus) {
	t.Helper()
	const name = "electnode_election_duration_seconds"
	for _, c := range []struct{ native, classic string }{
		{"histogram_count(" + name + ")", name + "_count"}, {"histogram_sum(" + name + ")", name + "_sum"},
	} {
		native, classic := number(t, p, c.native), number(t, p, c.classic)
		if native != classic || native <= 0 {
			t.Errorf("%s is %g, %s is %g", c.native, native, c.classic, classic)
		}
	}
	for _, q := range []float64{0.5, 0.99} {
		classic := number(t, p, fmt.Sprintf("histogram_quantile(%g, sum by (le) (%s_bucket))", q, name))
		native := number(t, p, fmt.Sprintf("histogram_quantile(%g, sum(%s))", q, name))
		// Neither is exact: the classic bounds lie up to three times apart.
		if !(native > 0 && native < 4*classic && classic < 4*native) {
			t.Errorf("quantile %g is %g by classic and %g by native histograms", q, classic, native)
		}
	}
}

// counts are the numbers of a server that the death of a leader moves.
func counts(t testing.TB, p *Prometheus, s, leader *server) map[string]float64 {
	t.Helper()
	numbers := map[string]float64{}
	for name, matchers := range map[string][]string{
		"electnode_leaderless_seconds_total":           nil,
		"electnode_leader_changes_total":               nil,
		"electnode_round":                              nil,
		"electnode_elections_total":                    {`reason="leader_lost"`, `outcome=~"leading|following"`},
		"electnode_election_duration_seconds_count":    {`outcome=~"leading|following"`},
		"electnode_leader_establishment_seconds_count": nil,
		"electnode_decisions_total":                    nil,
		"electnode_round_transitions_total":            {`cause="start"`},
		"electnode_notifications_sent_total":           nil,
		"electnode_notifications_received_total":       nil,
		"electnode_connection_drops_total":             {fmt.Sprintf(`peer="%d"`, leader.SID), `reason=~"closed|reset"`},
		"electnode_durable_write_duration_seconds_sum": nil,
		"electnode_events_total":                       {`event="LeaderLost"`},
	} {
		numbers[name] = number(t, p, of(s, name, matchers...))
	}
	return numbers
}

// moved checks what a survivor shows of a fail-over that took so long at most.
func moved(t testing.TB, p *Prometheus, s *server, was, is reign, before map[string]float64, took time.Duration) {
	t.Helper()
	after := counts(t, p, s, was.leader)
	for name, n := range after {
		if n <= before[name] {
			t.Errorf("server %d: %s was %g and is %g", s.SID, name, before[name], n)
		}
	}
	const once = "electnode_elections_total"
	if n := after[once] - before[once]; n != 1 {
		t.Errorf("server %d: %g elections came of one lost leader", s.SID, n)
	}
	const without = "electnode_leaderless_seconds_total"
	if n := after[without] - before[without]; n > took.Seconds() {
		t.Errorf("server %d: %g s without a leader, the fail-over took %s in all", s.SID, n, took)
	}
	leads, tolerates, state := 0.0, -2.0, "FOLLOWING"
	if s == is.leader {
		leads, tolerates, state = 1, 0, "LEADING"
	}
	dead := fmt.Sprintf(`peer="%d"`, was.leader.SID)
	for expr, want := range map[string]float64{
		of(s, "electnode_elections_total", `reason="leader_lost"`, `outcome="leading"`): leads,
		of(s, "electnode_failure_tolerance"):                                            tolerates,
		of(s, "electnode_node_state", fmt.Sprintf("state=%q", state)):                   1,
		of(s, "electnode_node_state", `state="LOOKING"`):                                0,
		of(s, "electnode_vote_leader_sid"):                                              float64(is.leader.SID),
		of(s, "electnode_accepted_epoch"):                                               float64(is.epoch),
		of(s, "electnode_notification_wait_seconds"):                                    0,
		of(s, "electnode_peer_connected", dead):                                         0,
		of(s, "electnode_unknown_words_total"):                                          0,
		of(s, "electnode_events_dropped_total"):                                         0,
	} {
		if n := number(t, p, expr); n != want {
			t.Errorf("%s is %g, want %g", expr, n, want)
		}
	}
}

// errNone is an answer without what was asked for.
var errNone = errors.New("none yet")

// text is what /metrics says.
type text string

// leftOut is the sink of lines that the log was not given because there were too many of their kind.
const leftOut = "lines left out"

// bySink reads electnode_events_dropped_total, and electnode_log_lines_left_out_total as leftOut.
func (x text) bySink() map[string]float64 {
	counts := map[string]float64{}
	for line := range strings.Lines(string(x)) {
		var sink string
		var n float64
		if _, err := fmt.Sscanf(line, "electnode_events_dropped_total{sink=%q} %g", &sink, &n); err == nil {
			counts[sink] = n
		}
		if _, err := fmt.Sscanf(line, "electnode_log_lines_left_out_total %g", &n); err == nil {
			counts[leftOut] = n
		}
	}
	return counts
}
