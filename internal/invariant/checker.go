package invariant

import (
	"fmt"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// Checker holds the truth about an ensemble and compares it with what the servers say. All calls are in the order
// of time, from one goroutine; each returns an error when something does not hold that must.
type Checker struct {
	view  *quorum.View
	grace time.Duration

	leaders map[quorum.Epoch]quorum.SID // who was established in which epoch, as anybody says
	office  map[quorum.Epoch]bool       // the leader said so itself
	durable map[quorum.SID]zab.Epochs   // what is on the disks
	votes   map[castVote]struct{}       // every vote that ever left a server, or was its own
	given   map[promise]quorum.SID      // to whom each server gave its one promise for an epoch
	led     map[quorum.SID]bool         // who ever decided to lead
	began   map[quorum.SID]time.Time    // each server's last election
	killed  map[quorum.SID]time.Time    // when last
	open    []event.Stamped             // claims that are not judged yet
	count   Counts
}

// Counts says how much happened in a history.
type Counts struct {
	Elections, Established, Boots, Notifications int
}

// Add adds what happened in another history.
func (c *Counts) Add(o Counts) {
	c.Elections += o.Elections
	c.Established += o.Established
	c.Boots += o.Boots
	c.Notifications += o.Notifications
}

// castVote is a vote that a server stood by, LOOKING or settled: settled votes count in tallies as well.
type castVote struct {
	sid   quorum.SID
	vote  quorum.Vote
	round quorum.Round
}

// promise is what a server gives once for each epoch.
type promise struct {
	sid   quorum.SID
	epoch quorum.Epoch
}

// New makes a checker for an ensemble with this configuration. grace is how much of a killed server's last time may
// be missing in the history, and how much later than an event its causes may be on record: 0 when nothing is ever
// missing. A claim is judged when the grace has passed.
func New(view *quorum.View, grace time.Duration) *Checker {
	return &Checker{view: view, grace: grace, leaders: map[quorum.Epoch]quorum.SID{}, office: map[quorum.Epoch]bool{},
		durable: map[quorum.SID]zab.Epochs{}, votes: map[castVote]struct{}{}, given: map[promise]quorum.SID{}, led: map[quorum.SID]bool{},
		began: map[quorum.SID]time.Time{}, killed: map[quorum.SID]time.Time{}}
}

// Counts says how much happened so far.
func (c *Checker) Counts() Counts { return c.count }

// Leaders is who was established in which epoch so far.
func (c *Checker) Leaders() map[quorum.Epoch]quorum.SID { return c.leaders }

// Killed notes that a server was killed: its record may lack what it did in the grace before.
func (c *Checker) Killed(at time.Time, sid quorum.SID) error {
	err := c.pass(at)
	c.killed[sid] = at
	return err
}

// Booted checks that a restart did not bring an epoch down: e is what the server found on its disk.
func (c *Checker) Booted(at time.Time, sid quorum.SID, e zab.Epochs) error {
	c.count.Boots++
	if err := c.Durable(at, sid, e); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	return nil
}

// Durable checks that what a server's disk holds now is not less than what it once held.
func (c *Checker) Durable(at time.Time, sid quorum.SID, e zab.Epochs) error {
	if err := c.pass(at); err != nil {
		return err
	}
	old := c.durable[sid]
	c.durable[sid] = e
	switch {
	case e.Accepted < old.Accepted || e.Current < old.Current:
		return fmt.Errorf("server %d has epochs %+v on disk, had written %+v", sid, e, old)
	case e.Current > e.Accepted:
		return fmt.Errorf("server %d has current epoch %d on disk and has accepted only %d", sid, e.Current, e.Accepted)
	}
	return nil
}

// Written notes a write that was acknowledged as durable, and checks that epochs only rise.
func (c *Checker) Written(at time.Time, sid quorum.SID, file string, epoch quorum.Epoch) error {
	e := c.durable[sid]
	switch file {
	case event.FileAccepted:
		e.Accepted = epoch
	case event.FileCurrent:
		e.Current = epoch
	}
	return c.Durable(at, sid, e)
}

// Packet checks that an epoch is used only when a quorum's promises are on disk, the leader's own among them, and
// acknowledged only when that is on disk.
func (c *Checker) Packet(sid quorum.SID, p zab.Packet) error {
	epoch := p.Zxid.Epoch()
	promised := func(sid quorum.SID) bool { return c.durable[sid].Accepted >= epoch }
	switch {
	case p.Type == zab.TypeNewLeader && !promised(sid):
		return fmt.Errorf("server %d sends NEWLEADER %s, has accepted %d on disk", sid, p.Zxid, c.durable[sid].Accepted)
	case p.Type == zab.TypeNewLeader && !c.view.IsQuorum(promised):
		return fmt.Errorf("server %d sends NEWLEADER %s, without a quorum's disks: %+v", sid, p.Zxid, c.durable)
	case p.Type == zab.TypeAck && epoch > c.durable[sid].Current:
		return fmt.Errorf("server %d acknowledges %s, has current epoch %d on disk", sid, p.Zxid, c.durable[sid].Current)
	}
	return nil
}

// Event takes what a server says happened to it.
func (c *Checker) Event(st event.Stamped) error {
	if err := c.pass(st.Time); err != nil {
		return err
	}
	switch ev := st.Event.(type) {
	case event.NodeStarted:
		return c.Booted(st.Time, st.Node, zab.Epochs{Accepted: ev.AcceptedEpoch, Current: ev.CurrentEpoch})
	case event.DurableWritten:
		if ev.Error == "" {
			return c.Written(st.Time, st.Node, ev.File, ev.Epoch)
		}
	case event.ElectionStarted:
		c.count.Elections++
		c.began[st.Node] = st.Time
		c.votes[castVote{st.Node, ev.Vote, ev.Round}] = struct{}{}
	case event.VoteChanged:
		c.votes[castVote{st.Node, ev.To, ev.Round}] = struct{}{}
	case *event.NotificationSent:
		c.count.Notifications++
		c.votes[castVote{st.Node, ev.Vote, ev.Round}] = struct{}{}
	case event.ElectionDecided:
		c.led[st.Node] = c.led[st.Node] || ev.State == quorum.Leading
		return c.claim(st)
	case event.EpochPromised:
		return c.promises(st.Node, ev)
	case event.LeaderEstablished:
		return c.establishes(st, ev)
	case event.QuorumReached:
		return c.claim(st)
	}
	return nil
}

// promises checks that a server promises an epoch once, and only when the promise is on its disk.
func (c *Checker) promises(sid quorum.SID, ev event.EpochPromised) error {
	if ev.Repeated {
		return nil // not counted by anybody
	}
	p := promise{sid, ev.Epoch}
	if other, ok := c.given[p]; ok {
		return fmt.Errorf("server %d promises epoch %d to %d, and had promised it to %d", sid, ev.Epoch, ev.Leader, other)
	}
	c.given[p] = ev.Leader
	if e := c.durable[sid].Accepted; e < ev.Epoch {
		return fmt.Errorf("server %d promises epoch %d, has accepted %d on disk", sid, ev.Epoch, e)
	}
	return nil
}

// establishes checks the main promise, one leader an epoch, at once; the rest is a claim.
func (c *Checker) establishes(st event.Stamped, ev event.LeaderEstablished) error {
	if other, ok := c.leaders[ev.Epoch]; ok && other != ev.Leader {
		return fmt.Errorf("epoch %d has two established leaders: %d and %d", ev.Epoch, other, ev.Leader)
	}
	c.leaders[ev.Epoch] = ev.Leader
	if st.Node == ev.Leader {
		c.office[ev.Epoch] = true
		c.count.Established++
	}
	return c.claim(st)
}

// Settle judges what is left: the history is over.
func (c *Checker) Settle() error {
	for _, st := range c.open {
		if err := c.judge(st); err != nil {
			return err
		}
	}
	c.open = nil
	return nil
}
