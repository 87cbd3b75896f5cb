package lab

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"electnode/test/proc"
)

var cycles = flag.Int("cycles", 30, "how often TestKills kills, over all its ensembles")

// between is how many cycles of kills pass until all must be well again.
const between = 5

// starting is how long a process may take to start, with the race detector in it and on a machine that is busy.
const starting = 10 * time.Second

// TestKills kills servers at random instants, with kill -9, and starts them again, while the wire loses, delays, doubles
// and reorders packets, cuts come and go, and processes are stopped for a while. Every few cycles the wire gets good,
// and all must be back and agree within a bounded time. At no time may there be two leaders in one epoch, or an
// epoch be lost.
func TestKills(t *testing.T) {
	for i, servers := range []int{3, 5} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) {
			t.Parallel()
			k := kills{Ensemble: NewEnsemble(t, Options{Program: program, Servers: servers, Seed: *seed, Settings: settings,
				Dir:   directory(*seed, fmt.Sprintf("kills-%d", servers)),
				Again: fmt.Sprintf("go test -race ./test/lab -run TestKills/%d -cycles %d -seed %d", servers, *cycles, *seed)})}
			k.Boot()
			k.well(t)
			for n := range share(*cycles, 2, i) {
				if n%between == 0 {
					k.trouble()
				}
				k.cycle()
				if n%between == between-1 {
					k.well(t)
				}
			}
			k.well(t)
			k.judged(t, share(*cycles, 2, i))
		})
	}
}

// judged says what came of it, and wants it to have been much, and heard.
func (k *kills) judged(t *testing.T, cycles int) {
	t.Helper()
	counts, told := k.History.Counts()
	total, _ := k.Wire.Total()
	t.Logf("seed %d: %d kills, %+v, %+v; the wire: %+v", *seed, k.killed, counts, told, total)
	if counts.Established < cycles/5 {
		t.Errorf("%d leaders were established in %d cycles", counts.Established, cycles)
	}
	if told.Gaps > 0 {
		t.Errorf("what was told has %d gaps", told.Gaps)
	}
	if few := 1 + told.Starts/20; told.Unheard > few {
		t.Errorf("of %d starts out of %d nothing was heard, want %d at most", told.Unheard, told.Starts, few)
	}
	if few := 1 + counts.Claims/50; counts.Waived > few {
		t.Errorf("%d claims out of %d were not judged in full, want %d at most", counts.Waived, counts.Claims, few)
	}
}

// share is the part of n that is the i-th of so many's.
func share(n, many, i int) int { return (n + many - 1 - i) / many }

// kills is an ensemble in trouble.
type kills struct {
	*Ensemble
	killed int
}

// chance is true with this probability.
func (k *kills) chance(p float64) bool { return k.Rand.Float64() < p }

// upTo is a random time.
func (k *kills) upTo(d time.Duration) time.Duration { return time.Duration(k.Rand.Int64N(int64(d))) }

// trouble makes the wire a bad one.
func (k *kills) trouble() {
	k.Noise(Fault{Loss: 0.05 * k.Rand.Float64(), Duplicate: 0.05 * k.Rand.Float64(), Delay: k.upTo(10 * time.Millisecond),
		Jitter: 1 + k.upTo(10*time.Millisecond)})
}

// cycle is one round of kills, with what else goes wrong meanwhile.
func (k *kills) cycle() {
	if k.chance(0.9) {
		k.awaitHeard()
	}
	if k.chance(0.6) {
		k.awaitLeader()
	}
	k.Pass(k.upTo(500 * time.Millisecond))
	repair := k.damage()
	victims := k.victims()
	for _, n := range victims {
		n.Kill()
		k.killed++
		if k.chance(0.3) {
			k.Pass(k.upTo(300 * time.Millisecond)) // the next one dies while the others elect
		}
	}
	if k.chance(0.5) {
		repair()
	}
	for _, n := range victims {
		k.Pass(k.upTo(500 * time.Millisecond))
		n.Boot()
	}
	repair()
}

// awaitHeard waits until all that run have told that they have started. What is killed before leaves no record: that is
// to happen, but not often.
func (k *kills) awaitHeard() {
	proc.Eventually(k.t, starting, "all are heard", func() error {
		k.NoneEnded()
		for _, n := range k.Nodes {
			if n.up && !n.Paused() && !k.History.Heard(n.sid()) {
				return fmt.Errorf("server %d is not", n.SID)
			}
		}
		return nil
	})
}

// awaitLeader waits for an established leader, but not for ever: there may be too few that reach each other.
func (k *kills) awaitLeader() {
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end) && k.Leader() == nil; {
		k.Pass(20 * time.Millisecond)
	}
}

// victims are who dies: mostly one, and the leader more often than others.
func (k *kills) victims() []*Node {
	all := slices.Clone(k.Nodes)
	k.Rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	switch p := k.Rand.Float64(); {
	case p < 0.1:
		return all
	case p < 0.3:
		return all[:2]
	case p < 0.7:
		if leader := k.Leader(); leader != nil {
			return []*Node{leader}
		}
	}
	return all[:1]
}

// damage cuts something, or stops somebody, or neither; repair takes that back.
func (k *kills) damage() (repair func()) {
	one := k.Nodes[k.Rand.IntN(len(k.Nodes))]
	switch p := k.Rand.Float64(); {
	case p < 0.2:
		to := 1 + (one.SID+k.Rand.IntN(len(k.Nodes)-1))%len(k.Nodes)
		k.Cut(one.SID, to, true)
		return func() { k.Cut(one.SID, to, false) }
	case p < 0.4:
		return k.split()
	case p < 0.6:
		one.Pause()
		k.Pass(k.upTo(noticed))
		return one.Continue
	}
	return func() {}
}

// split cuts the servers into two sides.
func (k *kills) split() (repair func()) {
	side := make([]bool, len(k.Nodes))
	for i := range side {
		side[i] = k.chance(0.5)
	}
	set := func(cut bool) {
		for i, a := range side {
			for j, b := range side {
				if a != b {
					k.Cut(i+1, j+1, cut)
				}
			}
		}
	}
	set(true)
	return func() { set(false) }
}

// well makes everything good, and wants all servers back, in agreement, with a history that holds.
func (k *kills) well(t *testing.T) {
	t.Helper()
	k.Heal()
	begun := time.Now()
	a := k.AwaitAgreement(starting + longestConvergence + spare)
	t.Logf("all agree on %d in epoch %s after %s", a.Leader.SID, a.Epoch, time.Since(begun).Round(time.Millisecond))
	k.awaitHeard()
	k.Judge()
}
