package dashboards

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// placeholder is a variable of Grafana in a text, in either of its forms.
var placeholder = regexp.MustCompile(`\$\{([a-z_]+)(?::[a-z]+)?\}|\$([a-zA-Z_]+)`)

// fill puts values in the place of variables. One that nobody knows is an error.
func fill(text string, values map[string]string) (string, error) {
	var err error
	filled := placeholder.ReplaceAllStringFunc(text, func(found string) string {
		m := placeholder.FindStringSubmatch(found)
		value, ok := values[m[1]+m[2]]
		if !ok {
			err = errors.Join(err, fmt.Errorf("no variable %s", found))
		}
		return value
	})
	return filled, err
}

// some are values for reading an expression: which ones does not matter.
func some() map[string]string {
	return map[string]string{"ensemble": "demo", "node": ".+", "peer": ".+", "server": ".+", "__rate_interval": "4s", "__interval": "1s",
		"__interval_ms": "1000", "__range": "3600s", "__range_s": "3600"}
}

// ask is something that a dashboard asks.
type ask struct {
	where, expr, legend string
	panel               *Panel // nil for annotations and variables
	target              Target
}

// asks lists all queries of a dashboard but those of variables.
func (d *Dashboard) asks() []ask {
	var all []ask
	d.each(func(p *Panel) {
		for _, q := range p.Targets {
			all = append(all, ask{d.name(p) + " " + q.RefID, q.Expr, q.LegendFormat, p, q})
		}
	})
	for _, a := range d.Annotations.List {
		if a.BuiltIn == 0 {
			all = append(all, ask{d.file + ": annotation " + a.Name, a.Expr, a.TitleFormat + a.TextFormat, nil, Target{}})
		}
	}
	return all
}

// TestExpressions reads every expression with Prometheus's own parser: it names only metrics and labels that
// there are, and what legends and tables name survives it. Every metric is on some dashboard.
func TestExpressions(t *testing.T) {
	t.Parallel()
	p, c := parser(t), known(t)
	seen := map[string]bool{}
	for _, d := range load(t) {
		for _, a := range d.asks() {
			if err := a.check(p, c, seen); err != nil {
				t.Errorf("%s: %v\n%s", a.where, err, a.expr)
			}
		}
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			selector, label := labelValues(t, v)
			if err := (ask{expr: selector, legend: "{{" + label + "}}"}).check(p, c, seen); err != nil {
				t.Errorf("%s: variable %s: %v", d.file, v.Name, err)
			}
		}
	}
	for metric := range c {
		if name, ours := isElection(metric); ours && !seen[name] {
			t.Errorf("%s is on no dashboard", name)
		}
	}
}

// labelValues reads label_values(selector, label).
func labelValues(t testing.TB, v Variable) (selector, label string) {
	t.Helper()
	m := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(v.Definition)
	if m == nil {
		t.Fatalf("variable %s asks %q", v.Name, v.Definition)
	}
	return m[1], m[2]
}

// check reads one query; what it names is added to seen.
func (a ask) check(p asked, c catalogue, seen map[string]bool) error {
	expr, err := fill(a.expr, some())
	if err != nil {
		return err
	}
	tree, err := p.parse(expr)
	if err != nil {
		return err
	}
	var all []error
	fixed := set{"job": true, "ensemble": true} // labels that have one value in the whole answer
	tree.visit("", func(n *node, above string) {
		if n.Type != "vectorSelector" && n.Type != "matrixSelector" {
			return
		}
		name, _ := isElection(n.Name)
		seen[name] = true
		for _, m := range n.Matchers {
			all = append(all, c.matches(n.Name, m))
			fixed[m.Name] = fixed[m.Name] || m.Type == "="
		}
		all = append(all, selected(n, above))
	})
	labels, err := tree.labels(c.labels)
	return errors.Join(append(all, err, a.named(labels, fixed))...)
}

// selected checks how a metric is chosen: of one ensemble, and counters only through their increase.
func selected(n *node, above string) error {
	var errs []error
	one := slices.ContainsFunc(n.Matchers, func(m matcher) bool { return m.Name == "ensemble" })
	if bare := len(n.Matchers) == 1; !one && !bare { // a bare name is where the choice of ensembles comes from
		errs = append(errs, fmt.Errorf("%s of any ensemble", n.Name))
	}
	counter := strings.HasSuffix(n.Name, "_total") || strings.HasSuffix(n.Name, "_bucket") ||
		strings.HasSuffix(n.Name, "_sum") || strings.HasSuffix(n.Name, "_count")
	if counter && above != "rate" && above != "increase" && n.Name != "electnode_unknown_words_total" {
		errs = append(errs, fmt.Errorf("%s, a counter, in %q", n.Name, above))
	}
	return errors.Join(errs...)
}

// label is a label in a legend.
var label = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// named checks that the labels of legends and of table columns are in the answer, and the other way round: a
// label that tells series apart and is not in the legend makes lines of one name.
func (a ask) named(labels, fixed set) error {
	var errs []error
	used := set{}
	for _, m := range label.FindAllStringSubmatch(a.legend, -1) {
		used[m[1]] = true
		if !labels[m[1]] {
			errs = append(errs, fmt.Errorf("legend names %s, the answer has %v", m[1], slices.Sorted(maps.Keys(labels))))
		}
	}
	if a.panel == nil || a.panel.Type == "stat" || a.panel.Type == "table" {
		return errors.Join(errs...)
	}
	for name := range labels {
		if !used[name] && !fixed[name] {
			errs = append(errs, fmt.Errorf("the legend leaves %s out", name))
		}
	}
	return errors.Join(errs...)
}

// TestWordsOfOverrides: a series that has a colour of its own by its name can have that name.
func TestWordsOfOverrides(t *testing.T) {
	c := known(t)
	words := map[string]bool{}
	for metric, labels := range c {
		for name, values := range labels {
			for _, v := range values {
				words[v] = words[v] || name != "" && metric != ""
			}
		}
	}
	for _, d := range load(t) {
		d.each(func(p *Panel) {
			for _, o := range p.FieldConfig.Overrides {
				if p.Type != "timeseries" || o.Matcher.ID != "byName" {
					continue
				}
				for word := range strings.SplitSeq(o.Matcher.Options, ": ") {
					if !words[word] {
						t.Errorf("%s: no series is called %s", d.name(p), word)
					}
				}
			}
		})
	}
}

// TestFill puts values into both forms of variables, and finds the unknown ones.
func TestFill(t *testing.T) {
	got, err := fill(`x{e="$ensemble", n=~"${node:regex}"}[$__rate_interval] ${ensemble}s`, some())
	if want := `x{e="demo", n=~".+"}[4s] demos`; got != want || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if _, err := fill("$ensembles", some()); err == nil {
		t.Error("a variable that there is not is not found")
	}
}
