package observe

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"
)

// startTime is how long Prometheus or Jaeger may take to be ready on a busy machine.
const startTime = 60 * time.Second

// Prometheus is a running server. Its methods may be called from any goroutine, those that fail the test from
// the test's.
type Prometheus struct {
	*proc.Process
	URL string
	t   testing.TB
}

// ScrapeConfig is a configuration that scrapes targets, host:port each, at an interval, which may be below a
// second: classic and native histograms side by side.
func ScrapeConfig(interval time.Duration, targets ...string) string {
	quoted := make([]string, len(targets))
	for i, target := range targets {
		quoted[i] = strconv.Quote(target)
	}
	return fmt.Sprintf(`global:
  scrape_interval: %[1]s
  scrape_timeout: %[1]s
  evaluation_interval: %[1]s
  scrape_native_histograms: true
  always_scrape_classic_histograms: true
scrape_configs:
  - job_name: electnode
    static_configs:
      - targets: [%[2]s]
`, interval, strings.Join(quoted, ", "))
}

// StartPrometheus starts a server with the given configuration, exemplars on, and waits until it is ready. root
// is as for Program.
func StartPrometheus(t testing.TB, root, config string) *Prometheus {
	t.Helper()
	program, dir := Program(t, root, "prometheus", "prometheus"), t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", proc.Ports(t, 1)[0])
	p := &Prometheus{t: t, URL: "http://" + addr, Process: proc.New(t, "Prometheus", filepath.Join(dir, "log"))}
	p.Start(exec.Command(program, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--enable-feature=exemplar-storage", "--log.level=warn"))
	proc.Eventually(t, startTime, "Prometheus is ready", func() error {
		if !p.Running() {
			t.Fatalf("Prometheus has ended:\n%s", p.Log())
		}
		_, err := get(p.URL + "/-/ready")
		return err
	})
	return p
}

// Point is a value at a time.
type Point struct {
	At    time.Time
	Value float64
}

// UnmarshalJSON reads [seconds, "value"].
func (p *Point) UnmarshalJSON(raw []byte) error {
	var seconds float64
	var value string
	if err := json.Unmarshal(raw, &[2]any{&seconds, &value}); err != nil {
		return err
	}
	p.At = time.UnixMilli(int64(seconds*1000 + 0.5))
	var err error
	p.Value, err = strconv.ParseFloat(value, 64)
	return err
}

// Native is a native histogram at a time.
type Native struct {
	At         time.Time
	Count, Sum float64
}

// UnmarshalJSON reads [seconds, {"count": "1", "sum": "2", ...}].
func (n *Native) UnmarshalJSON(raw []byte) error {
	var seconds float64
	var h struct {
		Count, Sum float64 `json:",string"`
	}
	if err := json.Unmarshal(raw, &[2]any{&seconds, &h}); err != nil {
		return err
	}
	*n = Native{At: time.UnixMilli(int64(seconds*1000 + 0.5)), Count: h.Count, Sum: h.Sum}
	return nil
}

// Series is one series of the answer to a query: values, native histograms, or, over some time, both.
type Series struct {
	Metric     map[string]string
	Value      Point    // of an instant
	Histogram  *Native  // of an instant
	Values     []Point  // over some time
	Histograms []Native // over some time
}

// Query asks an expression as of now: a vector, or a range such as x[5m].
func (p *Prometheus) Query(expr string) ([]Series, error) {
	var data struct{ Result []Series }
	err := getJSON(p.URL+"/api/v1/query?"+url.Values{"query": {expr}}.Encode(), &data)
	return data.Result, err
}

// Number asks an expression that has exactly one value.
func (p *Prometheus) Number(expr string) (float64, error) {
	series, err := p.Query(expr)
	if err == nil && (len(series) != 1 || series[0].Histogram != nil) {
		err = fmt.Errorf("%s: %d series, not one number: %.300v", expr, len(series), series)
	}
	if err != nil {
		return 0, err
	}
	return series[0].Value.Value, nil
}

// Metadata is what a target says of a metric.
type Metadata struct {
	Target           map[string]string
	Metric           string
	Type, Help, Unit string
}

// Metadata is what all targets say of their metrics.
func (p *Prometheus) Metadata() ([]Metadata, error) {
	var all []Metadata
	return all, getJSON(p.URL+"/api/v1/targets/metadata", &all)
}

// Exemplar is an exemplar of a series.
type Exemplar struct {
	Labels map[string]string
	Value  float64 `json:",string"`
}

// Exemplars are those that are kept of a metric, over the last hour.
func (p *Prometheus) Exemplars(metric string) ([]Exemplar, error) {
	var data []struct{ Exemplars []Exemplar }
	now := time.Now()
	err := getJSON(p.URL+"/api/v1/query_exemplars?"+url.Values{"query": {metric},
		"start": {strconv.FormatInt(now.Add(-time.Hour).Unix(), 10)},
		"end":   {strconv.FormatInt(now.Add(time.Minute).Unix(), 10)}}.Encode(), &data)
	var all []Exemplar
	for _, series := range data {
		all = append(all, series.Exemplars...)
	}
	return all, err
}
