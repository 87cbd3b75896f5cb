package dashboards

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// TestDashboards checks what is said of a dashboard as a whole.
func TestDashboards(t *testing.T) {
	uids, titles := map[string]bool{}, map[string]bool{}
	for _, d := range load(t) {
		if uids[d.UID] || titles[d.Title] || !strings.HasPrefix(d.UID, "electnode-") || len(d.UID) > 40 || d.Title == "" {
			t.Errorf("%s: uid %q or title %q is no good, or there twice", d.file, d.UID, d.Title)
		}
		uids[d.UID], titles[d.Title] = true, true
		if d.SchemaVersion != 41 || d.Editable || d.Description == "" || d.GraphTooltip == 0 || d.Refresh == "" ||
			!slices.Equal(d.Tags, []string{"electnode"}) || d.Time != (struct{ From, To string }{"now-1h", "now"}) {
			t.Errorf("%s: version, description, tooltip, refresh, tags, time, or it can be edited", d.file)
		}
		all := func(l DashboardLink) bool {
			return l.Type == "dashboards" && l.AsDropdown && l.KeepTime && l.IncludeVars && slices.Equal(l.Tags, d.Tags)
		}
		if !slices.ContainsFunc(d.Links, all) {
			t.Errorf("%s: no way to the other dashboards", d.file)
		}
		for _, v := range d.Templating.List {
			variable(t, d, v)
		}
		wanted := []string{"datasource", "ensemble", "node", "jaeger", "runbooks"}
		if d.file == watched {
			wanted = []string{"datasource", "ensemble", "server", "jaeger", "runbooks", "docs"}
		}
		for _, want := range wanted {
			if !slices.ContainsFunc(d.Templating.List, func(v Variable) bool { return v.Name == want }) {
				t.Errorf("%s: no variable %s", d.file, want)
			}
		}
		annotations(t, d)
	}
	if !uids["electnode-ensemble"] || !titles["Elections"] || !titles["Node and wire"] || !titles["Watched ZooKeeper ensemble"] {
		t.Errorf("not all dashboards are there: %v", titles)
	}
}

// variable checks one by its type.
func variable(t *testing.T, d *Dashboard, v Variable) {
	t.Helper()
	text, _ := v.Query.(string)
	switch {
	case v.Label == "" || v.Description == "":
		t.Errorf("%s: variable %s without label or description", d.file, v.Name)
	case v.Type == "datasource":
		if v.Name != "datasource" || v.Label != "Data source" || text != "prometheus" || v.Hide != 0 {
			t.Errorf("%s: the data source is %+v", d.file, v)
		}
	case v.Type == "constant":
		if text == "" || v.Current.Value != text || v.Current.Text != text || v.Hide != 2 {
			t.Errorf("%s: the constant %s is %+v", d.file, v.Name, v)
		}
	default:
		if query(v) != v.Definition || v.Refresh != 2 || v.Datasource != fromVariable() || v.Multi != v.IncludeAll ||
			v.Multi && (v.AllValue != ".+" || v.Current.Value != "$__all") {
			t.Errorf("%s: the query %s is %+v", d.file, v.Name, v)
		}
	}
}

// query is the query of a variable of that type.
func query(v Variable) string {
	fields, _ := v.Query.(map[string]any)
	text, _ := fields["query"].(string)
	return text
}

// fromVariable is the data source of all that is asked.
func fromVariable() Source { return Source{"prometheus", "${datasource}"} }

// annotations checks that leaderless time and changes of the leader are marked on everything.
func annotations(t *testing.T, d *Dashboard) {
	t.Helper()
	var names []string
	for i, a := range d.Annotations.List {
		names = append(names, a.Name)
		if !a.Enable || i == 0 && (a.BuiltIn != 1 || a.Datasource.UID != "-- Grafana --") ||
			i > 0 && (a.Datasource != fromVariable() || a.Step != "1s" || a.Expr == "" || a.TitleFormat == "" || a.Hide || a.UseValueForTime) {
			t.Errorf("%s: annotation %+v", d.file, a)
		}
	}
	if !slices.Equal(names, []string{"Annotations & Alerts", "No leader", "Leader changes"}) {
		t.Errorf("%s: annotations %q", d.file, names)
	}
}

// TestPanels: each panel says what it is, in a look that everybody can read.
func TestPanels(t *testing.T) {
	for _, d := range load(t) {
		ids, titles := map[int]bool{}, map[string]bool{}
		for _, p := range d.Panels {
			if ids[p.ID] || p.ID == 0 || titles[p.Title] || p.Title == "" {
				t.Errorf("%s: id %d or title is missing or there twice", d.name(&p), p.ID)
			}
			ids[p.ID], titles[p.Title] = true, true
			if p.Type == "row" && (p.Collapsed || len(p.Panels) > 0 || p.GridPos.W != 24) {
				t.Errorf("%s: a row that is not open or not whole", d.name(&p))
			}
		}
		d.each(func(p *Panel) { describe(t, d, p); targets(t, d, p) })
	}
}

// normal is the word, or what stands for it, with which a description says what is good.
var normal = regexp.MustCompile(`(?i)\bnormal`)

