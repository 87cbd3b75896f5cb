package fle

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// maxRound bounds the rounds that are believed, so that arithmetic on them cannot overflow. One bad message can bring all
// to it; they go on electing in that round then.
// Differs from ZooKeeper: it takes any round over.
const maxRound quorum.Round = 1 << 62

// received is a notification on its way through the rules.
type received struct {
	Notification
	peer quorum.SID
	idx  int // of peer among the voters
}

// notification applies one message of peer. Rule: WorkerReceiver in FastLeaderElection.java, in its
// order.
func (e *Election) notification(now time.Time, peer quorum.SID, frame []byte) {
	n, err := Decode(frame)
	switch {
	case err != nil:
		e.note(received{peer: peer}, event.ReceivedMalformed, 0, err.Error())
		return
	case n.Round > maxRound:
		e.note(received{Notification: n, peer: peer}, event.ReceivedMalformed, 0, "round out of range")
		return
	}
	in := received{Notification: n, peer: peer}
	// What the message did is known last and recorded first, so that causes stand before effects.
	slot := len(e.out.Events)
	e.emit(nil)
	outcome, version := e.apply(now, &in)
	ev := e.events.Take()
	in.fill(ev, outcome, version)
	e.out.Events[slot] = ev
}

// note records what became of a message at once.
func (e *Election) note(in received, outcome event.ReceiveOutcome, version quorum.Version, detail string) {
	ev := e.events.Take()
	in.fill(ev, outcome, version)
	ev.Detail = detail
	e.emit(ev)
}

// fill writes the message and its outcome into ev.
func (in *received) fill(ev *event.NotificationReceived, outcome event.ReceiveOutcome, version quorum.Version) {
	ev.Peer, ev.MessageID, ev.Outcome = in.peer, in.MessageID, outcome
	ev.SentAt, ev.ElectionAt = in.clocks()
	ev.Notification = event.Notification{State: in.State, Vote: in.Vote, Round: in.Round, ConfigVersion: version}
}

// apply does what a well-formed message asks for.
func (e *Election) apply(now time.Time, in *received) (event.ReceiveOutcome, quorum.Version) {
	version, restarted := e.gossip(now, in)
	if restarted {
		return event.ReceivedConfigTaken, version
	}
	idx, voter := e.views.index(in.peer)
	if !voter {
		e.answerNonVoter(now, *in)
		return event.ReceivedFromNonVoter, version
	}
	in.idx = idx
	e.links[idx].failed, e.links[idx].silent = false, false
	e.peers[idx].At = now
	e.peers[idx].Said = event.Notification{State: in.State, Vote: in.Vote, Round: in.Round,
		ConfigVersion: version}
	switch {
	case !in.State.Valid():
		return event.ReceivedBadState, version
	case e.state != quorum.Looking:
		return e.answer(now, *in), version
	default:
		return e.look(now, *in), version
	}
}

// look applies a voter's notification while LOOKING. Rule: the switch in lookForLeader.
func (e *Election) look(now time.Time, in received) event.ReceiveOutcome {
	if e.firstHeard.IsZero() && in.peer != e.opt.Self {
		e.firstHeard = now
	}
	outcome := event.ReceivedForNonVoter
	if e.views.isVoter(in.Vote.Leader) {
		switch in.State {
		case quorum.Looking:
			outcome = e.lookingPeer(now, in)
		case quorum.Observing:
			outcome = event.ReceivedIgnored
		default:
			outcome = e.settledPeer(now, in)
		}
	}
	if in.State == quorum.Looking && in.Round < e.round {
		e.reply(now, in.peer, e.proposal, e.round, event.SendReplyStaleRound)
	}
	return outcome
}

