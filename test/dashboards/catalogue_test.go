package dashboards

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"electnode/internal/metrics"
	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// catalogue is what there is to ask for: labels of a metric with the values that they may have; nil: any.
type catalogue map[string]map[string][]string

// gathered are the metrics of a node among three, and of a watcher of them.
func gathered(t testing.TB) prometheus.Gatherer {
	t.Helper()
	spec := quorum.Spec{}
	for sid := quorum.SID(1); sid <= 3; sid++ {
		spec.Members = append(spec.Members, quorum.Member{SID: sid, Addresses: []quorum.Address{{Host: "127.0.0.1",
			QuorumPort: 2888, ElectionPort: 3888}}})
	}
	view, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	node := metrics.New(metrics.Options{Self: 1, View: view, Runtime: true})
	return prometheus.Gatherers{node.Registry(), watching(view).Registry()}
}

// known is the catalogue of these, and of what Prometheus itself makes.
func known(t testing.TB) catalogue {
	t.Helper()
	c := catalogue{"up": {}}
	families, err := gathered(t).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		labels := map[string][]string{}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = append(labels[l.GetName()], l.GetValue())
			}
		}
		switch f.GetType().String() {
		case "HISTOGRAM":
			c[f.GetName()+"_bucket"] = maps.Clone(labels)
			c[f.GetName()+"_bucket"]["le"] = nil
			fallthrough
		case "SUMMARY":
			c[f.GetName()+"_sum"], c[f.GetName()+"_count"] = maps.Clone(labels), maps.Clone(labels)
		default:
			c[f.GetName()] = labels
		}
	}
	for _, labels := range c {
		labels["instance"], labels["job"], labels["ensemble"] = nil, nil, nil
		if labels["peer"] != nil {
			labels["peer"] = []string{"1", "2", "3", "unknown"}
		}
	}
	c["ALERTS_FOR_STATE"] = map[string][]string{"alertname": nil, "ensemble": nil, "severity": nil}
	c["ALERTS"] = map[string][]string{"alertname": nil, "ensemble": nil, "severity": nil, "alertstate": {"firing", "pending"}}
	return c
}

// TestMetricsPage: docs/metrics.md has a line for each metric of electnode's own, in the words of /metrics, and none
// for another.
func TestMetricsPage(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "docs/metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "| `electnode_") {
			got[strings.TrimSpace(line)] = true
		}
	}
	want := map[string]bool{}
	families, err := gathered(t).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "electnode_") {
			want[fmt.Sprintf("| `%s` | %s | %s |", f.GetName(), strings.ToLower(f.GetType().String()), f.GetHelp())] = true
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("docs/metrics.md (-metrics +page):\n%s", d)
	}
}

// labels are those of a metric.
func (c catalogue) labels(metric string) (set, error) {
	all, ok := c[metric]
	if !ok {
		return nil, fmt.Errorf("%s is no metric", metric)
	}
	s := set{}
	for name := range all {
		s[name] = true
	}
	return s, nil
}

// matches checks that a condition can be met.
func (c catalogue) matches(metric string, m matcher) error {
	values, ok := c[metric][m.Name]
	if m.Name == "__name__" {
		return nil
	}
	if !ok {
		return fmt.Errorf("%s has no label %s", metric, m.Name)
	}
	if values == nil || m.Value == "" {
		return nil
	}
	hit := func(v string) bool { return v == m.Value }
	if strings.HasSuffix(m.Type, "~") {
		pattern, err := regexp.Compile("^(?:" + m.Value + ")$")
		if err != nil {
			return err
		}
		hit = pattern.MatchString
	}
	if !slices.ContainsFunc(values, hit) {
		return fmt.Errorf("no %s of %s is %s", m.Name, metric, m.Value)
	}
	return nil
}

// isElection reports whether a metric is electnode's own, and by which name the catalogue of people has it.
func isElection(metric string) (string, bool) {
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(metric, part); ok && strings.HasSuffix(base, "_seconds") {
			metric = base
		}
	}
	return metric, strings.HasPrefix(metric, "electnode_")
}