// describe checks title, description, and what makes numbers readable.
func describe(t *testing.T, d *Dashboard, p *Panel) {
	t.Helper()
	if n := utf8.RuneCountInString(p.Title); n > 48 || strings.Contains(p.Title, "_") {
		t.Errorf("%s: no title for a newcomer", d.name(p))
	}
	if !normal.MatchString(p.Description) || len(p.Description) < 60 {
		t.Errorf("%s: the description does not say what is normal", d.name(p))
	}
	f := p.FieldConfig.Defaults
	if f.Unit == "" && len(f.Mappings) == 0 {
		t.Errorf("%s: neither unit nor mappings", d.name(p))
	}
	if p.Type == "stat" && (len(f.Thresholds.Steps) == 0 || f.Thresholds.Steps[0].Value != nil) {
		t.Errorf("%s: thresholds do not begin at the bottom", d.name(p))
	}
}

// targets checks the form of the queries.
func targets(t *testing.T, d *Dashboard, p *Panel) {
	t.Helper()
	if p.Datasource != fromVariable() || len(p.Targets) == 0 {
		t.Errorf("%s: data source %v, %d queries", d.name(p), p.Datasource, len(p.Targets))
	}
	refs := map[string]bool{}
	for _, q := range p.Targets {
		now := p.Type == "stat" || p.Type == "table"
		if refs[q.RefID] || q.RefID == "" || q.Datasource != fromVariable() || q.Instant != now || q.Range == now {
			t.Errorf("%s: query %q: ref, data source, instant or range", d.name(p), q.RefID)
		}
		refs[q.RefID] = true
		want := map[string]string{"table": "table", "heatmap": "heatmap"}[p.Type]
		if want == "" {
			want = "time_series"
		}
		if q.Format != want || !now && q.LegendFormat == "" {
			t.Errorf("%s: query %s: format %q, legend %q", d.name(p), q.RefID, q.Format, q.LegendFormat)
		}
		// A bar per minute counts each event once, whether scrapes come every second or every 15.
		bars, counts := strings.Contains(string(p.FieldConfig.Defaults.Custom), `"bars"`), strings.Contains(q.Expr, "(increase(")
		if bars && !counts || counts && q.Range && p.Interval != "1m" {
			t.Errorf("%s: counts are of a minute each", d.name(p))
		}
		if exemplars := p.Type == "heatmap" && strings.Contains(q.Expr, "electnode_election_duration_seconds_bucket"); q.Exemplar != exemplars {
			t.Errorf("%s: exemplars %v", d.name(p), q.Exemplar)
		}
	}
}

// TestGrid: panels lie in 24 columns, one beside another, and fill what they begin.
func TestGrid(t *testing.T) {
	for _, d := range load(t) {
		taken, deepest := map[[2]int]int{}, 0
		for _, p := range d.Panels {
			g := p.GridPos
			if g.X < 0 || g.Y < 0 || g.W < 1 || g.H < 1 || g.X+g.W > 24 {
				t.Errorf("%s hangs over: %+v", d.name(&p), g)
			}
			deepest = max(deepest, g.Y+g.H)
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if other := taken[[2]int{x, y}]; other != 0 {
						t.Fatalf("%s lies on panel %d", d.name(&p), other)
					}
					taken[[2]int{x, y}] = p.ID
				}
			}
		}
		if holes := 24*deepest - len(taken); holes > 0 {
			t.Errorf("%s: %d places are empty", d.file, holes)
		}
	}
}

// colours are those of Okabe and Ito, which people with any kind of colour vision tell apart.
func colours() []string {
	return []string{"#0072B2", "#56B4E9", "#009E73", "#F0E442", "#E69F00", "#D55E00", "#CC79A7", "#999999"}
}

// TestColours: every colour of every dashboard is one of these.
func TestColours(t *testing.T) {
	hex := regexp.MustCompile(`^#[0-9A-Fa-f]{3,8}$`)
	var visit func(file, key string, v any)
	visit = func(file, key string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, below := range v {
				visit(file, k, below)
			}
		case []any:
			for _, below := range v {
				visit(file, key, below)
			}
		case string:
			named := key == "fixedColor" || key == "iconColor" || key == "color" || key == "fill"
			if (named || hex.MatchString(v)) && !slices.Contains(colours(), v) {
				t.Errorf("%s: colour %q", file, v)
			}
		}
	}
	for _, d := range load(t) {
		raw, err := os.ReadFile(filepath.Join(root, "dashboards/grafana", d.file))
		if err != nil {
			t.Fatal(err)
		}
		var all any
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
		visit(d.file, "", all)
		d.each(func(p *Panel) {
			if mode := p.FieldConfig.Defaults.Color.Mode; mode == "" {
				t.Errorf("%s: no way to choose colours", d.name(p))
			}
		})
	}
}

// TestDocumentation: docs/dashboards.md has a line for each panel, and no line for another.
func TestDocumentation(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "docs/dashboards.md"))
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(raw), "\n## In a Grafana")
	var want, got []string
	for _, d := range load(t) {
		want = append(want, d.Title)
		for _, p := range d.Panels {
			want = append(want, p.Title)
		}
	}
	for line := range strings.Lines(text) {
		if m := regexp.MustCompile(`^(?:##+ (.+)|\| (.+?) \| .{6,} \|)\n$`).FindStringSubmatch(line); m != nil && !strings.Contains(line, "| panel |") {
			got = append(got, m[1]+m[2])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("docs/dashboards.md (-dashboards +page):\n%s", d)
	}
}