// lookingPeer applies the vote of a server that is LOOKING too: here a round and a vote change.
func (e *Election) lookingPeer(now time.Time, in received) event.ReceiveOutcome {
	if e.own.Zxid == quorum.NoZxid || in.Vote.Zxid == quorum.NoZxid {
		return event.ReceivedNoHistory
	}
	outcome := event.ReceivedCounted
	switch {
	case in.Round > e.round:
		e.newRound(now, in)
		outcome = event.ReceivedNewerRound
	case in.Round < e.round:
		return event.ReceivedStaleRound
	case e.better(in.Vote, e.proposal) && e.vouches(in.Vote):
		e.propose(in.Vote, betterCause(in.Vote, e.proposal), in)
		e.broadcast(event.SendVoteChange)
		outcome = event.ReceivedBetterVote
	default:
		e.catchUp(now, in)
	}
	e.received[in.idx] = stored{present: true, vote: in.Vote, round: in.Round, state: quorum.Looking}
	return outcome
}

// catchUp tells the proposal again to a peer that answered it while it was settled and looks for a leader now: a real server
// has kept nothing of it, and would vote for somebody else until the next repetition. Another electnode has (recall).
// Differs from ZooKeeper, where such an election takes 200 ms longer.
func (e *Election) catchUp(now time.Time, in received) {
	if l := &e.links[in.idx]; l.missed && in.MessageID == 0 && in.Vote != e.proposal && e.owed == "" {
		l.missed = false
		e.reply(now, in.peer, e.proposal, e.round, event.SendResend)
	}
}

// newRound takes a peer's higher round over. The vote adopted in the old round is forgotten: the peer's
// vote stands against the initial one.
func (e *Election) newRound(now time.Time, in received) {
	e.emit(event.RoundChanged{From: e.round, To: in.Round, Cause: event.RoundBehindPeer, Peer: in.peer})
	e.round = in.Round
	e.clearTally()
	if e.better(in.Vote, e.initial) && e.vouches(in.Vote) {
		e.propose(in.Vote, betterCause(in.Vote, e.initial), in)
	} else {
		e.propose(e.initial, event.VoteNewRound, in)
	}
	e.broadcast(event.SendVoteChange)
}

// vouches reports whether this server may help vote's leader into office. A strict one that holds nothing does
// not help one with history, which it would leave as soon as it saw it: the vote would only keep a server from
// looking for one that stays. It joins such a leader when others have elected it.
// Differs from ZooKeeper, where every server holds data.
func (e *Election) vouches(vote quorum.Vote) bool {
	return !e.opt.Strict || vote.Zxid == 0 || vote.Zxid.Counter() == 0 && !e.refused
}

// propose makes vote the proposal.
func (e *Election) propose(vote quorum.Vote, cause event.VoteCause, in received) {
	if vote == e.proposal {
		return
	}
	e.emit(event.VoteChanged{From: e.proposal, To: vote, Round: e.round, Cause: cause, Peer: in.peer,
		MessageID: in.MessageID})
	e.proposal = vote
	e.quorumAt = time.Time{}
}

func betterCause(vote, old quorum.Vote) event.VoteCause {
	switch {
	case vote.PeerEpoch != old.PeerEpoch:
		return event.VoteBetterEpoch
	case vote.Zxid != old.Zxid:
		return event.VoteBetterZxid
	default:
		return event.VoteBetterSID
	}
}

// settledPeer applies the vote of a server that says FOLLOWING or LEADING: first among the votes of this
// round, then among those of settled servers of any round.
func (e *Election) settledPeer(now time.Time, in received) event.ReceiveOutcome {
	n := stored{present: true, vote: in.Vote, round: in.Round, state: in.State, version: in.Version}
	e.links[in.idx].missed = true
	if in.Round == e.round {
		kept := n
		kept.version = 0
		e.received[in.idx] = kept
		if e.supported(e.received, n) && e.leaderOK(e.received, in.Vote.Leader, in.Round) {
			e.settle(now, in.Vote, in.Round, event.HowJoined)
			return event.ReceivedJoined
		}
	}
	e.settled[in.idx] = n
	if e.supported(e.settled, n) && e.leaderOK(e.settled, in.Vote.Leader, in.Round) {
		if e.round != in.Round {
			e.emit(event.RoundChanged{From: e.round, To: in.Round, Cause: event.RoundLateJoin, Peer: in.peer})
			e.round = in.Round
		}
		e.settle(now, in.Vote, in.Round, event.HowJoined)
		return event.ReceivedJoined
	}
	return event.ReceivedSettledPeer
}
