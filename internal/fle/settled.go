package fle

import (
	"fmt"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// answer applies a voter's notification while this server is settled: a LOOKING voter is told the
// current vote, whatever its own says. Rule: the last branch of WorkerReceiver.
func (e *Election) answer(now time.Time, in received) event.ReceiveOutcome {
	e.doubt(in)
	e.held[in.idx] = heldVote{}
	if in.State != quorum.Looking {
		return event.ReceivedIgnored
	}
	e.held[in.idx] = heldVote{present: true, at: now, in: in}
	e.held[in.idx].in.Text = nil
	e.reply(now, in.peer, e.current.vote, e.current.round, event.SendReplySettled)
	return event.ReceivedAnswered
}

// doubt looks whether the decision can still lead to an established leader. Only before it did: a
// settled server under an established leader is moved by nobody.
// Differs from ZooKeeper: there a server holds on to its decision until its connection attempts or
// initLimit run out, while the others have long turned elsewhere.
func (e *Election) doubt(in received) {
	if e.established || e.out.Doubt != "" {
		return
	}
	if e.state == quorum.Leading {
		e.doubtSupport(in)
		return
	}
	if in.peer != e.current.vote.Leader {
		return
	}
	switch {
	case in.State == quorum.Looking && in.Round > e.current.round:
		e.out.Doubt = fmt.Sprintf("server %d is looking again in round %d", in.peer, in.Round)
	case in.Round >= e.current.round && in.Vote.Leader != in.peer:
		e.out.Doubt = fmt.Sprintf("server %d now supports server %d", in.peer, in.Vote.Leader)
	}
}

// doubtSupport notes that a voter left this leader's round, or supports a better vote in it, and doubts when
// those who did not are no quorum any more. Within a round votes only get better: who has left this leader
// does not come back to it.
func (e *Election) doubtSupport(in received) {
	supports := in.State != quorum.Looking && in.Vote.Leader == e.opt.Self
	better := in.Round == e.current.round && in.State == quorum.Looking && e.better(in.Vote, e.proposal)
	if supports || in.Round <= e.current.round && !better {
		return
	}
	e.received[in.idx] = stored{present: true, vote: in.Vote, round: in.Round, state: in.State}
	left := func(s stored) bool {
		return s.present && (s.round > e.current.round || s.round == e.current.round && e.better(s.vote, e.proposal))
	}
	stay := func(sid quorum.SID) bool {
		i, ok := e.views.index(sid)
		return ok && !left(e.received[i])
	}
	if !e.views.isQuorum(stay) {
		e.out.Doubt = fmt.Sprintf("server %d supports server %d in round %d, and no quorum is left in round %d",
			in.peer, in.Vote.Leader, in.Round, e.current.round)
	}
}

// heldVote is the last thing that a LOOKING voter said to this server while it was settled.
type heldVote struct {
	present bool
	at      time.Time
	in      received
}

// recall counts, at the start of an election, what voters said that began theirs a moment before: they
// told it a settled server, and would not repeat it for a while. The last word of each stands as long as
// its connection does, and no longer than until it would be repeated: the voter may have settled since,
// which it does without a word.
// Differs from ZooKeeper, where such a vote is lost until it is repeated after 200 ms.
func (e *Election) recall(now time.Time) {
	for i := range e.held {
		h := e.held[i]
		e.held[i] = heldVote{}
		if h.present && now.Sub(h.at) <= e.firstWait() && h.in.Round >= e.round && e.views.isVoter(h.in.Vote.Leader) {
			e.firstHeard, e.links[i].silent = now, false
			e.lookingPeer(now, h.in)
		}
	}
}
