package fle

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// judge looks whether a quorum supports the proposal and whether the election may end: at once when
// nothing better can come, else after the wait.
// Differs from ZooKeeper: there every election by LOOKING votes waits 200 ms from the last message, any
// better-looking message interrupts it whatever its round, and what arrives meanwhile is thrown away.
// The wait protects nothing (an epoch is established by a quorum's promises), so it is only kept while a
// voter that can be reached has not agreed yet.
func (e *Election) judge(now time.Time) {
	ref := stored{present: true, vote: e.proposal, round: e.round, state: quorum.Looking}
	if !e.supported(e.received, ref) {
		if !e.quorumAt.IsZero() {
			e.emit(event.QuorumUndone{Round: e.round})
			e.quorumAt = time.Time{}
		}
		return
	}
	if e.quorumAt.IsZero() {
		e.quorumAt = now
		e.emit(event.QuorumReached{Vote: e.proposal, Round: e.round, Supporters: e.supporters(ref)})
	}
	switch all, reachable := e.heard(ref); {
	case all:
		e.settle(now, e.proposal, e.round, event.HowAllHeard)
	case reachable:
		e.settle(now, e.proposal, e.round, event.HowRestUnreachable)
	case !now.Before(e.quorumAt.Add(e.opt.FinalizeWait)):
		e.settle(now, e.proposal, e.round, event.HowWaited)
	}
}

// heard reports whether all voters that weigh anything support ref, and whether all of those do that
// can be reached and is not known to be silent. A leader that cannot be reached itself is no reason to hurry.
func (e *Election) heard(ref stored) (all, reachable bool) {
	all, reachable = true, true
	for i, sid := range e.views.voters {
		if e.received[i].present && e.received[i].equal(ref) || !e.views.weighs(sid) {
			continue
		}
		all = false
		if l := e.links[i]; !l.silent && (l.up || !l.failed) || sid == ref.vote.Leader {
			reachable = false
		}
	}
	return all, reachable
}

func (e *Election) supporters(ref stored) []quorum.SID {
	var sids []quorum.SID
	for i, sid := range e.views.voters {
		if e.received[i].present && e.received[i].equal(ref) {
			sids = append(sids, sid)
		}
	}
	return sids
}

// settle ends the election with vote in round. Rule: leaveInstance and setPeerState in
// FastLeaderElection.java.
func (e *Election) settle(now time.Time, vote quorum.Vote, round quorum.Round, how event.How) {
	e.tell(now) // while this server is LOOKING
	e.state = e.learningState()
	if vote.Leader == e.opt.Self {
		e.state = quorum.Leading
	}
	e.current = stored{present: true, vote: vote, round: round}
	e.proposal = vote
	phases := event.Phases{Decided: e.sinceStart(now)}
	if !e.firstHeard.IsZero() {
		phases.FirstVoteHeard = e.sinceStart(e.firstHeard)
	}
	if !e.quorumAt.IsZero() && how != event.HowJoined {
		phases.Quorum = e.sinceStart(e.quorumAt)
	}
	e.quorumAt = time.Time{}
	e.emit(event.ElectionDecided{Vote: vote, Round: round, State: e.state, How: how, Phases: phases})
	e.out.Decision = &Decision{State: e.state, Vote: vote, Round: round, How: how}
}

// sinceStart is how far t is from the start of the election: never 0, which stands for what did not happen.
func (e *Election) sinceStart(t time.Time) time.Duration { return max(t.Sub(e.began), time.Nanosecond) }

// learningState is what this server becomes under another leader; the committed view says its role.
func (e *Election) learningState() quorum.State {
	if m, ok := e.views.committed.Member(e.opt.Self); ok && m.Role == quorum.Observer {
		return quorum.Observing
	}
	return quorum.Following
}
