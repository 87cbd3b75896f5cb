package dashboards

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"electnode/internal/metrics"
	"electnode/internal/quorum"
)

// catalogue is what there is to ask for: labels of a metric with the values that they may have; nil: any.
type catalogue map[string]map[string][]string

// known gathers the metrics of a node among three, and adds what Prometheus itself makes.
func known(t testing.TB) catalogue {
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
	families, err := metrics.New(metrics.Options{Self: 1, View: view, Runtime: true}).Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	c := catalogue{"up": {}}
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
