package node

import (
	"fmt"
	"slices"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// CoreOptions is what a core needs to know. Election.View and Election.LastSeen are those of the node.
type CoreOptions struct {
	Election fle.Options
	// Role is what every leader and learner of this node has in common; the core fills in Leader, View,
	// LastSeen, Observer, Epochs and DecidedAt.
	Role zab.Options
	// Epochs are those on disk, LastZxid in Role the history to speak for.
	Epochs zab.Epochs
}

// Output is all that the caller of a core must do, in this order: record the events, and so on from top
// to bottom. It is valid until the next call.
type Output struct {
	Events   []event.Event
	Fatal    error // stop the node; nothing else is to be done
	DropRole bool  // close every connection of the quorum port, and its listener
	Adopted  *quorum.View
	Forget   bool // a new election: what the connection manager has sent so far is out of date
	// OpenPort asks for the quorum port to be bound before anything below is done. Whether that went well
	// is told by PortOpen, which is the next input of all.
	OpenPort bool
	Packets  []zab.Send   // on the quorum port
	Close    []zab.ConnID // after their packets
	Notify   []fle.Send   // on the election port
	Settled  bool         // an election is over: what was sent so far, the above included, is out of date
	Hurry    bool         // for the first time somebody leads or follows: the ensemble is not just starting any more
	Dial     bool         // dial the quorum port of Leader; the answer is Opened or DialError
	Leader   quorum.SID   // for Dial
	// Persist is to be written durably; the answer, Persisted or WriteErr, is the next input of all.
	Persist  *zab.Persist
	Deadline time.Time // call Tick then; zero: nothing to wait for
}

// Core is a server's life as a pure machine: one goroutine owns it. It does no I/O and reads no clock.
type Core struct {
	opt      CoreOptions
	view     *quorum.View
	lastSeen *quorum.View
	election *fle.Election
	role     zab.Role // nil while LOOKING, and while a learner is held back
	epochs   zab.Epochs

	state       quorum.State
	since       time.Time // of state
	decision    fle.Decision
	decidedAt   time.Time
	established *zab.Established
	estSince    time.Time
	leaderless  time.Duration // in all, up to estSince
	holdUntil   time.Time     // no role starts before: the ones before it failed
	failures    int           // roles in a row that ended before an established leader
	writing     *zab.Persist  // asked for and not answered yet
	port        portState
	portErr     string
	cut         quorum.Set  // peers that the operator has cut off
	running     bool        // this server or another one has led or followed
	early       []zab.Input // of learners that were faster than this server's own decision to lead

	electionAt time.Time // deadline of the election
	roleAt     time.Time // deadline of the role
	out        Output
}

// portState is what is known of the quorum port.
type portState uint8

const (
	portClosed portState = iota
	portAsked
	portOpen
	portFailed
)

// Bounds of the time that a role is held back after failures: the first is forgiven, then 10 ms,
// doubling up to a second.
const (
	holdMin = 10 * time.Millisecond
	holdMax = time.Second
)

// NewCore makes a core; call Start first.
func NewCore(opt CoreOptions) *Core {
	return &Core{opt: opt, view: opt.Election.View, lastSeen: opt.Election.LastSeen,
		election: fle.New(opt.Election), epochs: opt.Epochs, cut: quorum.Set{}}
}

// Start enters the first election.
func (c *Core) Start(now time.Time) Output {
	c.out = Output{}
	c.state = quorum.Looking
	m, _ := c.view.Member(c.opt.Election.Self)
	c.emit(event.NodeStarted{Role: m.Role, AcceptedEpoch: c.epochs.Accepted, CurrentEpoch: c.epochs.Current,
		Zxid: c.opt.Role.LastZxid, View: c.view})
	c.since, c.estSince = now, now
	c.look(now, event.ReasonStart, "")
	return c.finish()
}

// Link applies what the connection manager tells.
func (c *Core) Link(now time.Time, in fle.Input) Output {
	c.out = Output{}
	o := c.election.Step(now, in)
	if slices.ContainsFunc(o.Events, ofRunning) {
		c.runs()
	}
	c.fromElection(now, o)
	return c.finish()
}

// runs notes that the ensemble runs.
func (c *Core) runs() {
	c.out.Hurry = c.out.Hurry || !c.running
	c.running = true
}

// ofRunning reports whether an event tells of a server that leads or follows.
func ofRunning(ev event.Event) bool {
	heard, ok := ev.(*event.NotificationReceived)
	return ok && heard.Outcome != event.ReceivedMalformed && (heard.State == quorum.Leading || heard.State == quorum.Following)
}

// Owes reports whether the voters are still to be told this server's vote.
func (c *Core) Owes() bool { return c.election.Owes() }

// Tell says that no more inputs of the links are there at present; see fle.Input.More.
func (c *Core) Tell(now time.Time) Output {
	c.out = Output{}
	c.fromElection(now, c.election.Tell(now))
	return c.finish()
}

// Zab applies what the quorum port or the disk tells.
func (c *Core) Zab(now time.Time, in zab.Input) Output {
	c.out = Output{}
	switch in.Kind {
	case zab.Persisted:
		c.persisted()
	case zab.WriteErr:
		c.out.Fatal = fmt.Errorf("epoch file: %s", in.Detail)
	}
	switch {
	case c.role != nil:
		c.fromRole(now, c.role.Step(now, in))
	case c.port == portOpen:
		c.keepEarly(in)
	}
	return c.finish()
}

// PortOpen says whether the quorum port could be bound. detail is the error.
func (c *Core) PortOpen(now time.Time, ok bool, detail string) Output {
	c.out = Output{}
	c.port, c.portErr = portOpen, ""
	if !ok {
		c.port, c.portErr = portFailed, detail
	}
	if c.state == quorum.Leading {
		c.takeRole(now)
	}
	return c.finish()
}

// Resign makes a leader or learner leave its place and look again, because the operator asked for it.
func (c *Core) Resign(now time.Time) Output {
	c.out = Output{}
	if c.state != quorum.Looking {
		c.leave(now, event.ReasonResigned, "")
	}
	return c.finish()
}

// Cut ends what connects this server with peer on the quorum port and lets nothing new come up, because the
// operator asked for it; on false lifts that. The election port is the connection manager's.
func (c *Core) Cut(now time.Time, peer quorum.SID, on bool) Output {
	c.out = Output{}
	if !on {
		delete(c.cut, peer)
		return c.finish()
	}
	c.cut.Add(peer)
	if c.role != nil {
		c.fromRole(now, c.role.Step(now, zab.Input{Kind: zab.CutOff, Peer: peer}))
	}
	return c.finish()
}

// Stop is the end: it says so to those who watch.
func (c *Core) Stop(now time.Time, err error) Output {
	c.out = Output{}
	c.lost(now, event.ReasonStopped, "")
	if c.state == quorum.Looking {
		c.emit(event.ElectionAborted{Reason: event.ReasonStopped})
	}
	ev := event.NodeStopped{}
	if err != nil {
		ev.Error = err.Error()
	}
	c.emit(ev)
	c.out.DropRole = true
	return c.out
}

// Tick says that the deadline of the last Output has come; calling it earlier does no harm.
func (c *Core) Tick(now time.Time) Output {
	c.out = Output{}
	if due(c.electionAt, now) {
		c.fromElection(now, c.election.Tick(now))
	}
	switch {
	case c.role == nil && due(c.holdUntil, now):
		c.takeRole(now)
	case c.role != nil && due(c.roleAt, now):
		c.fromRole(now, c.role.Tick(now))
	}
	return c.finish()
}

func due(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }

// look enters the next election; detail says what the last one was in vain for. Rule: case LOOKING in QuorumPeer.run.
func (c *Core) look(now time.Time, reason, detail string) {
	if c.state != quorum.Looking {
		c.changeState(now, quorum.Looking, reason, detail)
	}
	c.fromElection(now, c.election.Start(now, reason, c.opt.Role.LastZxid, c.epochs.Current))
}

func (c *Core) changeState(now time.Time, to quorum.State, reason, detail string) {
	c.emit(event.StateChanged{From: c.state, To: to, Reason: reason, Detail: detail})
	c.state, c.since = to, now
	if to == quorum.Looking {
		c.out.Forget = true
	} else {
		c.out.Settled = true
		c.runs()
	}
}

// fromElection carries an output of the election over, and acts on its decision or doubt.
func (c *Core) fromElection(now time.Time, o fle.Output) {
	c.out.Events = append(c.out.Events, o.Events...)
	c.out.Notify = append(c.out.Notify, o.Sends...)
	c.electionAt = o.Deadline
	if o.Adopted != nil {
		c.view, c.out.Adopted = o.Adopted, o.Adopted
		c.forgetPort()
	}
	switch {
	case o.Decision != nil:
		c.decide(now, *o.Decision)
	case o.Doubt != "" && c.state == quorum.Leading:
		c.holdBack(now, 0)
		c.leave(now, event.ReasonNotSupported, o.Doubt)
	case o.Doubt != "":
		c.holdBack(now, 0)
		c.leave(now, event.ReasonNoLeader, o.Doubt)
	}
}

// persisted takes a durable epoch into the copy that the next election and role start from.
func (c *Core) persisted() {
	if c.writing == nil {
		return
	}
	switch c.writing.File {
	case zab.FileAccepted:
		c.epochs.Accepted = c.writing.Epoch
	case zab.FileCurrent:
		c.epochs.Current = c.writing.Epoch
	}
	c.writing = nil
}

// holdBack keeps the next role from starting for a time: at least the given one, and longer after each
// failure in a row, so that what cannot work is not tried a thousand times a second.
func (c *Core) holdBack(now time.Time, atLeast time.Duration) {
	if c.established == nil {
		c.failures++
		if n := c.failures - 2; n >= 0 {
			atLeast = max(atLeast, min(holdMin<<min(n, 10), holdMax))
		}
	}
	if atLeast > 0 {
		c.holdUntil = now.Add(atLeast)
	}
}

// leave drops the role and looks again.
func (c *Core) leave(now time.Time, reason, detail string) {
	if c.lost(now, reason, detail) {
		detail = "" // it was told
	}
	c.role, c.roleAt = nil, time.Time{}
	c.port, c.early = portClosed, nil
	// What the role that ended still wanted is void, except what it said last.
	c.out.OpenPort, c.out.Dial = false, false
	if c.out.Persist != nil {
		c.out.Persist, c.writing = nil, nil
	}
	c.out.DropRole = true
	c.look(now, reason, detail)
}

// lost says that there is no established leader any more, if there was one.
func (c *Core) lost(now time.Time, reason, detail string) bool {
	if c.established == nil {
		return false
	}
	c.emit(event.LeaderLost{Leader: c.established.Leader, Epoch: c.established.Epoch, Reason: reason,
		Detail: detail})
	c.established, c.estSince = nil, now
	return true
}

func (c *Core) finish() Output {
	c.keepPort()
	c.out.Deadline = earliest(c.electionAt, c.roleAt)
	return c.out
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (c *Core) emit(ev event.Event) { c.out.Events = append(c.out.Events, ev) }
