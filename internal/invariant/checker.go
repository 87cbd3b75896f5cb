package invariant

import (
	"fmt"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// Checker holds the truth about an ensemble and compares it with what the servers say. All calls are in the order
// of time, from one goroutine; each returns an error when something does not hold that must. Times of different servers
// are compared: they are those of one clock, be it a simulation's or that of the one machine that all run on.
type Checker struct {
	view  *quorum.View
	grace time.Duration

	leaders map[quorum.Epoch]quorum.SID // who was established in which epoch, as anybody says
	peaks   []peak                      // the highest of these epochs, and since when
	office  map[quorum.Epoch]time.Time  // when the leader said so itself
	durable map[quorum.SID]zab.Epochs   // what is on the disks
	written map[promise]time.Time       // when a server's currentEpoch became this one, for the first time
	votes   map[castVote]struct{}       // every vote that ever left a server, or was its own
	backed  map[backing]struct{}        // for whom it voted, in whatever round
	given   map[promise]gift            // to whom each server gave its one promise for an epoch
	led     map[quorum.SID]bool         // who ever decided to lead
	runs    map[quorum.SID]run          // each server's last election
	holes   map[quorum.SID][]Hole       // what is not on record
	open    []claim                     // not judged yet
	count   Counts
}

// Counts says how much happened in a history.
type Counts struct {
	Elections, Established, Boots, Notifications int
	// Claims is what others' records had to bear out; of Waived a part could not be judged, because what a server
	// did is not on record. The part is that server's only: what the others did still has to be there.
	Claims, Waived int
}

// Add adds what happened in another history.
func (c *Counts) Add(o Counts) {
	c.Elections += o.Elections
	c.Established += o.Established
	c.Boots += o.Boots
	c.Notifications += o.Notifications
	c.Claims += o.Claims
	c.Waived += o.Waived
}

// castVote is a vote that a server stood by, LOOKING or settled: settled votes count in tallies as well.
type castVote struct {
	sid   quorum.SID
	vote  quorum.Vote
	round quorum.Round
}

// backing is a server's support for a leader.
type backing struct{ sid, leader quorum.SID }

// promise is what a server gives once for each epoch.
type promise struct {
	sid   quorum.SID
	epoch quorum.Epoch
}

// gift says to whom a promise was given, and when.
type gift struct {
	leader quorum.SID
	at     time.Time
}

// peak is an epoch above all that were established before.
type peak struct {
	at    time.Time
	epoch quorum.Epoch
}

// run is what a server told of its last election, and of the role that came of it.
type run struct {
	began      time.Time
	vote       quorum.Vote // its own
	round      quorum.Round
	reached    event.QuorumReached // without a vote when none stands
	decision   event.ElectionDecided
	proposed   event.EpochProposed
	proposedAt time.Time
	promised   event.EpochPromised
}

// New makes a checker for an ensemble with this configuration. grace is how much later than an event its causes may be
// on record: 0 when never. A claim is judged when the grace has passed.
func New(view *quorum.View, grace time.Duration) *Checker {
	return &Checker{view: view, grace: grace, leaders: map[quorum.Epoch]quorum.SID{}, office: map[quorum.Epoch]time.Time{},
		durable: map[quorum.SID]zab.Epochs{}, written: map[promise]time.Time{}, votes: map[castVote]struct{}{},
		backed: map[backing]struct{}{}, given: map[promise]gift{}, led: map[quorum.SID]bool{}, runs: map[quorum.SID]run{},
		holes: map[quorum.SID][]Hole{}}
}

// Counts says how much happened so far.
func (c *Checker) Counts() Counts { return c.count }

// Leaders is who was established in which epoch so far.
func (c *Checker) Leaders() map[quorum.Epoch]quorum.SID { return c.leaders }

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
		if _, again := c.written[promise{sid, epoch}]; !again {
			c.written[promise{sid, epoch}] = at
		}
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
		c.runs[st.Node] = run{}
		return c.Booted(st.Time, st.Node, zab.Epochs{Accepted: ev.AcceptedEpoch, Current: ev.CurrentEpoch})
	case event.DurableWritten:
		if ev.Error == "" {
			return c.Written(st.Time, st.Node, ev.File, ev.Epoch)
		}
	case *event.NotificationSent:
		c.count.Notifications++
		c.cast(st.Node, ev.Vote, ev.Round)
	case event.EpochPromised:
		return c.promises(st, ev)
	case event.LeaderEstablished:
		return c.establishes(st, ev)
	default:
		return c.elects(st)
	}
	return nil
}

