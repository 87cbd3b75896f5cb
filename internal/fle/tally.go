package fle

import (
	"slices"

	"electnode/internal/quorum"
)

// stored is a vote as the tallies keep it. Rule: Vote.java.
type stored struct {
	present bool
	vote    quorum.Vote
	round   quorum.Round
	state   quorum.State
	version int32 // of the notification; 0 where the rules ask for none
}

// equal reports whether two votes support the same: all four fields while one of the servers is LOOKING;
// the leader alone between settled votes of which one has a version; leader and epoch otherwise.
// Rule: Vote.equals.
func (a stored) equal(b stored) bool {
	if a.state == quorum.Looking || b.state == quorum.Looking {
		return a.vote == b.vote && a.round == b.round
	}
	if (a.version > 0) != (b.version > 0) {
		return a.vote.Leader == b.vote.Leader
	}
	return a.vote.Leader == b.vote.Leader && a.vote.PeerEpoch == b.vote.PeerEpoch
}

// views are the committed configuration and, while a change is under way, the proposed one.
type views struct {
	committed *quorum.View
	lastSeen  *quorum.View // nil unless of a higher version than committed
	voters    []quorum.SID // of either, ascending
}

func newViews(committed, lastSeen *quorum.View) views {
	v := views{committed: committed, voters: slices.Clone(committed.Voters())}
	if lastSeen != nil && lastSeen.Version() > committed.Version() {
		v.lastSeen = lastSeen
		v.voters = append(v.voters, lastSeen.Voters()...)
		slices.Sort(v.voters)
		v.voters = slices.Compact(v.voters)
	}
	return v
}

// index is the place of sid among the voters of either view.
func (v views) index(sid quorum.SID) (int, bool) { return slices.BinarySearch(v.voters, sid) }

func (v views) isVoter(sid quorum.SID) bool { _, ok := v.index(sid); return ok }

// isMember reports whether sid stands in either view, observers included.
func (v views) isMember(sid quorum.SID) bool { return quorum.HasMember(sid, v.committed, v.lastSeen) }

// isQuorum reports whether those for whom has is true are a quorum of every view.
// Rule: SyncedLearnerTracker.hasAllQuorums.
func (v views) isQuorum(has func(quorum.SID) bool) bool {
	return v.committed.IsQuorum(has) && (v.lastSeen == nil || v.lastSeen.IsQuorum(has))
}

// weighs reports whether sid counts in any view.
func (v views) weighs(sid quorum.SID) bool {
	return v.committed.IsVoter(sid) && v.committed.Weight(sid) > 0 ||
		v.lastSeen != nil && v.lastSeen.IsVoter(sid) && v.lastSeen.Weight(sid) > 0
}

// supported reports whether the votes of table that are equal to ref contain a quorum of every view.
func (e *Election) supported(table []stored, ref stored) bool {
	return e.views.isQuorum(func(sid quorum.SID) bool {
		i, ok := e.views.index(sid)
		return ok && table[i].present && table[i].equal(ref)
	})
}

// leaderOK reports whether table lets this server settle on leader: another server must say itself that
// it is LEADING; for this server the round of the votes must be its own.
// Rule: FastLeaderElection.checkLeader.
func (e *Election) leaderOK(table []stored, leader quorum.SID, round quorum.Round) bool {
	if leader == e.opt.Self {
		return round == e.round
	}
	i, ok := e.views.index(leader)
	return ok && table[i].present && table[i].state == quorum.Leading
}

// better reports whether a new proposal beats cur; a server of weight 0 is never proposed.
// Rule: FastLeaderElection.totalOrderPredicate.
func (e *Election) better(proposed, cur quorum.Vote) bool {
	return e.views.committed.Weight(proposed.Leader) != 0 && proposed.Beats(cur)
}
