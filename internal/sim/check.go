package sim

import (
	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// checker holds the truth about a world and compares it with what the nodes do.
type checker struct {
	view    *quorum.View
	leaders map[quorum.Epoch]quorum.SID // who was established in which epoch
	durable map[quorum.SID]zab.Epochs   // what was acknowledged as written
	votes   map[castVote]bool           // every vote that ever left a server, or was its own
	led     map[quorum.SID]bool         // who ever decided to lead
	count   Counts
}

// Counts says how much happened in a world.
type Counts struct {
	Elections, Established, Boots, Notifications int
}

// castVote is a vote that a server stood by, LOOKING or settled: settled votes count in tallies as well.
type castVote struct {
	sid   quorum.SID
	vote  quorum.Vote
	round quorum.Round
}

func newChecker(view *quorum.View) checker {
	return checker{view: view, leaders: map[quorum.Epoch]quorum.SID{}, durable: map[quorum.SID]zab.Epochs{},
		votes: map[castVote]bool{}, led: map[quorum.SID]bool{}}
}

// Counts says how much happened so far.
func (w *World) Counts() Counts { return w.check.count }

// booted checks that a restart did not bring an epoch down.
func (c *checker) booted(w *World, sid quorum.SID, e zab.Epochs) {
	c.count.Boots++
	old := c.durable[sid]
	if e.Accepted < old.Accepted || e.Current < old.Current {
		w.fail("server %d came back with epochs %+v, had written %+v", sid, e, old)
	}
	c.durable[sid] = e
}

// persisted notes an acknowledged write and checks that epochs only rise.
func (c *checker) persisted(w *World, sid quorum.SID, p zab.Persist) {
	e := c.durable[sid]
	switch p.File {
	case zab.FileAccepted:
		if p.Epoch < e.Accepted {
			w.fail("server %d lowers acceptedEpoch from %d to %d", sid, e.Accepted, p.Epoch)
		}
		e.Accepted = p.Epoch
	case zab.FileCurrent:
		if p.Epoch < e.Current || p.Epoch > e.Accepted {
			w.fail("server %d writes currentEpoch %d, has %+v", sid, p.Epoch, e)
		}
		e.Current = p.Epoch
	}
	c.durable[sid] = e
}

// packet checks that promises and acknowledgements leave only after they are durable.
func (c *checker) packet(w *World, s *server, p zab.Packet) {
	e := c.durable[s.sid]
	switch p.Type {
	case zab.TypeLeaderInfo:
		if p.Zxid.Epoch() > e.Accepted {
			w.fail("server %d proposes epoch %d, has accepted %d on disk", s.sid, p.Zxid.Epoch(), e.Accepted)
		}
	case zab.TypeNewLeader:
		if p.Zxid.Epoch() != e.Current {
			w.fail("server %d sends NEWLEADER %s, has current epoch %d on disk", s.sid, p.Zxid, e.Current)
		}
	case zab.TypeAck:
		if p.Zxid.Epoch() > e.Current {
			w.fail("server %d acknowledges %s, has current epoch %d on disk", s.sid, p.Zxid, e.Current)
		}
	}
}

// notified notes the vote of a notification that was handed to the network, settled ones included.
func (c *checker) notified(sid quorum.SID, n event.NotificationSent) {
	c.count.Notifications++
	c.votes[castVote{sid, n.Vote, n.Round}] = true
}

// event checks what a node says happened to it.
func (c *checker) event(w *World, s *server, ev event.Event) {
	switch ev := ev.(type) {
	case event.ElectionStarted:
		c.count.Elections++
		c.votes[castVote{s.sid, ev.Vote, ev.Round}] = true
	case event.VoteChanged:
		c.votes[castVote{s.sid, ev.To, ev.Round}] = true
	case event.RoundChanged:
		// The notifications that follow tell which vote it stands by in the new round.
	case event.QuorumReached:
		c.quorum(w, s, ev)
	case event.ElectionDecided:
		c.decided(w, s, ev)
	case event.LeaderEstablished:
		c.establishedBy(w, s, ev)
	}
}

// quorum checks that a quorum really supports the vote: that each supporter cast it in that round.
func (c *checker) quorum(w *World, s *server, ev event.QuorumReached) {
	real := quorum.Set{}
	for _, sid := range ev.Supporters {
		if c.votes[castVote{sid, ev.Vote, ev.Round}] || sid == s.sid {
			real.Add(sid)
		}
	}
	if !c.view.IsQuorum(real.Has) {
		w.fail("server %d sees a quorum %v for %s in round %d, only %v voted so", s.sid, ev.Supporters,
			ev.Vote, ev.Round, real)
	}
}

// decided checks that a leader is one that may lead, and that a joined one was elected before.
func (c *checker) decided(w *World, s *server, ev event.ElectionDecided) {
	if ev.State == quorum.Leading {
		c.led[s.sid] = true
	}
	switch {
	case !c.view.IsVoter(ev.Vote.Leader):
		w.fail("server %d elects %d, which is no voter", s.sid, ev.Vote.Leader)
	case c.view.Weight(ev.Vote.Leader) == 0:
		w.fail("server %d elects %d of weight 0", s.sid, ev.Vote.Leader)
	case ev.How == event.HowJoined && !c.led[ev.Vote.Leader]:
		w.fail("server %d joins %d, which never led", s.sid, ev.Vote.Leader)
	}
}

// establishedBy checks the main promise: one leader an epoch, acknowledged by a quorum's disks.
func (c *checker) establishedBy(w *World, s *server, ev event.LeaderEstablished) {
	if other, ok := c.leaders[ev.Epoch]; ok && other != ev.Leader {
		w.fail("epoch %d has two established leaders: %d and %d", ev.Epoch, other, ev.Leader)
	}
	if s.sid != ev.Leader {
		if _, ok := c.leaders[ev.Epoch]; !ok {
			w.fail("server %d has leader %d in epoch %d, which is not established", s.sid, ev.Leader, ev.Epoch)
		}
		return
	}
	c.leaders[ev.Epoch] = ev.Leader
	c.count.Established++
	held := func(sid quorum.SID) bool { return c.durable[sid].Current >= ev.Epoch }
	if !c.view.IsQuorum(held) {
		w.fail("server %d is established in epoch %d without a quorum's disks: %+v", s.sid, ev.Epoch, c.durable)
	}
}

func (c *Counts) add(o Counts) {
	c.Elections += o.Elections
	c.Established += o.Established
	c.Boots += o.Boots
	c.Notifications += o.Notifications
}
