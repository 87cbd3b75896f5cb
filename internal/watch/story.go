package watch

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/quorum"
)

// provenAfter is how long an elected leader may keep the epoch that it was elected with and not be called
// established: longer than ZooKeeper gives it by default until it must give up, initLimit * tickTime.
const provenAfter = 30 * time.Second

// unknownEpoch stands in NodeStarted for what no answer tells.
const unknownEpoch quorum.Epoch = -1

// story is what was told of a server as if it were a node. What happens between two questions is not seen: an
// election that fell between them is told as one that began and ended when it was found out.
type story struct {
	begun   bool      // NodeStarted was told
	number  uint64    // of elections
	looking bool      // the last election runs
	doubt   bool      // it is settled, but its vote may still be the one before
	gone    bool      // its port was found closed since its last answer
	notYet  time.Time // when the last election had not begun, or was seen to begin
	began   time.Time // when the beginning of the last election was seen
	decided time.Time // of the last election; zero: the server was found settled
	round   quorum.Round
	vote    quorum.Vote
	led     bool // LeaderEstablished was told, LeaderLost was not
	leader  quorum.SID
	epoch   quorum.Epoch
}

// tellOf tells an event of s.
func (c *core) tellOf(s *server, e event.Event) {
	if _, next := e.(event.ElectionStarted); next {
		s.story.number++
	}
	c.out.events = append(c.out.events, told{s.SID, s.story.number, e})
}

// relate tells what the answer n says of s that was not told yet; s is still as it was before n.
func (c *core) relate(s *server, n *fle.Notification) {
	st := &s.story
	found := !st.begun
	if found {
		st.begun, st.round, st.vote = true, n.Round, n.Vote
		c.tellOf(s, event.NodeStarted{Role: s.Role, AcceptedEpoch: unknownEpoch, CurrentEpoch: n.Vote.PeerEpoch,
			Zxid: n.Vote.Zxid, View: c.view})
		s.State = quorum.Looking // as every node at its start
	}
	switch {
	case n.State == quorum.Looking:
		c.relateLooking(s, n)
	case found: // when and how it was elected nobody saw
		c.changes(s, n.State, "")
	default:
		c.relateSettled(s, n)
	}
	st.gone = false
}

// relateLooking is for an answer of a server that looks for a leader.
func (c *core) relateLooking(s *server, n *fle.Notification) {
	if s.story.looking {
		s.story.doubt = false
		c.turns(s, n, event.RoundBehindPeer)
		c.changes(s, n.State, s.story.whyAgain(s.State))
		return
	}
	why := s.story.whyAgain(s.State)
	c.loses(s, why, "it says LOOKING")
	c.changes(s, n.State, why)
	c.begins(s, n, why)
}

// relateSettled is for an answer of a server that has a leader or is one.
func (c *core) relateSettled(s *server, n *fle.Notification) {
	st := &s.story
	switch {
	case st.looking:
	case st.gone, n.State != s.State, n.Vote.Leader != s.Vote.Leader, n.Round > s.Round:
		why := st.whyAgain(s.State)
		c.loses(s, why, "there was an election between two questions")
		c.begins(s, n, why)
	case n.Round != st.round: // a real server counts from 0 again after a reconfiguration
		c.tellOf(s, event.RoundChanged{From: st.round, To: n.Round, Cause: event.RoundStart, Peer: s.SID})
		st.round = n.Round
	}
	how := event.How("")
	if st.looking {
		how = c.settles(s, n)
	}
	c.changes(s, n.State, string(how))
}

// whyAgain is the reason of an election of a server that was in the state from, as far as it can be seen from
// outside.
func (st *story) whyAgain(from quorum.State) string {
	never := !st.led && (st.looking || !st.decided.IsZero())
	switch {
	case st.gone, from == quorum.Looking:
		return event.ReasonStart
	case from == quorum.Leading && never:
		return event.ReasonNotSupported
	case from == quorum.Leading:
		return event.ReasonQuorumLost
	case never:
		return event.ReasonNoLeader
	default:
		return event.ReasonLeaderLost
	}
}

// changes tells of another state.
func (c *core) changes(s *server, to quorum.State, why string) {
	if s.State != to {
		c.tellOf(s, event.StateChanged{From: s.State, To: to, Reason: why})
	}
}

