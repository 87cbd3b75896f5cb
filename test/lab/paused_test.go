package lab

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/test/proc"
)

// directory is where the history of a test is kept when it fails, out of the way of git.
func directory(seed uint64, name string) string {
	return filepath.Join("..", "..", ".lab", fmt.Sprintf("seed-%d", seed), name)
}

// TestPaused stops the leader's process (SIGSTOP) until the others have another one, and then lets it go on: it still
// believes that it leads, notices at once, and follows.
func TestPaused(t *testing.T) {
	t.Parallel()
	e := NewEnsemble(t, Options{Program: program, Servers: 3, Seed: *seed, Settings: settings,
		Dir: directory(*seed, "paused"), Again: fmt.Sprintf("go test ./test/lab -run TestPaused -seed %d", *seed)})
	e.Boot()
	before := e.AwaitAgreement(patience)
	old := before.Leader
	old.Pause()
	var others []*Node
	for _, n := range e.Nodes {
		if n != old {
			others = append(others, n)
		}
	}
	begun := time.Now()
	var after Agreed
	proc.Eventually(t, longestLeaderless(never)+spare, "the others have another leader", func() (err error) {
		after, err = e.Agreement(others...)
		if err == nil && after.Leader == old {
			err = errors.New("they still follow it")
		}
		return err
	})
	t.Logf("another leader after %s", time.Since(begun).Round(time.Millisecond))
	e.Pass(2 * tick) // by its own clock the old leader is now far beyond its limits
	woken := time.Now()
	old.Continue()
	if all := e.AwaitAgreement(longestConvergence+spare, e.Nodes...); all != after {
		t.Errorf("server %d in epoch %s, before the old leader woke %d in %s", all.Leader.SID, all.Epoch, after.Leader.SID, after.Epoch)
	}
	proc.Eventually(t, patience, "the old leader tells that it lost its place", func() error {
		for _, s := range e.History.Events(old.sid(), woken, time.Now()) {
			switch ev := s.Event.(type) {
			case event.LeaderEstablished:
				if int(ev.Leader) == old.SID {
					t.Fatalf("the old leader was established again: %+v", ev)
				}
			case event.LeaderLost:
				if took := s.Time.Sub(woken); took > spare {
					t.Errorf("the old leader noticed after %s", took)
				}
				return nil
			}
		}
		return errors.New("it did not")
	})
	e.Judge()
}
