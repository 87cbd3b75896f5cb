package invariant

import (
	"fmt"
	"slices"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// claim is an event that others' records must bear out, with what its server had told of its election by then.
type claim struct {
	event.Stamped
	run run
}

// claim takes a claim: judged now, or when the grace has passed.
func (c *Checker) claim(st event.Stamped) error {
	cl := claim{st, c.runs[st.Node]}
	if c.grace == 0 {
		return c.judge(cl)
	}
	c.open = append(c.open, cl)
	return nil
}

// pass judges the claims whose grace is over at the instant at.
func (c *Checker) pass(at time.Time) error {
	for len(c.open) > 0 && at.Sub(c.open[0].Time) > c.grace {
		cl := c.open[0]
		c.open = c.open[1:]
		if err := c.judge(cl); err != nil {
			return err
		}
	}
	return nil
}

// judge judges one claim, and counts it.
func (c *Checker) judge(cl claim) error {
	t := trial{Checker: c, claim: cl}
	var err error
	switch ev := cl.Event.(type) {
	case event.QuorumReached:
		err = t.reached(ev)
	case event.ElectionDecided:
		err = t.decided(ev)
	case event.LeaderEstablished:
		if cl.Node == ev.Leader {
			err = t.leads(ev)
		} else {
			err = t.follows(ev)
		}
	}
	c.count.Claims++
	if t.waived {
		c.count.Waived++
	}
	return err
}

// trial is the judging of one claim.
type trial struct {
	*Checker
	claim

	waived bool // a part of it cannot be judged
}

// quorum reports whether there is a quorum for which something holds. Where there is none on record, those count also
// for which it may hold: then a part is waived.
func (t *trial) quorum(holds, may func(quorum.SID) bool) bool {
	if t.view.IsQuorum(holds) {
		return true
	}
	return t.view.IsQuorum(func(sid quorum.SID) bool { return holds(sid) || may(sid) }) && t.waive()
}

// one is quorum for a single server.
func (t *trial) one(sid quorum.SID, holds, may func(quorum.SID) bool) bool {
	return holds(sid) || may(sid) && t.waive()
}

// own reports whether what must stand on the claimant's own record does, or is lost.
func (t *trial) own(stands bool) bool {
	return stands || t.lost(t.Node, t.run.began, t.Time) && t.waive()
}

func (t *trial) waive() bool {
	t.waived = true
	return true
}

// heard reports whether what a server said to the claimant in its election may be lost. It may have been said shortly
// before, to be there when the election began.
func (t *trial) heard(sid quorum.SID) bool {
	return t.lost(sid, t.run.began.Add(-t.grace), t.Time)
}

// reached checks that a quorum really supports the vote: that each supporter cast it in that round.
func (t *trial) reached(ev event.QuorumReached) error {
	cast := func(sid quorum.SID) bool {
		_, ok := t.votes[castVote{sid, ev.Vote, ev.Round}]
		ok = ok || sid == t.Node && t.run.vote == ev.Vote && t.run.round == ev.Round // told to nobody yet
		return ok && slices.Contains(ev.Supporters, sid)
	}
	may := func(sid quorum.SID) bool { return slices.Contains(ev.Supporters, sid) && t.heard(sid) }
	if !t.quorum(cast, may) {
		return fmt.Errorf("server %d sees a quorum %v for %s in round %d, only %v voted so", t.Node, ev.Supporters,
			ev.Vote, ev.Round, those(ev.Supporters, cast))
	}
	return nil
}

// decided checks that a leader is one that may lead, that its election had a quorum, and that a joined one was elected
// before, by a quorum.
func (t *trial) decided(ev event.ElectionDecided) error {
	leader := ev.Vote.Leader
	switch {
	case !t.view.IsVoter(leader):
		return fmt.Errorf("server %d elects %d, which is no voter", t.Node, leader)
	case t.view.Weight(leader) == 0:
		return fmt.Errorf("server %d elects %d of weight 0", t.Node, leader)
	case (ev.State == quorum.Leading) != (leader == t.Node):
		return fmt.Errorf("server %d elects %d and is %s", t.Node, leader, ev.State)
	}
	if ev.How != event.HowJoined {
		had := len(t.run.reached.Supporters) > 0 && t.run.reached.Vote == ev.Vote && t.run.reached.Round == ev.Round
		if !t.own(had) {
			return fmt.Errorf("server %d elects %s in round %d, saw a quorum for %s in round %d", t.Node, ev.Vote, ev.Round,
				t.run.reached.Vote, t.run.reached.Round)
		}
		return nil
	}
	if !t.one(leader, func(sid quorum.SID) bool { return t.led[sid] }, t.heard) {
		return fmt.Errorf("server %d joins %d, which never led", t.Node, leader)
	}
	backs := func(sid quorum.SID) bool { _, ok := t.backed[backing{sid, leader}]; return ok }
	if !t.quorum(backs, t.heard) {
		return fmt.Errorf("server %d joins %d, for which only %v ever voted", t.Node, leader, those(t.view.Voters(), backs))
	}
	return nil
}

// those are the servers for which something holds.
func those(all []quorum.SID, holds func(quorum.SID) bool) []quorum.SID {
	return slices.DeleteFunc(slices.Clone(all), func(sid quorum.SID) bool { return !holds(sid) })
}
