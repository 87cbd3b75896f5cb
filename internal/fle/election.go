package fle

import (
	"slices"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// Options is what an election needs to know. Durations of zero mean the defaults in brackets.
type Options struct {
	Self     quorum.SID
	View     *quorum.View // the committed configuration
	LastSeen *quorum.View // a proposed one of a higher version, or nil

	MinInterval  time.Duration // first wait before a vote is repeated, 10 ms for each voter at least [200 ms]
	MaxInterval  time.Duration // and the longest [60 s]
	FinalizeWait time.Duration // wait for better votes once a quorum stands [200 ms]

	// Strict: this server holds no data and does not vouch for that of others: it supports nobody who has some.
	Strict bool

	Reconfig bool // reconfigEnabled: a member's newer configuration is adopted while LOOKING
	Parse    quorum.ParseOptions

	// MessageSeed starts the sequence of message ids; any value, different for each start of a node.
	MessageSeed uint64
}

// InputKind says what an Input tells.
type InputKind uint8

// The inputs of an election.
const (
	Frame      InputKind = iota + 1 // a message from Peer
	LinkUp                          // there is a connection with Peer now
	LinkDown                        // and now there is none
	DialFailed                      // Peer was dialled and did not answer at any address
)

// Input is one thing that happened to an election.
type Input struct {
	Kind  InputKind
	Peer  quorum.SID
	Frame []byte // Frame only; not kept
	// More says that there may be more inputs already: what all voters are to be told waits for them, because it may be
	// outdated by then. The caller applies them at once, and calls Tell when there are none.
	More bool
}

// Send is a message for a peer, and the event to record when it is written to the socket.
type Send struct {
	Frame []byte
	Sent  event.NotificationSent
}

// Decision says how an election ended.
type Decision struct {
	State quorum.State
	Vote  quorum.Vote
	Round quorum.Round
	How   event.How
}

// Output is all that the caller must do, in this order. It is valid until the next call.
type Output struct {
	Events   []event.Event
	Sends    []Send
	Adopted  *quorum.View // the committed configuration from now on; the election began again with it
	Decision *Decision    // leave LOOKING
	Doubt    string       // not empty: the decision will not hold, for this reason; start again
	Deadline time.Time    // call Tick then; zero: nothing to wait for
}

// Election is one server's part in the elections of its ensemble, from its start to its end. One
// goroutine owns it. Step and Tick are functions of the inputs so far: no clock, no I/O, no randomness.
type Election struct {
	opt   Options
	views views
	ids   uint64 // state of the message id sequence

	state    quorum.State
	round    quorum.Round // the logical clock
	own      quorum.Vote  // this server with its history
	initial  quorum.Vote  // what it proposes by itself: own, or next to nothing if it is no voter
	proposal quorum.Vote
	current  stored // the current vote: of the last decided election, or its own before the first

	established bool // the decision was confirmed by an epoch
	refused     bool // this server left a leader because of its history

	received  []stored   // recvset, by index into views.voters
	settled   []stored   // outofelection, likewise
	links     []link     // likewise
	held      []heldVote // likewise: what LOOKING voters said while this server was settled
	peers     []PeerStatus
	texts     map[quorum.SID]seenText
	strangers []quorum.SID              // those of texts that were none of the members', in the order in which they came
	answers   map[quorum.SID]*allowance // of those without a vote that have one elsewhere

	began      time.Time
	firstHeard time.Time
	quorumAt   time.Time // since when a quorum supports the proposal; zero: none does
	interval   time.Duration
	told       time.Duration // the interval that was last told in this election
	resendAt   time.Time
	owed       event.SendCause // not empty: all voters are to be told the proposal, for this cause
	more       bool            // the caller comes back at once

	events event.ReceivedSlab

	out Output
}

// link is what is known of the way to a voter.
type link struct {
	up     bool
	failed bool // a dial failed in this round, and nothing came since
	silent bool // it was given up because it said nothing, and it has said nothing since
	told   int  // how often the proposal was sent again after a loss, since the last repetition or round
	missed bool // it was settled in this election, and forgot by its rules what it was told
}

// PeerStatus is the last that a voter said.
type PeerStatus struct {
	SID  quorum.SID
	At   time.Time // zero: nothing heard yet
	Up   bool
	Said event.Notification
}

// Status is a copy of an election's state for those who show it.
type Status struct {
	State       quorum.State
	Round       quorum.Round
	Proposal    quorum.Vote // while LOOKING
	Current     quorum.Vote // the current vote, with the established epoch once there is one
	Interval    time.Duration
	Began       time.Time // of the running or last election
	View        *quorum.View
	Peers       []PeerStatus
	Established bool
}

// New makes an election in state LOOKING that has not begun; call Start first.
func New(opt Options) *Election {
	opt.MinInterval = orDefault(opt.MinInterval, 200*time.Millisecond)
	opt.MaxInterval = orDefault(opt.MaxInterval, 60*time.Second)
	opt.FinalizeWait = orDefault(opt.FinalizeWait, 200*time.Millisecond)
	e := &Election{opt: opt, ids: opt.MessageSeed, texts: map[quorum.SID]seenText{},
		answers: map[quorum.SID]*allowance{}}
	e.setViews(opt.View, opt.LastSeen)
	return e
}

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

// setViews makes the tables anew for other views; what is known of those that stay, and their votes, are kept.
func (e *Election) setViews(committed, lastSeen *quorum.View) {
	old, oldLinks, oldPeers := e.views, e.links, e.peers
	oldReceived, oldSettled := e.received, e.settled
	e.views = newViews(committed, lastSeen)
	n := len(e.views.voters)
	e.received, e.settled = make([]stored, n), make([]stored, n)
	e.links, e.peers, e.held = make([]link, n), make([]PeerStatus, n), make([]heldVote, n)
	for i, sid := range e.views.voters {
		e.peers[i].SID = sid
		if j, ok := old.index(sid); ok {
			e.links[i], e.peers[i] = oldLinks[j], oldPeers[j]
			e.received[i], e.settled[i] = oldReceived[j], oldSettled[j]
		}
	}
}

// Start begins an election for reason, one of event's Reason constants. lastZxid and epoch are the
// history this server speaks for: its last zxid and its currentEpoch.
// Rule: the start of FastLeaderElection.lookForLeader.
func (e *Election) Start(now time.Time, reason string, lastZxid quorum.Zxid, epoch quorum.Epoch) Output {
	e.reset()
	e.own = quorum.Vote{Leader: e.opt.Self, Zxid: lastZxid, PeerEpoch: epoch}
	if !e.current.present {
		e.current = stored{present: true, vote: e.own, round: e.round}
	}
	e.begin(now, reason)
	return e.finish(now)
}

// initialVote is the vote of a server that has heard nobody. Rules: getInitId, getInitLastLoggedZxid and
// getPeerEpoch in FastLeaderElection.java.
func (e *Election) initialVote() quorum.Vote {
	if e.views.committed.IsVoter(e.opt.Self) {
		return e.own
	}
	if m, ok := e.views.committed.Member(e.opt.Self); ok && m.Role == quorum.Observer {
		return quorum.Vote{Leader: quorum.NoSID, Zxid: quorum.MinZxid, PeerEpoch: quorum.MinEpoch}
	}
	return quorum.Vote{Leader: quorum.NoSID, Zxid: e.own.Zxid, PeerEpoch: e.own.PeerEpoch}
}

// begin enters the next round with the initial vote.
func (e *Election) begin(now time.Time, reason string) {
	e.state, e.established = quorum.Looking, false
	e.began, e.firstHeard, e.told = now, time.Time{}, 0
	from := e.round
	e.round = min(e.round+1, maxRound) // beyond it nobody would be believed any more
	e.initial = e.initialVote()
	e.proposal = e.initial
	e.emit(event.ElectionStarted{Reason: reason, At: now, Round: e.round, Vote: e.proposal})
	e.emit(event.RoundChanged{From: from, To: e.round, Cause: event.RoundStart, Peer: e.opt.Self})
	e.clearTally()
	clear(e.settled)
	for i := range e.links {
		e.links[i].missed = false
	}
	e.broadcast(event.SendOwnVote)
	e.tell(now)
	e.recall(now)
}

// clearTally forgets the votes and the failed dials of the round before.
func (e *Election) clearTally() {
	clear(e.received)
	for i := range e.links {
		e.links[i].failed, e.links[i].told = false, 0
	}
	e.quorumAt = time.Time{}
}

// Step applies one input at the instant now.
func (e *Election) Step(now time.Time, in Input) Output {
	e.reset()
	e.more = in.More
	switch in.Kind {
	case Frame:
		e.notification(now, in.Peer, in.Frame)
	case LinkUp, LinkDown, DialFailed:
		e.linkChanged(now, in)
	}
	return e.finish(now)
}

// Owes reports whether the voters are still to be told the proposal.
func (e *Election) Owes() bool { return e.owed != "" }

// Tell says that there are no more inputs at present.
func (e *Election) Tell(now time.Time) Output {
	e.reset()
	return e.finish(now)
}

// Tick says that the deadline of the last Output has come; calling it earlier does no harm.
func (e *Election) Tick(now time.Time) Output {
	e.reset()
	e.tell(now)
	if e.state == quorum.Looking {
		e.judge(now)
	}
	if e.state == quorum.Looking && !now.Before(e.resendAt) {
		e.interval = e.nextWait()
		for i := range e.links {
			e.links[i].told = 0
		}
		e.send(now, event.SendResend)
	}
	return e.finish(now)
}

// Established says that the decided leader was acknowledged in epoch; answers carry that epoch from now
// on. Rule: QuorumPeer.updateElectionVote.
func (e *Election) Established(epoch quorum.Epoch) {
	e.established = true
	e.current.vote.PeerEpoch = epoch
}

// Refused says that this server left a leader because of the history that it showed: from now on a zxid with
// counter 0, which may or may not stand for data, counts as one that does.
func (e *Election) Refused() { e.refused = true }

// Silent says that this server has left peer because nothing was heard of it although there was a connection. Until it says
// something on the election port, or its link changes, nobody waits for its vote.
// Differs from ZooKeeper, where a process that was stopped costs an election 200 ms.
func (e *Election) Silent(peer quorum.SID) {
	if i, ok := e.views.index(peer); ok {
		e.links[i].silent = true
	}
}

// ProposesSelf reports whether this server is LOOKING and proposes itself as leader.
func (e *Election) ProposesSelf() bool {
	return e.state == quorum.Looking && e.proposal.Leader == e.opt.Self
}

// Status copies the state.
func (e *Election) Status() Status {
	s := Status{State: e.state, Round: e.round, Proposal: e.proposal, Current: e.current.vote,
		Began: e.began, View: e.views.committed, Peers: slices.Clone(e.peers), Established: e.established}
	if e.state == quorum.Looking {
		s.Interval = e.interval
	}
	for i := range s.Peers {
		s.Peers[i].Up = e.links[i].up
	}
	return s
}

// maxTold is how often a lost link makes the proposal be sent again at once. Once is not enough: the port of a
// process that was killed may take another connection or two before it closes.
const maxTold = 3

// linkChanged notes that a voter can be reached or not. What was sent last on a link that is lost may not
// have arrived: it is sent again, which also shows at once whether the voter is still there.
// Differs from ZooKeeper, which waits for the next repetition.
func (e *Election) linkChanged(now time.Time, in Input) {
	i, ok := e.views.index(in.Peer)
	if !ok {
		return
	}
	l := &e.links[i]
	switch in.Kind {
	case LinkUp:
		l.up, l.failed, l.silent = true, false, false
	case LinkDown:
		l.up, l.failed, l.silent = false, false, false
		e.held[i] = heldVote{}
		if e.state == quorum.Looking && l.told < maxTold {
			l.told++
			e.reply(now, in.Peer, e.proposal, e.round, event.SendReconnect)
		}
	case DialFailed:
		l.failed = true
	}
}

func (e *Election) reset() {
	e.out = Output{Events: e.out.Events[:0], Sends: e.out.Sends[:0]}
	e.more = false
}

// finish judges the tally after whatever happened and says when to come back.
func (e *Election) finish(now time.Time) Output {
	if !e.more {
		e.tell(now)
	}
	if e.state == quorum.Looking {
		e.judge(now)
	}
	if e.state == quorum.Looking {
		e.out.Deadline = e.resendAt
		if !e.quorumAt.IsZero() {
			e.out.Deadline = earlier(e.resendAt, e.quorumAt.Add(e.opt.FinalizeWait))
		}
	}
	return e.out
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (e *Election) emit(ev event.Event) { e.out.Events = append(e.out.Events, ev) }
