package dashboards

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"electnode/test/observe"
)

// asked is a Prometheus, asked as Grafana asks it.
type asked struct{ *observe.Prometheus }

// ask posts a form to an address of the API and reads the field data.
func (a asked) ask(path string, form url.Values, data any) error {
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.PostForm(a.URL+path, form)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer := struct {
		Data  any
		Error string
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s %q: %s: %w", path, form.Get("query"), resp.Status, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %q: %s: %s", path, form.Get("query"), resp.Status, answer.Error)
	}
	return nil
}

// parse is the tree of an expression, or why there is none.
func (a asked) parse(expr string) (*node, error) {
	var n node
	return &n, a.ask("/api/v1/parse_query", url.Values{"query": {expr}}, &n)
}

// window is what a panel shows, and in which steps.
type window struct {
	from, to time.Time
	step     time.Duration
}

// values asks an expression over a window; now: at its end alone.
func (a asked) values(expr string, w window, now bool) ([]observe.Series, error) {
	var data struct{ Result []observe.Series }
	path, form := "/api/v1/query_range", url.Values{"query": {expr}, "start": {seconds(w.from)}, "end": {seconds(w.to)},
		"step": {strconv.FormatFloat(w.step.Seconds(), 'f', -1, 64)}}
	if now {
		path, form = "/api/v1/query", url.Values{"query": {expr}, "time": {seconds(w.to)}}
	}
	err := a.ask(path, form, &data)
	return data.Result, err
}

// labelValues are the values of a label among the series that a selector finds.
func (a asked) labelValues(selector, label string, w window) ([]string, error) {
	var all []map[string]string
	err := a.ask("/api/v1/series", url.Values{"match[]": {selector}, "start": {seconds(w.from)}, "end": {seconds(w.to)}}, &all)
	found := map[string]bool{}
	for _, series := range all {
		found[series[label]] = true
	}
	delete(found, "")
	return slices.Sorted(maps.Keys(found)), err
}

// exemplars are those of an expression, as the dots of a heat map are.
func (a asked) exemplars(expr string, w window) ([]observe.Exemplar, error) {
	var data []struct{ Exemplars []observe.Exemplar }
	err := a.ask("/api/v1/query_exemplars", url.Values{"query": {expr}, "start": {seconds(w.from)}, "end": {seconds(w.to)}}, &data)
	var all []observe.Exemplar
	for _, series := range data {
		all = append(all, series.Exemplars...)
	}
	return all, err
}

func seconds(at time.Time) string {
	return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)
}

// parser starts a Prometheus that has nothing to do but read expressions.
func parser(t testing.TB) asked {
	t.Helper()
	return asked{observe.StartPrometheus(t, root, observe.ScrapeConfig(time.Minute))}
}
