package dashboards

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"electnode/test/observe"
	"electnode/test/proc"
)

// patience is how long anything may take that has no limit of its own, on a machine that is busy.
const patience = 60 * time.Second

// live are three electnodes and the Prometheus that scrapes them, with the configuration of the Compose demo.
type live struct {
	asked
	t      testing.TB
	nodes  []*proc.Node
	traces string // where traces go
	// watcher is where one that watches the same nodes is scraped.
	watcher string
}

// newLive prepares the nodes, and starts a watcher and Prometheus, which see their first moments.
func newLive(t testing.TB) *live {
	t.Helper()
	// Traces are taken and thrown away: what happens to them is not the matter here.
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // whoever sends notices a broken connection
	}))
	t.Cleanup(collector.Close)
	l := &live{t: t, traces: collector.URL}
	ports := proc.Ports(t, 9)
	var cfg strings.Builder
	for i := range 3 {
		fmt.Fprintf(&cfg, "server.%d=localhost:%d:%d;127.0.0.1:%d\n", i+1, ports[3*i], ports[3*i+1], ports[3*i+2])
	}
	l.watcher = watcher(t, cfg.String())
	cfg.WriteString("tickTime=500\ninitLimit=10\nsyncLimit=4\n4lw.commands.whitelist=*\n")
	for i := range 3 {
		l.nodes = append(l.nodes, proc.NewNode(t, electnode, i+1, cfg.String()))
	}
	l.asked = asked{observe.StartPrometheus(t, root, l.config())}
	return l
}

