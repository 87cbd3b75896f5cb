package interop

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"electnode/test/proc"
)

// TestKill kills leaders of both kinds: the others agree on a new one in a later epoch, and who comes back
// follows it.
func TestKill(t *testing.T) {
	t.Parallel()
	e := build(t, plan{kinds: "jje"})
	e.start(3)
	e.start(1, 2)
	a := e.agree()
	for _, kind := range []string{"electnode", "Java"} {
		if is := e.kind(a.leader); is != kind {
			t.Fatalf("%s leads, an %s was expected", e.member(a.leader), kind)
		}
		e.kill(a.leader)
		b := e.agree()
		if b.leader == a.leader || b.epoch <= a.epoch {
			t.Errorf("after %+v came %+v", a, b)
		}
		e.start(a.leader)
		if c := e.agree(); c != b {
			t.Errorf("%+v became %+v when server %d came back", b, c, a.leader)
		}
		a = b
	}
}

// TestRestart restarts an ensemble again and again: epochs go on from those on disk, for servers of both
// kinds, also for those that were away for some epochs. Echo, because a real server that was a late learner
// reports the zxid epoch<<32, which is no transaction but is not 0 either.
func TestRestart(t *testing.T) {
	t.Parallel()
	e, a := form(t, plan{kinds: "jej", own: "electnode.voter=echo\n"})
	for range 2 {
		before := e.epochs()
		e.kill(e.sids()...)
		e.start(e.sids()...)
		b := e.agree()
		if b.epoch <= a.epoch {
			t.Errorf("everybody restarted, and after epoch %d came %d", a.epoch, b.epoch)
		}
		e.notLower(before)
		a = b
	}
	for _, away := range []int{1, 2} {
		e.kill(away)
		for range 2 {
			a = e.agree()
			before := e.epochs()
			e.kill(a.leader)
			e.start(a.leader)
			b := e.later(a)
			e.notLower(before)
			a = b
		}
		if _, epoch := e.epochsOf(away); epoch >= a.epoch-1 {
			t.Errorf("server %d was away, but has epoch %d of %d on disk", away, epoch, a.epoch)
		}
		e.start(away)
		if b := e.agree(); b != a {
			t.Errorf("%+v became %+v when server %d came back", a, b, away)
		}
	}
}

// TestUnharmed restarts an electnode among real servers many times, in all ways: they go on serving, and
// nothing in them breaks (ensemble.inOrder looks at that at the end of every test).
func TestUnharmed(t *testing.T) {
	t.Parallel()
	e, _ := form(t, plan{kinds: "ejj"})
	for i := range 8 {
		switch node := e.member(1).node; i % 3 {
		case 0:
			node.Kill()
		case 1:
			node.Signal(syscall.SIGTERM)
			if status := node.Wait(5 * time.Second); status != 0 {
				t.Errorf("SIGTERM: exit status %d", status)
			}
		case 2:
			node.Signal(syscall.SIGINT)
			if status := node.Wait(5 * time.Second); status != 0 {
				t.Errorf("SIGINT: exit status %d", status)
			}
		}
		e.start(1)
		e.agree()
		for _, sid := range []int{2, 3} {
			if _, err := e.member(sid).stranger(e.stranger); err != nil {
				t.Fatalf("server %d has gone deaf: %v", sid, err)
			}
		}
	}
}

// kind is what a server is.
func (e *ensemble) kind(sid int) string {
	if e.member(sid).java != nil {
		return "Java"
	}
	return "electnode"
}

// later waits for an agreement in a later epoch than that of a.
func (e *ensemble) later(a agreement) agreement {
	e.t.Helper()
	var b agreement
	proc.Eventually(e.t, patience, fmt.Sprintf("all agree after epoch %d", a.epoch), func() (err error) {
		if b, err = e.ask(); err == nil && b.epoch <= a.epoch {
			err = fmt.Errorf("still %+v", b)
		}
		return err
	})
	return b
}

// epochsOf are the two epochs of a server on disk.
func (e *ensemble) epochsOf(sid int) (accepted, current int64) {
	e.t.Helper()
	accepted, current, err := proc.Epochs(e.member(sid).dataDir())
	if err != nil {
		e.t.Fatal(err)
	}
	return accepted, current
}

// epochs are those of all servers, two each.
func (e *ensemble) epochs() [][2]int64 {
	e.t.Helper()
	var all [][2]int64
	for _, m := range e.members {
		accepted, current := e.epochsOf(m.sid)
		all = append(all, [2]int64{accepted, current})
	}
	return all
}

// notLower checks that no epoch on disk is lower than it was before.
func (e *ensemble) notLower(before [][2]int64) {
	e.t.Helper()
	for i, now := range e.epochs() {
		if now[0] < before[i][0] || now[1] < before[i][1] || now[0] < now[1] {
			e.t.Errorf("server %d: epochs (accepted, current) went from %v to %v", i+1, before[i], now)
		}
	}
}
