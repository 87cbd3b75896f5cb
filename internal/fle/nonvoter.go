package fle

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// answerNonVoter tells somebody without a vote how things stand: the current vote, and the logical clock.
// Rule: WorkerReceiver answers each message of a non-voter. Differs from ZooKeeper: one who says that it
// is settled is answering us, and gets no answer; and one who votes for a server, so is a voter of
// another configuration, gets a hundred a second at most. Two servers that take each other for non-voters
// would otherwise answer each other's answers as fast as they can.
func (e *Election) answerNonVoter(now time.Time, in received) {
	switch in.State {
	case quorum.Following, quorum.Leading, quorum.Observing:
		return
	}
	if in.Vote.Leader != quorum.NoSID && !e.allowanceOf(in.peer).take(now) {
		return
	}
	e.reply(now, in.peer, e.current.vote, e.round, event.SendReplyNonVoter)
}

// Bounds of the answers to a voter of another configuration.
const (
	answersBurst = 100
	answersEvery = 10 * time.Millisecond
)

// allowance is how many answers somebody may still have.
type allowance struct {
	left int
	at   time.Time // of the last refill
}

func (a *allowance) take(now time.Time) bool {
	if n := int(now.Sub(a.at) / answersEvery); n > 0 {
		a.left, a.at = min(answersBurst, a.left+n), now
	}
	if a.left == 0 {
		return false
	}
	a.left--
	return true
}

// allowanceOf is the allowance of peer; those beyond the bound share one.
func (e *Election) allowanceOf(peer quorum.SID) *allowance {
	if a := e.answers[peer]; a != nil {
		return a
	}
	if len(e.answers) >= maxTexts {
		peer = quorum.NoSID
		if a := e.answers[peer]; a != nil {
			return a
		}
	}
	a := &allowance{left: answersBurst}
	e.answers[peer] = a
	return a
}
