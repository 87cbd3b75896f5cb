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
	if in.State != quorum.Looking {
		return event.ReceivedIgnored
	}
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

// doubtSupport notes that a voter left this leader's round, and doubts when those who did not are no
// quorum any more.
func (e *Election) doubtSupport(in received) {
	supports := in.State != quorum.Looking && in.Vote.Leader == e.opt.Self
	if in.Round <= e.current.round || supports {
		return
	}
	e.received[in.idx] = stored{present: true, vote: in.Vote, round: in.Round, state: in.State}
	stay := func(sid quorum.SID) bool {
		i, ok := e.views.index(sid)
		return ok && !(e.received[i].present && e.received[i].round > e.current.round)
	}
	if !e.views.isQuorum(stay) {
		e.out.Doubt = fmt.Sprintf("server %d is in round %d, and no quorum is left in round %d",
			in.peer, in.Round, e.current.round)
	}
}
