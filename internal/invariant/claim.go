package invariant

import (
	"fmt"
	"slices"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// claim takes an event that others' records must bear out: judged now, or when the grace has passed.
func (c *Checker) claim(st event.Stamped) error {
	if c.grace == 0 {
		return c.judge(st)
	}
	c.open = append(c.open, st)
	return nil
}

// pass judges the claims whose grace is over at the instant at.
func (c *Checker) pass(at time.Time) error {
	for len(c.open) > 0 && at.Sub(c.open[0].Time) > c.grace {
		st := c.open[0]
		c.open = c.open[1:]
		if err := c.judge(st); err != nil {
			return err
		}
	}
	return nil
}

func (c *Checker) judge(st event.Stamped) error {
	switch ev := st.Event.(type) {
	case event.QuorumReached:
		return c.quorum(st, ev)
	case event.ElectionDecided:
		return c.decided(st, ev)
	case event.LeaderEstablished:
		return c.established(st, ev)
	}
	return nil
}

// lost reports whether what sid did since an instant may be missing in the history, because it was killed.
func (c *Checker) lost(sid quorum.SID, since time.Time) bool {
	at, ok := c.killed[sid]
	return ok && !at.Before(since.Add(-c.grace))
}

// quorum checks that a quorum really supports the vote: that each supporter cast it in that round.
func (c *Checker) quorum(st event.Stamped, ev event.QuorumReached) error {
	var few [16]quorum.SID // an ensemble's, without memory of its own
	real := few[:0]
	for _, sid := range ev.Supporters {
		_, cast := c.votes[castVote{sid, ev.Vote, ev.Round}]
		if cast || sid == st.Node || c.lost(sid, c.began[st.Node]) {
			real = append(real, sid)
		}
	}
	if !c.view.IsQuorum(func(sid quorum.SID) bool { return slices.Contains(real, sid) }) {
		return fmt.Errorf("server %d sees a quorum %v for %s in round %d, only %v voted so", st.Node, ev.Supporters,
			ev.Vote, ev.Round, real)
	}
	return nil
}

// decided checks that a leader is one that may lead, and that a joined one was elected before.
func (c *Checker) decided(st event.Stamped, ev event.ElectionDecided) error {
	switch {
	case !c.view.IsVoter(ev.Vote.Leader):
		return fmt.Errorf("server %d elects %d, which is no voter", st.Node, ev.Vote.Leader)
	case c.view.Weight(ev.Vote.Leader) == 0:
		return fmt.Errorf("server %d elects %d of weight 0", st.Node, ev.Vote.Leader)
	case ev.How == event.HowJoined && !c.led[ev.Vote.Leader] && !c.lost(ev.Vote.Leader, c.began[st.Node]):
		return fmt.Errorf("server %d joins %d, which never led", st.Node, ev.Vote.Leader)
	}
	return nil
}

// established checks that an epoch is on a quorum's disks when its leader takes office, and that a learner's leader
// did so.
func (c *Checker) established(st event.Stamped, ev event.LeaderEstablished) error {
	if st.Node != ev.Leader {
		if !c.office[ev.Epoch] && !c.lost(ev.Leader, c.began[st.Node]) {
			return fmt.Errorf("server %d has leader %d in epoch %d, which is not established", st.Node, ev.Leader, ev.Epoch)
		}
		return nil
	}
	held := func(sid quorum.SID) bool { return c.durable[sid].Current >= ev.Epoch }
	if !c.view.IsQuorum(held) {
		return fmt.Errorf("server %d is established in epoch %d without a quorum's disks: %+v", st.Node, ev.Epoch, c.durable)
	}
	return nil
}
