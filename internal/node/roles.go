package node

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// decide leaves LOOKING. A leader first opens its port, so that it never says LEADING before it can be
// reached. Rule: cases LEADING, FOLLOWING and OBSERVING in QuorumPeer.run.
func (c *Core) decide(now time.Time, d fle.Decision) {
	c.decision, c.decidedAt = d, now
	c.changeState(now, d.State, string(d.How), "")
	c.takeRole(now)
}

// takeRole starts to lead or to learn, unless this server is held back.
func (c *Core) takeRole(now time.Time) {
	switch {
	case c.state == quorum.Looking:
	case now.Before(c.holdUntil):
		c.roleAt = c.holdUntil
	case c.state == quorum.Leading:
		c.lead(now)
	default:
		c.role = zab.NewLearner(c.roleOptions())
		c.fromRole(now, c.role.Start(now))
	}
}

// lead starts to lead as soon as the port is open, and hears the learners that were early.
func (c *Core) lead(now time.Time) {
	switch c.port {
	case portFailed:
		c.holdBack(now, holdMax)
		c.leave(now, event.ReasonPort, c.portErr)
		return
	case portClosed, portAsked:
		return
	}
	early := c.early
	c.early = nil
	leader := zab.NewLeader(c.roleOptions())
	c.role = leader
	c.fromRole(now, leader.Start(now))
	for _, in := range early {
		if c.role != leader {
			return // it ended, and with it the connections that these came from
		}
		c.fromRole(now, leader.Step(now, in))
	}
}

// keepPort opens the quorum port while this server leads or proposes itself, and closes it otherwise.
// Differs from ZooKeeper: there the port opens after the decision, and followers that were faster by a
// moment wait 100 ms for another attempt.
func (c *Core) keepPort() {
	want := c.state == quorum.Leading ||
		c.state == quorum.Looking && c.election.ProposesSelf() && c.port != portFailed
	switch {
	case want && c.port == portClosed:
		c.port, c.out.OpenPort = portAsked, true
	case !want && c.port != portClosed:
		c.port, c.early = portClosed, nil
		// A learner that began in this very step has nothing to lose yet: it dials after this was done.
		c.out.OpenPort, c.out.DropRole = false, true
	}
}

func (c *Core) roleOptions() zab.Options {
	o := c.opt.Role
	o.Self, o.Leader = c.opt.Election.Self, c.decision.Vote.Leader
	o.View, o.LastSeen = c.view, nil
	if c.lastSeen != nil && c.lastSeen.Version() > c.view.Version() {
		o.LastSeen = c.lastSeen
	}
	o.Observer = c.decision.State == quorum.Observing
	o.Epochs, o.DecidedAt, o.Cut = c.epochs, c.decidedAt, c.cut
	return o
}

// fromRole carries an output of the leader or learner over, and acts on what became of it.
func (c *Core) fromRole(now time.Time, o zab.Output) {
	c.out.Events = append(c.out.Events, o.Events...)
	c.out.Packets = append(c.out.Packets, o.Sends...)
	c.out.Close = append(c.out.Close, o.Close...)
	c.roleAt = o.Deadline
	if o.Dial {
		c.out.Dial, c.out.Leader = true, c.decision.Vote.Leader
	}
	if o.Persist != nil {
		p := *o.Persist
		c.writing, c.out.Persist = &p, &p
	}
	if o.Established != nil {
		est := *o.Established
		c.leaderless += now.Sub(c.estSince)
		c.established, c.estSince, c.failures = &est, now, 0
		c.election.Established(est.Epoch)
	}
	if o.Done != nil {
		if o.Done.Reason == event.ReasonPolicy {
			c.election.Refused()
		}
		if o.Done.Silent {
			c.election.Silent(c.decision.Vote.Leader)
		}
		c.holdBack(now, o.Done.RetryAfter)
		c.leave(now, o.Done.Reason, o.Done.Detail)
	}
}
