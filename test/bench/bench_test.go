package bench

import (
	"fmt"
	"os"
	"testing"
	"time"

	"electnode/test/bench/floor"
	"electnode/test/bench/sample"
)

// How many times in a row one kind of servers is measured before the others have their turn. The others take seconds where
// electnode takes milliseconds; a 99th percentile needs many runs.
const (
	ownBlock   = 40
	otherBlock = 6
)

// size is how long a block of a contender is.
func (c contender) size() int {
	if c.name == electnode || c.name == baseline {
		return ownBlock
	}
	return otherBlock
}

// BenchmarkFailOver kills the leader, kill -9, until another one leads and serves. One iteration is a walk along the floor and a
// block of kills for each kind of servers.
func BenchmarkFailOver(b *testing.B) {
	for _, n := range []int{3, 5} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := newResults(b, n)
			f := newFloor(b)
			for b.Loop() {
				r.floor(f, ownBlock)
				for _, c := range contenders(b, byDefault()...) {
					r.failOvers(c, c.size())
				}
			}
			r.report(whatFailOver)
		})
	}
}

// failOvers measures a block of fail-overs; for electnode also what their time went by.
func (r *results) failOvers(c contender, runs int) {
	r.b.Helper()
	cl := c.cluster(r.b, r.n)
	leader, _ := cl.start()
	for range runs {
		o := cl.failOver(leader)
		leader = o.next
		r.add(whatFailOver, c.name, measureTime, "ms", sample.Millis(o.took()))
		if c.name == electnode {
			for _, p := range cl.phases(o) {
				r.add(whatPhases, c.name, p.name, "ms", sample.Millis(p.took))
			}
		}
	}
	cl.stop()
}

// newFloor makes a floor on the file system that the servers use.
func newFloor(tb testing.TB) *floor.Floor {
	tb.Helper()
	program, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	f, err := floor.New(program, tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := f.Close(); err != nil {
			tb.Error(err)
		}
	})
	return f
}

// floor measures what cannot be beaten.
func (r *results) floor(f *floor.Floor, walks int) {
	r.b.Helper()
	for range walks {
		took, err := f.Walk()
		if err != nil {
			r.b.Fatal(err)
		}
		r.add(whatFloor, "floor", measureTime, "ms", sample.Millis(took.Total))
		for _, k := range floor.Kinds() {
			r.add(whatFloor, "floor", string(k), "ms", sample.Millis(took.Parts[k]))
		}
	}
}

// BenchmarkLoop tells what the questions of the measuring do to what is measured: the time until a leader is established
// by the servers' own events, when each survivor is asked every millisecond, as BenchmarkFailOver does at that time, and when it
// is asked every 20 ms.
func BenchmarkLoop(b *testing.B) {
	r := newResults(b, 3)
	for b.Loop() {
		for _, every := range []time.Duration{time.Millisecond, 20 * time.Millisecond} {
			cl := own()[0].cluster(b, r.n)
			cl.pause = func(time.Duration) time.Duration { return every }
			leader, _ := cl.start()
			for range ownBlock {
				o := cl.failOver(leader)
				leader = o.next
				r.add(whatLoop, fmt.Sprintf("asked every %s", every), measureTime, "ms", sample.Millis(cl.established(o)))
			}
			cl.stop()
		}
	}
	r.report(whatLoop)
}

// BenchmarkPaused stops the leader with SIGSTOP: no connection tells of it, only the missing heartbeats do. All kinds
// give a silent server up after the same time, or not before.
func BenchmarkPaused(b *testing.B) {
	r := newResults(b, 3)
	for b.Loop() {
		for _, c := range contenders(b, patientAlike()...) {
			cl := c.cluster(b, r.n)
			leader, _ := cl.start()
			for range otherBlock {
				o := cl.silence(leader)
				leader = o.next
				r.add(whatPaused, c.name, measureTime, "ms", sample.Millis(o.took()))
			}
			cl.stop()
		}
	}
	r.report(whatPaused)
}

// BenchmarkColdStart starts all servers at once, without data, until one leads and serves.
func BenchmarkColdStart(b *testing.B) {
	for _, n := range []int{3, 5, 7, 9} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := newResults(b, n)
			for b.Loop() {
				for _, c := range contenders(b, contender{zookeeper, zookeepers}) {
					cl := c.cluster(b, n)
					_, took := cl.start()
					cl.stop()
					r.add(whatColdStart, c.name, measureTime, "ms", sample.Millis(took))
				}
			}
			r.report(whatColdStart)
		})
	}
}