// elects follows a server's election, and its attempt to lead.
func (c *Checker) elects(st event.Stamped) error {
	r := c.runs[st.Node]
	claims := false
	switch ev := st.Event.(type) {
	case event.ElectionStarted:
		c.count.Elections++
		r = run{began: st.Time, vote: ev.Vote, round: ev.Round}
		c.cast(st.Node, ev.Vote, ev.Round)
	case event.RoundChanged:
		r.round, r.reached = ev.To, event.QuorumReached{}
	case event.VoteChanged:
		r.vote, r.round, r.reached = ev.To, ev.Round, event.QuorumReached{}
		c.cast(st.Node, ev.To, ev.Round)
	case event.QuorumReached:
		r.reached, claims = ev, true
	case event.QuorumUndone:
		r.reached = event.QuorumReached{}
	case event.ElectionDecided:
		r.decision, claims = ev, true
		c.led[st.Node] = c.led[st.Node] || ev.State == quorum.Leading
	case event.EpochProposed:
		r.proposed, r.proposedAt = ev, st.Time
	default:
		return nil
	}
	c.runs[st.Node] = r
	if claims {
		return c.claim(st)
	}
	return nil
}

// cast notes a vote.
func (c *Checker) cast(sid quorum.SID, v quorum.Vote, round quorum.Round) {
	c.votes[castVote{sid, v, round}] = struct{}{}
	c.backed[backing{sid, v.Leader}] = struct{}{}
}

// promises checks that a server promises an epoch once, and only when the promise is on its disk.
func (c *Checker) promises(st event.Stamped, ev event.EpochPromised) error {
	r := c.runs[st.Node]
	r.promised = ev
	c.runs[st.Node] = r
	if e := c.durable[st.Node].Accepted; e < ev.Epoch && !c.lost(st.Node, r.began, st.Time) {
		return fmt.Errorf("server %d promises epoch %d, has accepted %d on disk", st.Node, ev.Epoch, e)
	}
	if ev.Repeated {
		return nil // not counted by anybody
	}
	p := promise{st.Node, ev.Epoch}
	if other, ok := c.given[p]; ok {
		return fmt.Errorf("server %d promises epoch %d to %d, and had promised it to %d", st.Node, ev.Epoch, ev.Leader, other.leader)
	}
	c.given[p] = gift{ev.Leader, st.Time}
	return nil
}

// establishes checks the main promise, one leader an epoch, at once; the rest is a claim.
func (c *Checker) establishes(st event.Stamped, ev event.LeaderEstablished) error {
	if other, ok := c.leaders[ev.Epoch]; ok && other != ev.Leader {
		return fmt.Errorf("epoch %d has two established leaders: %d and %d", ev.Epoch, other, ev.Leader)
	}
	c.leaders[ev.Epoch] = ev.Leader
	if n := len(c.peaks); n == 0 || c.peaks[n-1].epoch < ev.Epoch {
		c.peaks = append(c.peaks, peak{st.Time, ev.Epoch})
	}
	if st.Node == ev.Leader {
		c.office[ev.Epoch] = st.Time
		c.count.Established++
	}
	return c.claim(st)
}

// Settle judges what is left: the history is over.
func (c *Checker) Settle() error {
	for _, cl := range c.open {
		if err := c.judge(cl); err != nil {
			return err
		}
	}
	c.open = nil
	return nil
}
