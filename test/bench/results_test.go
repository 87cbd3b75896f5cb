package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"electnode/test/bench/sample"
	"electnode/test/proc"
)

// program is electnode, built for this run.
var program string

// samplesFile is where every measurement goes.
var samplesFile = flag.String("samples", "", "append every measurement to this file, as JSON lines")

// TestMain builds electnode where there is something to measure.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.bench"); f == nil || f.Value.String() == "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "electnode-bench-")
	if err == nil {
		program, err = proc.Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// results are the measurements of one benchmark.
type results struct {
	b     *testing.B
	what  string
	n     int
	times map[string][]time.Duration // by kind of servers
}

func newResults(b *testing.B, what string, n int) *results {
	return &results{b: b, what: what, n: n, times: map[string][]time.Duration{}}
}

func (r *results) add(who string, took time.Duration) { r.times[who] = append(r.times[who], took) }

// block starts a cluster, measures the same thing perBlock times, and ends it.
func (r *results) block(c contender, measure func(*cluster, int) (int, time.Duration)) {
	r.b.Helper()
	cl := c.cluster(r.b, r.n)
	leader, _ := cl.start()
	for range perBlock {
		var took time.Duration
		leader, took = measure(cl, leader)
		r.add(c.name, took)
	}
	cl.stop()
}

// report gives the medians as metrics of the benchmark, and how often electnode's goes into each, and writes all
// down.
func (r *results) report() {
	r.b.Helper()
	r.b.ReportMetric(0, "ns/op") // of no use: it is the time of everything
	own := sample.Quantile(r.times["electnode"], 0.5)
	for _, who := range slices.Sorted(maps.Keys(r.times)) {
		median := sample.Quantile(r.times[who], 0.5)
		r.b.ReportMetric(median.Seconds()*1000, who+"-ms")
		if who != "electnode" {
			r.b.ReportMetric(median.Seconds()/own.Seconds(), who+"/electnode")
		}
	}
	r.b.ReportMetric(sample.Quantile(r.times["electnode"], 0.99).Seconds()*1000, "electnode-p99-ms")
	r.write()
}

func (r *results) write() {
	r.b.Helper()
	if *samplesFile == "" {
		return
	}
	f, err := os.OpenFile(*samplesFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		r.b.Fatal(err)
	}
	defer f.Close()
	out := json.NewEncoder(f)
	for _, who := range slices.Sorted(maps.Keys(r.times)) {
		line := sample.Set{What: r.what, Servers: r.n, Who: who}
		for _, took := range r.times[who] {
			line.Milliseconds = append(line.Milliseconds, took.Seconds()*1000)
		}
		if err := out.Encode(line); err != nil {
			r.b.Fatal(err)
		}
	}
}
