package growth

import (
	"fmt"
	"math"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// elect has a simulated ensemble elect and, when the leader has crashed, elect again, and gives what each took.
func elect(tb testing.TB, seed uint64, voters int, took func(what string, established, all, cpu time.Duration, c Counts)) {
	tb.Helper()
	s, err := Simulate(seed, voters)
	if err != nil {
		tb.Fatal(err)
	}
	once := func(what string, above quorum.Epoch, servers int) zab.Established {
		before := cpu(tb)
		leader, established, all, err := s.Await(above, servers)
		if err != nil {
			tb.Fatalf("seed %d, %d voters, %s: %v", seed, voters, what, err)
		}
		took(what, established, all, cpu(tb)-before, s.Tally.Counts())
		return leader
	}
	leader := once("growth-coldstart", 0, voters)
	s.World.Run(10 * time.Second)
	if err := s.World.Check(); err != nil {
		tb.Fatalf("seed %d, %d voters: %v", seed, voters, err)
	}
	s.Tally.Reset()
	s.World.Crash(leader.Leader)
	once("growth-failover", leader.Epoch, voters-1)
}

// BenchmarkSimulation is BenchmarkGrowth in the simulation: one iteration is one seed.
func BenchmarkSimulation(b *testing.B) {
	for _, n := range sizes() {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			g := &growth{b: b, n: n, who: "simulation"}
			seed := uint64(0)
			for b.Loop() {
				seed++
				elect(b, seed, n, g.election)
			}
			g.report()
		})
	}
}

// TestMessages bounds what an election of voters sends, each of whom has heard of all. A voter tells all others its own vote and each better one
// that it hears of, and every one of these messages is answered at most once, by a server that has decided already: at most
// 2 v (v - 1) messages, if it hears the votes from the worst to the best. In the order of chance the n-th vote that it hears is the
// best one so far with a probability of 1 / n: about 1 + ln v times in all. Nobody has a reason to repeat anything.
func TestMessages(t *testing.T) {
	for v, seeds := range map[int]uint64{3: 10, 5: 10, 7: 10, 9: 10, 15: 10, 25: 10, 51: 3, 101: 1} {
		sum, runs := map[string]float64{}, map[string]float64{}
		for seed := range seeds {
			elect(t, seed, v, func(what string, _, _, _ time.Duration, c Counts) {
				if c.MostSent > 2*v*(v-1) {
					t.Errorf("seed %d, %d voters, %s: a voter has sent %d messages: %+v", seed, v, what, c.MostSent, c)
				}
				if what == "growth-failover" && c.Causes[event.SendResend] > 0 {
					t.Errorf("seed %d, %d voters: %d messages were repeated: %+v", seed, v, c.Causes[event.SendResend], c)
				}
				sum[what] += float64(c.Sent)
				runs[what]++
			})
		}
		for what := range sum {
			mean := sum[what] / runs[what] / float64(v) / float64(v-1)
			if bound := 2 + math.Log(float64(v)); mean > bound {
				t.Errorf("%d voters, %s: on average a voter told every other one its vote %.2f times, the bound is %.2f", v, what, mean, bound)
			}
		}
	}
}