// config is the demo's configuration with the addresses of here.
func (l *live) config() string {
	l.t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "deploy/prometheus/prometheus.yml"))
	if err != nil {
		l.t.Fatal(err)
	}
	rules, err := filepath.Abs(filepath.Join(root, "dashboards/prometheus"))
	if err != nil {
		l.t.Fatal(err)
	}
	text := string(raw)
	for from, to := range map[string]string{"electnode1:7000": l.nodes[0].HTTP, "electnode2:7000": l.nodes[1].HTTP,
		"electnode3:7000": l.nodes[2].HTTP, "/etc/prometheus/rules": rules} {
		if !strings.Contains(text, from) {
			l.t.Fatalf("the demo's configuration does not have %s", from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	before, after, ok := strings.Cut(text, "alerting:")
	_, after, ok2 := strings.Cut(after, "scrape_configs:")
	if !ok || !ok2 {
		l.t.Fatal("the demo's configuration has another order")
	}
	return before + "scrape_configs:" + l.watching() + after // there is no Alertmanager here
}

// start starts a node whose exemplars name traces.
func (l *live) start(n *proc.Node) { n.Start("--trace.endpoint", l.traces) }

// number is the only value of an expression.
func (l *live) number(expr string) (float64, error) {
	series, err := l.values(expr, window{to: time.Now()}, true)
	if err == nil && len(series) != 1 {
		err = fmt.Errorf("%s: %d series", expr, len(series))
	}
	if err != nil {
		return 0, err
	}
	return series[0].Value.Value, nil
}

// led waits until Prometheus has scraped nodes that all name one leader, for as long as a count of scrapes needs.
func (l *live) led(nodes int) int {
	l.t.Helper()
	var leader float64
	proc.Eventually(l.t, patience, fmt.Sprintf("%d nodes name one leader", nodes), func() error {
		n, err := l.number("count(count_over_time((electnode_leader_sid >= 0)[3s:1s]) == 3)")
		if err == nil && n != float64(nodes) {
			err = fmt.Errorf("%g do", n)
		}
		if err == nil {
			leader, err = l.number("count(count_values('sid', electnode_leader_sid)) * max(electnode_leader_sid)")
		}
		if err == nil && leader > float64(len(l.nodes)) {
			err = errors.New("more than one leader")
		}
		return err
	})
	return int(leader)
}

// down waits until a number of nodes has been down for some scrapes.
func (l *live) down(why string, nodes float64) {
	l.t.Helper()
	proc.Eventually(l.t, patience, why, func() error {
		n, err := l.number(`count(sum_over_time((up{job="electnode"} == bool 0)[4s:1s]) >= 3)`)
		if err == nil && n != nodes {
			err = fmt.Errorf("%g are down", n)
		}
		return err
	})
}

// TestLive runs every query of every dashboard against a live ensemble that has lost its leader and got it back.
func TestLive(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.down("the nodes have not started", 3)
	for _, n := range l.nodes {
		l.start(n)
	}
	first := l.led(3)
	killed := time.Now()
	l.nodes[first-1].Kill()
	l.down("the leader is dead", 1)
	second := l.led(2)
	l.start(l.nodes[first-1])
	if again := l.led(3); again != second || second == first {
		t.Fatalf("leaders are %d, then %d, then %d", first, second, again)
	}
	l.everything(load(t))
	l.truth(load(t), first, second, killed)
	l.watchedTruth(load(t), first, second)
}

// everything asks all there is to ask, until all of it has data at once: some of it needs a few scrapes.
func (l *live) everything(all []*Dashboard) {
	l.t.Helper()
	proc.Every(l.t, time.Second, patience, "every query has data", func() error {
		var missing []error
		for _, d := range all {
			missing = append(missing, l.variables(d))
			for _, a := range d.asks() {
				series, w, err := l.shown(a)
				if err == nil && !data(series) {
					err = fmt.Errorf("no data: %s", a.expr)
				}
				if err == nil && a.target.Exemplar {
					err = l.dots(a, w)
				}
				if err != nil {
					missing = append(missing, fmt.Errorf("%s: %w", a.where, err))
				}
			}
		}
		return errors.Join(missing...)
	})
}

// chosen are the values that Grafana puts in, with everything chosen that can be.
func chosen(step, span time.Duration) map[string]string {
	ms := strconv.FormatInt(step.Milliseconds(), 10)
	return map[string]string{"ensemble": "demo", "node": ".+", "peer": ".+", "server": ".+", "__interval": ms + "ms", "__interval_ms": ms,
		"__rate_interval": fmt.Sprintf("%dms", max(step+scrape, 4*scrape).Milliseconds()),
		"__range":         fmt.Sprintf("%ds", int(span.Seconds())), "__range_s": strconv.Itoa(int(span.Seconds()))}
}

// scrape is the interval that the data source states; span is the time that dashboards show at first.
const (
	scrape = time.Second
	span   = time.Hour
)

// points is how many a panel gets that does not say.
const points = 1000

// shown asks as Grafana does for a panel that shows the last hour: steps from its width and its own bounds,
// and the last step whole.
func (l *live) shown(a ask) ([]observe.Series, window, error) {
	step, most := scrape, points
	if a.panel != nil {
		if a.panel.MaxDataPoints > 0 {
			most = a.panel.MaxDataPoints
		}
		if own, err := time.ParseDuration(a.panel.Interval); err == nil {
			step = max(step, own)
		} else if a.panel.Interval != "" {
			return nil, window{}, err
		}
		step = max(step, (span / time.Duration(most)).Round(time.Second))
	}
	now := time.Now()
	w := window{from: now.Add(-span).Truncate(step), to: now, step: step}
	if !a.target.Instant {
		w.to = now.Add(step - 1).Truncate(step)
	}
	expr, err := fill(a.expr, chosen(step, span))
	if err != nil {
		return nil, w, err
	}
	series, err := l.values(expr, w, a.target.Instant)
	return series, w, err
}

// data reports whether there is a number in an answer.
func data(all []observe.Series) bool {
	good := func(p observe.Point) bool { return !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) && !p.At.IsZero() }
	return slices.ContainsFunc(all, func(s observe.Series) bool { return good(s.Value) || slices.ContainsFunc(s.Values, good) })
}

// dots checks that the dots of a heat map lead to traces.
func (l *live) dots(a ask, w window) error {
	expr, err := fill(a.expr, chosen(w.step, span))
	if err != nil {
		return err
	}
	all, err := l.exemplars(expr, w)
	if err == nil && len(all) == 0 {
		err = errors.New("no exemplars")
	}
	for _, ex := range all {
		if len(ex.Labels["trace_id"]) != 32 {
			err = fmt.Errorf("an exemplar %v", ex)
		}
	}
	return err
}

// variables checks that there is something to choose from.
func (l *live) variables(d *Dashboard) error {
	want := map[string][]string{"ensemble": {"demo"}, "peer": {"1", "2", "3", "unknown"}, "server": {"1", "2", "3"}}
	for _, n := range l.nodes {
		want["node"] = append(want["node"], n.HTTP)
	}
	slices.Sort(want["node"])
	var errs []error
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		selector, label := labelValues(l.t, v)
		selector, err := fill(selector, chosen(scrape, span))
		var got []string
		if err == nil {
			got, err = l.labelValues(selector, label, window{from: time.Now().Add(-span), to: time.Now()})
		}
		if err == nil && !slices.Equal(got, want[v.Name]) {
			err = fmt.Errorf("%s: variable %s is %q, want %q", d.file, v.Name, got, want[v.Name])
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
