package bench

import (
	"os"
	"strings"
	"testing"

	"electnode/test/bench/sample"
)

// results are the measurements of one benchmark.
type results struct {
	b    *testing.B
	n    int // servers
	sets sample.Sets
}

func newResults(b *testing.B, n int) *results { return &results{b: b, n: n} }

// add adds a value.
func (r *results) add(what, who, measure, unit string, value float64) {
	r.sets.Add(sample.Set{What: what, Servers: r.n, Who: who, Measure: measure, Unit: unit, Values: []float64{value}})
}

// report gives the medians of one thing as metrics of the benchmark, and how often electnode's goes into the others'; then
// it writes everything down.
func (r *results) report(what string) {
	r.b.Helper()
	r.b.ReportMetric(0, "ns/op") // of no use: it is the time of everything
	for _, s := range r.sets.Of(what) {
		if s.Measure != measureTime {
			r.b.ReportMetric(s.Median(), metric(s.Who, s.Measure, s.Unit))
			continue
		}
		r.b.ReportMetric(s.Median(), metric(s.Who, s.Unit))
		if own := r.sets.Find(what, r.n, electnode, s.Measure).Median(); s.Who != electnode && own > 0 {
			r.b.ReportMetric(s.Median()/own, metric(s.Who)+"/electnode")
		}
	}
	if err := sample.Append(*samplesFile, sample.Here(os.TempDir()), r.sets); err != nil {
		r.b.Fatal(err)
	}
}

// metric is the name of a metric of a benchmark, which has no blanks.
func metric(words ...string) string {
	return strings.ReplaceAll(strings.TrimSpace(strings.Join(words, " ")), " ", "-")
}

// What is measured, as the samples call it.
const (
	whatFailOver  = "failover"
	whatPhases    = "phases"
	whatFloor     = "floor"
	whatLoop      = "loop"
	whatPaused    = "paused"
	whatColdStart = "coldstart"
	whatSettled   = "settled"
	whatElection  = "election"

	whatMixedFailOver  = "mixed-failover"
	whatMixedColdStart = "mixed-coldstart"

	measureTime = "time"
)
