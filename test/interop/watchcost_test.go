package interop

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/watch"
	"electnode/test/proc"
	"electnode/test/zk"
)

// More of what is measured: docs/watch-cost.md has the numbers of -failovers 20 -polls 14400 -reconnects 200.
var (
	failovers  = flag.Int("failovers", 3, "fail-overs of an ensemble with and of one without a watcher")
	polls      = flag.Int("polls", 100, "questions to each server at the fastest pace")
	reconnects = flag.Int("reconnects", 10, "connections to each server")
)

// fastest is the shortest interval that a watcher accepts.
const fastest = 50 * time.Millisecond

// elected is the end of one fail-over.
type elected struct {
	leader int
	rounds int64 // since the fail-over before
	took   time.Duration
}

// change kills the leader, waits for the next, and lets the old one join again.
func (e *ensemble) change(a agreement) (elected, agreement) {
	e.t.Helper()
	round := e.round(a.leader)
	killed := time.Now()
	e.kill(a.leader)
	b := e.agree()
	x := elected{b.leader, e.round(b.leader) - round, e.settledAt(killed)[b.leader].Sub(killed)}
	e.start(a.leader)
	return x, e.agree()
}

// turns has two ensembles change their leaders n times, one after the other and each as often the first of the two,
// so that what else the machine does meets both.
func turns(e, o *ensemble, a, b agreement, n int) (es, os []elected) {
	for i := range n {
		var x, y elected
		if i%2 == 0 {
			x, a = e.change(a)
			y, b = o.change(b)
		} else {
			y, b = o.change(b)
			x, a = e.change(a)
		}
		es, os = append(es, x), append(os, y)
	}
	return es, os
}

// round is the round of a server's election.
func (e *ensemble) round(sid int) int64 {
	e.t.Helper()
	n, err := e.member(sid).stranger(e.stranger)
	if err != nil {
		e.t.Fatal(err)
	}
	return int64(n.Round)
}

// ordered starts three real servers so that the third leads.
func ordered(t *testing.T) (*ensemble, agreement) {
	t.Helper()
	e := build(t, plan{kinds: "jjj"})
	e.start(1, 3)
	if a := e.agree(); a.leader != 3 {
		t.Fatalf("of servers 1 and 3 leads %d", a.leader)
	}
	e.start(2)
	return e, e.agree()
}

// same compares the leaders and rounds of two series.
func same(a, b []elected) bool {
	return slices.EqualFunc(a, b, func(x, y elected) bool { return x.leader == y.leader && x.rounds == y.rounds })
}

// TestWatchDisturbsNothing lets two ensembles lose their leaders again and again, of which one is watched at the
// fastest pace: the same leaders come in the same rounds. On a slow machine one election may take two rounds,
// watched or not; so of three attempts one must be the same.
func TestWatchDisturbsNothing(t *testing.T) {
	t.Parallel()
	alone, a := ordered(t)
	watched, b := ordered(t)
	s := look(t, watched.member(1).electionAddr(), func(o *watch.Options) { o.Interval = fastest })
	s.agrees(watched, b)
	for attempt := 1; ; attempt++ {
		without, with := turns(alone, watched, a, b, *failovers)
		t.Logf("without a watcher: %s", table(without))
		t.Logf("with a watcher:    %s", table(with))
		if same(without, with) {
			break
		}
		if attempt == 3 {
			t.Fatal("the elections differ")
		}
		a, b = alone.leads(3), watched.leads(3)
	}
	s.stop()
	watched.unharmed()
}

// leads kills leaders until sid is one.
func (e *ensemble) leads(sid int) agreement {
	e.t.Helper()
	for range 5 {
		a := e.agree()
		if a.leader == sid {
			return a
		}
		e.change(a)
	}
	e.t.Fatalf("server %d is not elected", sid)
	return agreement{}
}

// table is a series in a line, with the median of the times.
func table(all []elected) string {
	var b strings.Builder
	var took []time.Duration
	for _, x := range all {
		fmt.Fprintf(&b, "%d+%d ", x.leader, x.rounds)
		took = append(took, x.took)
	}
	slices.Sort(took)
	return fmt.Sprintf("%s(leader+rounds); kill to elected %s to %s, median %s", b.String(), took[0], took[len(took)-1], took[len(took)/2])
}