// begins tells of the beginning of an election of s.
func (c *core) begins(s *server, n *fle.Notification, why string) {
	st := &s.story
	switch {
	case n.State == quorum.Looking:
		st.notYet, st.vote = c.now, n.Vote
	case st.gone:
		st.notYet = s.FailedAt
	default:
		st.notYet = s.LastAnswer
	}
	st.looking, st.doubt, st.decided, st.began = true, false, time.Time{}, c.now
	c.tellOf(s, event.ElectionStarted{Reason: why, At: c.now, Round: n.Round, Vote: st.vote})
	c.tellOf(s, event.RoundChanged{From: st.round, To: n.Round, Cause: event.RoundStart, Peer: s.SID})
	st.round = n.Round
}

// turns tells of another round and another vote within an election. Whose notification it was nobody knows.
func (c *core) turns(s *server, n *fle.Notification, cause event.RoundCause) {
	st := &s.story
	if n.Round != st.round {
		c.tellOf(s, event.RoundChanged{From: st.round, To: n.Round, Cause: cause, Peer: quorum.NoSID})
	}
	if n.Vote != st.vote {
		c.tellOf(s, event.VoteChanged{From: st.vote, To: n.Vote, Round: n.Round, Cause: voteCause(st.vote, n.Vote),
			Peer: quorum.NoSID})
	}
	st.round, st.vote = n.Round, n.Vote
}

// voteCause is the likely cause of a vote.
func voteCause(from, to quorum.Vote) event.VoteCause {
	switch {
	case !to.Beats(from):
		return event.VoteNewRound
	case to.PeerEpoch != from.PeerEpoch:
		return event.VoteBetterEpoch
	case to.Zxid != from.Zxid:
		return event.VoteBetterZxid
	default:
		return event.VoteBetterSID
	}
}

// settles tells of the decision of an election, unless the answer may be the one odd one at that moment: the new
// state with the vote before. The next answer tells.
func (c *core) settles(s *server, n *fle.Notification) event.How {
	st := &s.story
	odd := n.Vote == st.vote || (n.State == quorum.Leading) != (n.Vote.Leader == s.SID)
	if odd && !st.doubt {
		st.doubt = true
		return ""
	}
	c.turns(s, n, event.RoundLateJoin)
	how := event.How("") // nobody saw
	if v := &c.verdict; v.has && n.Vote.Leader == v.leader && v.reign.Before(st.notYet) {
		how = event.HowJoined
	}
	st.looking, st.doubt, st.decided = false, false, c.now
	c.tellOf(s, event.ElectionDecided{Vote: n.Vote, Round: n.Round, State: n.State, How: how,
		Phases: event.Phases{Decided: c.now.Sub(st.began)}})
	return how
}

// loses tells that s has no established leader any more.
func (c *core) loses(s *server, why, detail string) {
	if st := &s.story; st.led {
		st.led = false
		c.tellOf(s, event.LeaderLost{Leader: st.leader, Epoch: st.epoch, Reason: why, Detail: detail})
	}
}

// closes notes that the port of s is closed: its process is gone, and what answers there later has begun anew.
func (c *core) closes(s *server, detail string) {
	st := &s.story
	if !st.begun {
		return
	}
	c.loses(s, event.ReasonLeaderLost, detail)
	if st.looking {
		st.looking, st.doubt = false, false
		c.tellOf(s, event.ElectionAborted{Reason: event.ReasonStopped})
	}
	st.gone = true
}

// crown tells which servers have an established leader: the ensemble has one, its epoch is a new one, and they
// name it in that epoch. Real servers name the new epoch once it is acknowledged.
func (c *core) crown() {
	v := &c.verdict
	if !v.has {
		return
	}
	patient := func(since time.Time) bool { return c.now.Sub(since) < provenAfter }
	v.proven = v.proven || v.epoch > v.base || c.servers[v.leader].story.number == 0 || !patient(v.reign)
	if !v.proven {
		return
	}
	for _, s := range c.sorted() {
		st := &s.story
		if !st.begun || st.looking || !s.Up || s.State == quorum.Looking || s.Vote.Leader != v.leader ||
			st.led && st.epoch == v.epoch || s.Vote.PeerEpoch != v.epoch && patient(later(v.reign, st.decided)) {
			continue
		}
		e := event.LeaderEstablished{Leader: v.leader, Epoch: v.epoch}
		if !st.decided.IsZero() {
			e.After = c.now.Sub(st.decided)
		}
		st.led, st.leader, st.epoch = true, v.leader, v.epoch
		c.tellOf(s, e)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
