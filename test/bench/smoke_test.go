package bench

import (
	"testing"
	"time"

	"electnode/test/bench/phases"
)

// TestOneBlock is a small run of what is measured, so that it works when it is needed: electnodes alone are killed and stopped, and
// every millisecond of each fail-over is in one of its phases.
func TestOneBlock(t *testing.T) {
	cl := own()[0].cluster(t, 3)
	leader, took := cl.start()
	if took <= 0 {
		t.Errorf("started in %s", took)
	}
	for range 2 {
		o := cl.failOver(leader)
		if o.next == o.lost || o.took() <= 0 {
			t.Errorf("%+v", o)
		}
		leader = o.next
		parts := cl.phases(o)
		if len(parts) != len(phases.Names()) {
			t.Fatalf("%d phases", len(parts))
		}
		var sum time.Duration
		for _, p := range parts {
			sum += p.took
		}
		// The phases are cut by the wall clock, the outage is measured by one that nobody sets.
		if off := (sum - o.took()).Abs(); off > time.Millisecond {
			t.Errorf("phases %v are %s, not %s", parts, sum, o.took())
		}
		if parts[0].took <= 0 {
			t.Errorf("phases %v: nobody can know of the death before it", parts)
		}
	}
	spent := cl.during(func() { cl.silence(leader) })
	if spent.bytes <= 0 || spent.packets <= 0 || spent.cpu <= 0 || spent.cpu > 5*time.Second {
		t.Errorf("an election cost %+v", spent)
	}
	if now := cl.cost(); now.threads < 3 || now.memory < 3 || now.own <= 0 || now.own >= now.memory || cl.goroutines() < 3 {
		t.Errorf("three servers cost %+v", now)
	}
	cl.stop()
}

// TestFloorOfServers: what cannot be beaten is measured where the servers keep their data.
func TestFloorOfServers(t *testing.T) {
	took, err := newFloor(t).Walk()
	if err != nil || took.Total <= 0 {
		t.Errorf("%+v, %v", took, err)
	}
}

func TestPauseAfter(t *testing.T) {
	for elapsed, want := range map[time.Duration]time.Duration{
		0:                      time.Millisecond,
		50 * time.Millisecond:  time.Millisecond,
		200 * time.Millisecond: 4 * time.Millisecond,
		time.Hour:              20 * time.Millisecond,
	} {
		if got := pauseAfter(elapsed); got != want {
			t.Errorf("%s after %s, not %s", got, elapsed, want)
		}
	}
}
