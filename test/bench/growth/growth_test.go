package growth

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/zab"
	"electnode/test/bench/sample"
)

// samplesFile is where every measurement goes.
var samplesFile = flag.String("samples", "", "append every measurement to this file, as JSON lines")

// patience bounds an election, on a machine that has other things to do too.
const patience = 60 * time.Second

// start starts an ensemble and gives its first leader and the times until it was established, and known to all.
func start(tb testing.TB, e *Ensemble, voters int) (leader zab.Established, established, all time.Duration) {
	tb.Helper()
	e.Tally.Reset()
	if err := e.Start(); err != nil {
		tb.Fatal(err)
	}
	return await(tb, e, 0, voters)
}

// await waits for a leader above an epoch, whom so many servers know in the end.
func await(tb testing.TB, e *Ensemble, above quorum.Epoch, servers int) (leader zab.Established, established, all time.Duration) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	_, established, err := e.Tally.Await(ctx, above, 1)
	if err == nil {
		leader, all, err = e.Tally.Await(ctx, above, servers)
	}
	if err != nil {
		tb.Fatalf("%v, %+v", err, e.Tally.Counts())
	}
	return leader, established, all
}

func ensemble(tb testing.TB, voters int) *Ensemble {
	tb.Helper()
	e, err := New(voters)
	if err != nil {
		tb.Fatal(err)
	}
	if err := e.Prepare(); err != nil {
		tb.Fatal(err)
	}
	return e
}

func closing(tb testing.TB, e *Ensemble) {
	tb.Helper()
	if err := e.Close(); err != nil {
		tb.Error(err)
	}
}

// TestFive elects and elects again, and counts.
func TestFive(t *testing.T) {
	e := ensemble(t, 5)
	defer closing(t, e)
	first, established, all := start(t, e, 5)
	if established <= 0 || all < established {
		t.Errorf("established after %s, known after %s", established, all)
	}
	if c := e.Tally.Counts(); c.Sent < 4 || c.MostSent > c.Sent || c.Bytes <= 100*c.Sent || c.Decided < 3 {
		t.Errorf("%+v", c)
	}
	e.Tally.Reset()
	if err := e.Kill(first.Leader); err != nil {
		t.Fatal(err)
	}
	if second, _, _ := await(t, e, first.Epoch, 4); second.Leader == first.Leader || second.Epoch <= first.Epoch {
		t.Errorf("%+v after %+v", second, first)
	}
}

// sizes are how many voters there are: those of ensembles, and some to see how it grows.
func sizes() []int { return []int{3, 5, 7, 9, 15, 25, 51, 101} }

// cpu is what this process has worked so far, in user and in system mode.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// growth is the measurements of one size.
type growth struct {
	b    *testing.B
	n    int
	who  string
	sets sample.Sets
}

func (g *growth) add(what, measure, unit string, value float64) {
	g.sets.Add(sample.Set{What: what, Servers: g.n, Who: g.who, Measure: measure, Unit: unit, Values: []float64{value}})
}

// election adds what an election took: the times until its leader was established and known to all, and the counts of
// what was sent meanwhile.
func (g *growth) election(what string, established, all, cpu time.Duration, c Counts) {
	g.add(what, "time", "ms", sample.Millis(established))
	g.add(what, "all", "ms", sample.Millis(all))
	g.add(what, "cpu", "ms", sample.Millis(cpu))
	g.add(what, "messages", "", float64(c.Sent))
	g.add(what, "most", "", float64(c.MostSent))
	g.add(what, "bytes", "B", float64(c.Bytes))
	rejected := 0
	for _, n := range c.Rejected {
		rejected += n
	}
	g.add(what, "rejected", "", float64(rejected))
	g.add(what, "failed", "", float64(c.Failed))
	g.b.Logf("%d voters, %s, %s: %+v", g.n, g.who, what, c)
}

func (g *growth) report() {
	g.b.ReportMetric(0, "ns/op")
	for _, s := range g.sets {
		g.b.ReportMetric(s.Median(), strings.Trim(s.What[len("growth-"):]+"-"+s.Measure+"-"+s.Unit, "-"))
	}
	if err := sample.Append(*samplesFile, sample.Here(os.TempDir()), g.sets); err != nil {
		g.b.Fatal(err)
	}
}

// BenchmarkGrowth starts voters in this process, over loopback TCP, until a leader is established and all know it, and
// then ends that leader.
func BenchmarkGrowth(b *testing.B) {
	for _, n := range sizes() {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			g := &growth{b: b, n: n, who: "loopback"}
			for b.Loop() {
				e := ensemble(b, n)
				before := cpu(b)
				leader, established, all := start(b, e, n)
				g.election("growth-coldstart", established, all, cpu(b)-before, e.Tally.Counts())
				e.Tally.Reset()
				before = cpu(b)
				if err := e.Kill(leader.Leader); err != nil {
					b.Fatal(err)
				}
				_, established, all = await(b, e, leader.Epoch, n-1)
				g.election("growth-failover", established, all, cpu(b)-before, e.Tally.Counts())
				closing(b, e)
			}
			g.report()
		})
	}
}
