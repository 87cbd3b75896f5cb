package node

import (
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// TestPausedLeader: nobody waits for the vote of a leader that was left because it had fallen silent, as after SIGSTOP; when it
// goes on, it follows.
func TestPausedLeader(t *testing.T) {
	c := newCluster(t, loopback(t, 3, 0), tcp)
	c.start(1, 2, 3)
	first := c.settle(0)
	var rest []quorum.SID
	for _, sid := range c.sids() {
		if sid != first.Leader {
			rest = append(rest, sid)
		}
	}
	mark := c.mark()
	resume, err := c.running[first.Leader].Pause(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second := c.established(mark, rest...)
	for _, s := range c.seen()[mark:] {
		if ev, ok := s.Event.(event.ElectionDecided); ok && ev.How == event.HowWaited {
			t.Errorf("server %d waited: %+v", s.Node, ev)
		}
	}
	mark = c.mark()
	resume()
	if got := c.established(mark, first.Leader); got.Leader != second.Leader || got.Epoch != second.Epoch {
		t.Errorf("the paused leader has %+v, the others %+v", got, second)
	}
}

// TestCutAndHeal: a follower that is cut off from the leader, by one of the two alone, does not come back to it on
// any port until the cut is lifted, whoever of them made it; the others go on.
func TestCutAndHeal(t *testing.T) {
	for _, by := range []string{"leader", "follower"} {
		t.Run(by, func(t *testing.T) {
			c := newCluster(t, loopback(t, 3, 0), tcp)
			c.start(1, 2, 3)
			first := c.established(0, 1, 2, 3)
			victim := first.Leader%3 + 1
			cutter, other := c.running[first.Leader], victim
			if by == "follower" {
				cutter, other = c.running[victim], first.Leader
			}
			mark := c.mark()
			if err := cutter.Cut(t.Context(), other, true); err != nil {
				t.Fatal(err)
			}
			c.await(mark, "the follower loses its leader", func(s event.Stamped) bool {
				ev, lost := s.Event.(event.LeaderLost)
				return lost && s.Node == victim && ev.Leader == first.Leader
			})
			c.await(mark, "the follower looks in vain", func(s event.Stamped) bool {
				ev, waits := s.Event.(event.ResendScheduled)
				return waits && s.Node == victim && ev.Wait >= time.Second
			})
			if st, err := c.running[victim].Status(t.Context()); err != nil || st.State != quorum.Looking {
				t.Errorf("the follower is %s, %v", st.State, err)
			}
			st, err := c.running[first.Leader].Status(t.Context())
			if err != nil || st.State != quorum.Leading || st.Established.Epoch != first.Epoch {
				t.Errorf("the leader is %s, %+v, %v", st.State, st.Established, err)
			}
			mark = c.mark()
			if err := cutter.Cut(t.Context(), other, false); err != nil {
				t.Fatal(err)
			}
			if again := c.established(mark, victim); again.Leader != first.Leader || again.Epoch != first.Epoch {
				t.Errorf("%+v after the cut was lifted, %+v before", again, first)
			}
		})
	}
}
