package sim

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"electnode/internal/invariant"
	"electnode/internal/quorum"
)

var (
	seeds   = flag.Uint64("seeds", defaultSeeds, "how many seeds to run")
	first   = flag.Uint64("first", 1, "the first of them")
	trouble = flag.Duration("trouble", 20*time.Second, "how long the faults last in each")
	seed    = flag.Uint64("seed", 0, "run this seed alone and print its end")
)

// ensemble is one shape of an ensemble.
type ensemble struct {
	name string
	spec quorum.Spec
}

func members(voters, observers int) []quorum.Member {
	var out []quorum.Member
	for i := 1; i <= voters+observers; i++ {
		m := quorum.Member{SID: quorum.SID(i), Addresses: []quorum.Address{{Host: "127.0.0.1",
			QuorumPort: 2000 + i, ElectionPort: 3000 + i}}}
		if i > voters {
			m.Role = quorum.Observer
		}
		out = append(out, m)
	}
	return out
}

func ensembles() []ensemble {
	groups := map[int64][]quorum.SID{1: {1, 2, 3}, 2: {4, 5, 6}, 3: {7, 8, 9}}
	return []ensemble{
		{"three", quorum.Spec{Members: members(3, 0)}},
		{"five", quorum.Spec{Members: members(5, 0)}},
		{"four", quorum.Spec{Members: members(4, 0)}},
		{"three and two observers", quorum.Spec{Members: members(3, 2)}},
		{"three groups of three", quorum.Spec{Members: members(9, 0), Groups: groups}},
		{"seven", quorum.Spec{Members: members(7, 0)}},
		{"one group counts", quorum.Spec{Members: members(9, 0), Groups: groups, Weights: map[quorum.SID]int64{
			4: 0, 5: 0, 6: 0, 7: 0, 8: 0, 9: 0}}},
		{"weighted, with an observer", quorum.Spec{Members: members(5, 1),
			Groups:  map[int64][]quorum.SID{1: {1, 2, 3}, 2: {4, 5}},
			Weights: map[quorum.SID]int64{1: 3, 4: 2, 5: 2}}},
	}
}

// world makes the world of a seed: which ensemble and which faults follow from it.
func world(t testing.TB, seed uint64, transcript bool) *World {
	t.Helper()
	all := ensembles()
	view, err := quorum.NewView(all[seed%uint64(len(all))].spec)
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{View: view, Transcript: transcript, Loss: 0.1, Duplicate: 0.1, Busy: 0.2, DelayMax: 5 * time.Millisecond,
		Crashes: 3 * time.Second, Partitions: 2 * time.Second, Breaks: time.Second, TornWrites: 0.02}
	switch (seed / uint64(len(all))) % 4 {
	case 1:
		opt.Loss, opt.DelayMax = 0.3, 300*time.Millisecond
	case 2:
		opt.Crashes, opt.Partitions, opt.Breaks, opt.TornWrites = 300*time.Millisecond, 0, 0, 0.2
		opt.Downtime = 300 * time.Millisecond
	case 3:
		opt.Crashes, opt.Partitions, opt.Breaks = 0, 700*time.Millisecond, 300*time.Millisecond
	}
	return New(seed, opt, nil)
}

// play runs one seed: faults for a while, then none, then agreement within a bounded time.
func play(w *World) error {
	w.Run(*trouble)
	w.Heal()
	w.Run(20 * time.Second)
	return w.Check()
}

// TestSeeds is the simulation: many histories, each from its seed alone. A failure names its seed;
// go test ./internal/sim -run TestSeeds -seed N replays it exactly.
func TestSeeds(t *testing.T) {
	if *seed != 0 {
		w := world(t, *seed, true)
		err := play(w)
		t.Logf("seed %d: %v, %+v\n%s", *seed, err, w.Counts(), w.Transcript())
		if err != nil {
			t.Fail()
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(4000)) // worlds are small and short-lived
	var next, failed atomic.Uint64
	var mu sync.Mutex
	var total invariant.Counts
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		// Owned by this test; ends when the seeds are used up.
		group.Go(func() {
			for n := next.Add(1); n <= *seeds && failed.Load() < 3; n = next.Add(1) {
				s := *first + n - 1
				w := world(t, s, false)
				if err := play(w); err != nil {
					failed.Add(1)
					again := world(t, s, true)
					_ = play(again) // the same, told this time
					t.Errorf("seed %d (%s): %v\n%s", s, ensembles()[s%8].name, err, tail(again))
				}
				mu.Lock()
				total.Add(w.Counts())
				mu.Unlock()
			}
		})
	}
	group.Wait()
	t.Logf("%d seeds from %d on, %s of faults each: %+v", *seeds, *first, *trouble, total)
}

func tail(w *World) string {
	lines := w.lines
	if len(lines) > 60 {
		lines = lines[len(lines)-60:]
	}
	var out strings.Builder
	for _, l := range lines {
		out.WriteString(l + "\n")
	}
	return out.String()
}

// TestReplay runs a seed twice: the same history, to the letter.
func TestReplay(t *testing.T) {
	for _, s := range []uint64{3, 11, 18} {
		a, b := world(t, s, true), world(t, s, true)
		errA, errB := play(a), play(b)
		if a.Transcript() != b.Transcript() || fmt.Sprint(errA) != fmt.Sprint(errB) || a.Counts() != b.Counts() {
			t.Errorf("seed %d gave two histories", s)
		}
	}
}
