package dashboards

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"electnode/test/observe"

	"go.yaml.in/yaml/v2"
)

// rules is the folder of what Prometheus and Alertmanager read.
const rules = root + "/dashboards/prometheus"

// alert is an alerting rule.
type alert struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

// readYAML reads a file into v.
func readYAML(t testing.TB, file string, v any) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(raw, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// alerts are the alerting rules, by name; some have two.
func alerts(t testing.TB) map[string][]alert {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	readYAML(t, rules+"/alerts.yml", &file)
	all := map[string][]alert{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			all[r.Alert] = append(all[r.Alert], r)
		}
	}
	if len(all) < 15 {
		t.Fatalf("only %d alerts", len(all))
	}
	return all
}

// TestAlertsHavePages: each alert has a page of its own, and each page an alert.
func TestAlertsHavePages(t *testing.T) {
	pages, err := filepath.Glob(root + "/docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for name, all := range alerts(t) {
		named = append(named, name)
		for _, a := range all {
			page := "docs/runbooks/" + name + ".md"
			raw, err := os.ReadFile(filepath.Join(root, page))
			if err != nil {
				t.Error(err)
				continue
			}
			if !strings.HasPrefix(string(raw), "# "+name+"\n") || !strings.HasSuffix(a.Annotations["runbook_url"], page) ||
				!strings.HasSuffix(a.Annotations["summary"], ".") || a.Annotations["description"] == "" || a.Labels["severity"] == "" {
				t.Errorf("%s: heading of the page, runbook_url, summary, description or severity", name)
			}
		}
	}
	for _, page := range pages {
		if name := strings.TrimSuffix(filepath.Base(page), ".md"); !slices.Contains(named, name) {
			t.Errorf("%s is the page of no alert", page)
		}
	}
}

// TestRunbookLinks: what panels name or lead to is there.
func TestRunbookLinks(t *testing.T) {
	all := alerts(t)
	for _, d := range load(t) {
		d.each(func(p *Panel) {
			linked := map[string]bool{}
			for _, l := range p.Links {
				if page, ok := strings.CutPrefix(l.URL, "${runbooks}/"); ok {
					name := strings.TrimSuffix(page, ".md")
					linked[name] = true
					if all[name] == nil || !strings.HasSuffix(page, ".md") {
						t.Errorf("%s: there is no runbook %s", d.name(p), page)
					}
				}
			}
			for word := range strings.FieldsFuncSeq(p.Description, func(r rune) bool { return r < '0' || r > 'z' || r > '9' && r < 'A' }) {
				if strings.HasPrefix(word, "Electnode") && all[word] == nil {
					t.Errorf("%s: there is no alert %s", d.name(p), word)
				}
			}
		})
	}
}

// expected is what a unit test wants of one alert at one time: none, or these.
type expected struct {
	Name   string `yaml:"alertname"`
	Alerts []struct {
		Labels map[string]string `yaml:"exp_labels"`
	} `yaml:"exp_alerts"`
}

// tested is all that the unit tests of a file want.
func tested(t testing.TB, name string) []expected {
	t.Helper()
	var file struct {
		Tests []struct {
			Rules []expected `yaml:"alert_rule_test"`
		}
	}
	readYAML(t, filepath.Join(rules, name), &file)
	var all []expected
	for _, test := range file.Tests {
		all = append(all, test.Rules...)
	}
	if len(all) < 5 {
		t.Fatalf("%s: only %d expectations", name, len(all))
	}
	return all
}

// TestAlertsAreTested: each alert is seen firing and not firing, each of those that share a name too.
func TestAlertsAreTested(t *testing.T) {
	fires, silent := map[string][]map[string]string{}, map[string]bool{}
	for _, file := range []string{"tests.yml", "watch_tests.yml", "watch_long_tests.yml"} {
		for _, r := range tested(t, file) {
			silent[r.Name] = silent[r.Name] || len(r.Alerts) == 0
			for _, a := range r.Alerts {
				fires[r.Name] = append(fires[r.Name], a.Labels)
			}
		}
	}
	for name, all := range alerts(t) {
		for _, a := range all {
			if !slices.ContainsFunc(fires[name], func(seen map[string]string) bool { return within(a.Labels, seen) }) {
				t.Errorf("%s with %v is never seen firing", name, a.Labels)
			}
		}
		if !silent[name] && name != "ElectnodeWatchdog" { // which is never silent
			t.Errorf("%s is never seen silent", name)
		}
	}
}

// within reports whether all of a is in b.
func within(a, b map[string]string) bool {
	for name := range maps.Keys(a) {
		if b[name] != a[name] {
			return false
		}
	}
	return true
}

// TestRuleExpressions: rules and alerts name only what there is.
func TestRuleExpressions(t *testing.T) {
	t.Parallel()
	p, c := parser(t), known(t)
	var file struct {
		Groups []struct {
			Rules []struct{ Record, Expr string }
		}
	}
	readYAML(t, rules+"/rules.yml", &file)
	type expression struct{ name, expr string }
	var all []expression
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			all = append(all, expression{r.Record, r.Expr})
		}
	}
	for _, some := range alerts(t) {
		for _, a := range some {
			all = append(all, expression{a.Alert, a.Expr})
		}
	}
	for _, e := range all { // recorded metrics first: others name them
		tree, err := p.parse(e.expr)
		if err != nil {
			t.Errorf("%s: %v", e.name, err)
			continue
		}
		tree.visit("", func(n *node, _ string) {
			if n.Type != "vectorSelector" && n.Type != "matrixSelector" {
				return
			}
			for _, m := range n.Matchers {
				if err := c.matches(n.Name, m); err != nil {
					t.Errorf("%s: %v", e.name, err)
				}
			}
		})
		labels, err := tree.labels(c.labels)
		if err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
		c[e.name] = map[string][]string{}
		for name := range labels {
			c[e.name][name] = nil
		}
	}
}

// TestTools has Prometheus's and Alertmanager's own tools read what is for them.
func TestTools(t *testing.T) {
	for _, c := range []struct {
		module, program string
		args            []string
	}{
		{"prometheus", "promtool", []string{"check", "rules", "--lint=all", "--lint-fatal", "rules.yml", "alerts.yml"}},
		{"prometheus", "promtool", []string{"test", "rules", "tests.yml"}},
		{"prometheus", "promtool", []string{"test", "rules", "watch_tests.yml"}},
		{"prometheus", "promtool", []string{"test", "rules", "watch_long_tests.yml"}},
		{"alertmanager", "amtool", []string{"check-config", "alertmanager.yml"}},
	} {
		t.Run(strings.Join([]string{c.program, c.args[0], c.args[len(c.args)-1]}, " "), func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(observe.Program(t, root, c.module, c.program), c.args...)
			cmd.Dir = rules
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