// costs asks all servers.
func (e *ensemble) costs() []zk.Cost {
	var all []zk.Cost
	for _, m := range e.members {
		all = append(all, m.java.Cost())
	}
	return all
}

// quickly has a watcher ask at the fastest pace until each server answered n times, and gives how long that took.
func (e *ensemble) quickly(t *testing.T, n int) time.Duration {
	t.Helper()
	began := time.Now()
	w, stop := begin(t, e.member(1).electionAddr())
	defer stop()
	limit := patience + 5*time.Duration(n)*fastest
	proc.Every(t, 5*time.Millisecond, limit, "all have answered", func() error {
		st := w.Status()
		if len(st.Servers) != len(e.members) {
			return fmt.Errorf("%+v", st)
		}
		for _, o := range st.Servers {
			if o.Answers < uint64(n) {
				return fmt.Errorf("%+v", o)
			}
		}
		return nil
	})
	return time.Since(began)
}

// begin starts a watcher that keeps nothing.
func begin(t *testing.T, addr string) (*watch.Watcher, func()) {
	t.Helper()
	target, err := watch.ParseTarget(addr)
	if err != nil {
		t.Fatal(err)
	}
	w, err := watch.New(watch.Options{Targets: []watch.Target{target}, SID: watcherSID, Interval: fastest, AnswerTimeout: answerTime})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	// The caller's: ends with ctx.
	go func() {
		defer close(ended)
		w.Run(ctx)
	}()
	return w, func() { cancel(); <-ended }
}

// TestWatchCost measures what a watcher costs real servers, and that they grow by nothing: not by questions, and
// not by connections.
func TestWatchCost(t *testing.T) {
	t.Parallel()
	zk.NeedCost(t)
	e, a := form(t, plan{kinds: "jjj"})
	e.quickly(t, 1) // what the first connection of all costs is paid, and the JVM has its threads for jcmd
	e.costs()
	e.calm(t, 6)

	before := e.costs()
	took := e.quickly(t, *polls)
	e.calm(t, 6)
	asked := e.costs()
	quiet(t, took)
	idle := e.costs()
	for range *reconnects {
		e.quickly(t, 1)
	}
	e.calm(t, 6)
	again := e.costs()
	for i, m := range e.members {
		t.Logf("%s: %d questions in %s: CPU %s, %d log lines, threads %d -> %d, heap %+d KiB; the same time without: CPU %s, %d log lines; "+
			"%d connections: CPU %s, %d log lines, threads -> %d, heap %+d KiB", m,
			*polls, took.Round(time.Millisecond), asked[i].CPU-before[i].CPU, asked[i].LogLines-before[i].LogLines,
			before[i].Threads, asked[i].Threads, (asked[i].Heap-before[i].Heap)>>10,
			idle[i].CPU-asked[i].CPU, idle[i].LogLines-asked[i].LogLines,
			*reconnects, again[i].CPU-idle[i].CPU, again[i].LogLines-idle[i].LogLines, again[i].Threads, (again[i].Heap-idle[i].Heap)>>10)
		const most = 3 << 20 // what a server's own work makes of its heap from one look to the next
		if asked[i].Heap-before[i].Heap > most || again[i].Heap-idle[i].Heap > most {
			t.Errorf("%s: its heap grew: %+v, %+v, %+v, %+v", m, before[i], asked[i], idle[i], again[i])
		}
		if lines := asked[i].LogLines - before[i].LogLines; lines > 60+*polls/100 {
			t.Errorf("%s: %d questions on one connection left %d lines in its log", m, *polls, lines)
		}
	}
	e.keeps(a, time.Second)
	e.unharmed()
}

// calm waits until the threads of all servers are no more than at the first call, but for some.
func (e *ensemble) calm(t *testing.T, some int) {
	t.Helper()
	for _, m := range e.members {
		if m.threads == 0 {
			m.threads = m.java.Threads()
		}
		proc.Eventually(t, patience, "the threads that served the watcher have ended", func() error {
			if n := m.java.Threads(); n > m.threads+some {
				return fmt.Errorf("%s has %d threads, at first %d", m, n, m.threads)
			}
			return nil
		})
	}
}

// quiet lets time pass in which nobody asks anything.
func quiet(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}
