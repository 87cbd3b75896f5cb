package tracing

import (
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"
)

// TestLateJoiner: what a settled server hears from a late joiner, and answers, stands in the joiner's trace.
func TestLateJoiner(t *testing.T) {
	r := newRig(t, 3)
	r.leads(3, 5)
	r.spans = nil
	began := r.now.Add(-2 * time.Millisecond)
	r.after(0, r.got(1, 0xa, event.ReceivedAnswered, began, quorum.Looking, vote(1, 4), 1),
		sent(1, 0xb, event.SendReplySettled, quorum.Leading, vote(3, 5), 1))
	r.after(5*time.Millisecond, event.FollowerJoined{Peer: 1})
	r.after(hold - 10*time.Millisecond)
	if len(r.spans) > 0 {
		t.Error("shown at once: nobody can know yet whether a leader was lost")
	}
	r.after(10 * time.Millisecond)
	joining := traceid.Joining(r.view.EnsembleID(), 5, 1, began)
	r.want(joining, `
under message a: notification receive 60002-60002 1 answered
  notification send 60002-60002 1 reply_settled
under the root: acknowledge 60007-60007 1
`)
	if len(r.spans) != 3 {
		t.Errorf("%d spans", len(r.spans))
	}
}

// TestJoining: the late joiner's own side.
func TestJoining(t *testing.T) {
	r := newRig(t, 1)
	r.looks(event.ReasonStart, 1)
	old := r.now.Add(-time.Hour)
	r.after(time.Millisecond, sent(3, 0xa, event.SendOwnVote, quorum.Looking, vote(1, 4), 1))
	r.after(2*time.Millisecond, r.got(3, 0xb, event.ReceivedJoined, old, quorum.Leading, vote(3, 5), 1))
	r.decides(3, 1, event.HowJoined, 5)
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 3, Epoch: 5})
	r.after(0, event.LeaderLost{Leader: 3, Epoch: 5, Reason: event.ReasonLeaderLost})
	r.after(time.Second)
	r.want(traceid.Joining(r.view.EnsembleID(), 5, 1, start()), `
election 0-5 following
  leader lost 5-5 FAILED
  round 0-4 1 start
    notification send 1-1 3 own_vote
  establish epoch 4-5
under message b: notification receive 3-3 3 joined
`)
	if len(r.spans) != 6 {
		t.Errorf("%d spans", len(r.spans))
	}
}

// TestAnswerOfTheDay: what was said well before an election began is no answer to it, but was sent again on a
// new connection. Clocks need not agree to the millisecond.
func TestAnswerOfTheDay(t *testing.T) {
	r := newRig(t, 1)
	r.looks(event.ReasonStart, 1)
	for id, ago := range map[uint64]time.Duration{0xa: 20 * time.Millisecond, 0xb: 3 * time.Second} {
		r.after(0, &event.NotificationReceived{Peer: 3, MessageID: id, SentAt: r.now.Add(-ago), ElectionAt: r.now.Add(-time.Hour),
			Outcome: event.ReceivedSettledPeer, Notification: event.Notification{State: quorum.Leading, Vote: vote(3, 5), Round: 1}})
	}
	r.decides(3, 1, event.HowJoined, 5)
	r.after(0, event.LeaderEstablished{Leader: 3, Epoch: 5})
	r.after(time.Second)
	r.want(traceid.Joining(r.view.EnsembleID(), 5, 1, start()), `
election 0-1 following
  round 0-1 1 start
    notification receive 0-0 3 settled_peer
  establish epoch 1-1
under message a: notification receive 0-0 3 settled_peer
`)
}

// TestClockGoesBack: a peer whose clock was set back is heard again before long.
func TestClockGoesBack(t *testing.T) {
	r := newRig(t, 3)
	r.leads(3, 5)
	r.after(0, r.got(1, 0xa, event.ReceivedAnswered, r.now, quorum.Looking, vote(1, 4), 1))
	r.after(time.Minute)
	r.spans = nil
	began := start()
	r.after(0, r.got(1, 0xb, event.ReceivedAnswered, began, quorum.Looking, vote(1, 4), 1),
		sent(1, 0xc, event.SendReplySettled, quorum.Leading, vote(3, 5), 1))
	r.after(time.Minute)
	if s := r.find(traceid.Joining(r.view.EnsembleID(), 5, 1, began), nameReceive); s.parent != traceid.Message(0xb) {
		t.Errorf("%+v", s)
	}
}

// TestFailOver: a server that answers one who looks for a new leader, and then has to look for one itself,
// puts both into the trace of that election.
func TestFailOver(t *testing.T) {
	r := newRig(t, 2)
	r.leads(3, 5)
	r.spans = nil
	began := r.now
	r.after(time.Millisecond, r.got(1, 0xa, event.ReceivedAnswered, began, quorum.Looking, vote(1, 5), 2),
		sent(1, 0xb, event.SendReplySettled, quorum.Following, vote(3, 5), 1))
	r.after(500*time.Millisecond, event.LeaderLost{Leader: 3, Epoch: 5, Reason: event.ReasonLeaderLost})
	r.looks(event.ReasonLeaderLost, 2)
	r.after(time.Millisecond, r.got(1, 0xc, event.ReceivedCounted, began, quorum.Looking, vote(2, 5), 2))
	r.decides(2, 2, event.HowWaited, 5)
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 2, Epoch: 6})
	r.after(3 * time.Second)
	r.want(r.epoch(6), `
election 60002-60506 leading
  round 60503-60505 2 start
  establish epoch 60505-60506
under message a: notification receive 60003-60003 1 answered
  notification send 60003-60003 1 reply_settled
under message c: notification receive 60504-60504 1 counted
`)
}

// TestAnotherSide: a server that took part, but must seem to have joined late, shows what it exchanged with
// the others where they look for it.
func TestAnotherSide(t *testing.T) {
	r := newRig(t, 1)
	r.looks(event.ReasonStart, 1)
	r.after(time.Millisecond, sent(3, 0xa, event.SendOwnVote, quorum.Looking, vote(1, 4), 1))
	r.after(2*time.Millisecond, r.got(2, 0xb, event.ReceivedJoined, r.now.Add(-time.Second), quorum.Following, vote(3, 4), 1))
	r.decides(3, 1, event.HowJoined, 4)
	r.after(0, r.got(3, 0xc, event.ReceivedIgnored, r.now.Add(-time.Second), quorum.Leading, vote(3, 5), 1))
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 3, Epoch: 5})
	r.after(time.Second)
	r.want(r.epoch(5), `
under the root: election 0-5 following
  round 0-4 1 start
  establish epoch 4-5
under message b: notification receive 3-3 2 joined
`)
	r.want(traceid.Joining(r.view.EnsembleID(), 5, 1, start()), `
election 0-5 following
  notification send 1-1 3 own_vote
under message c: notification receive 4-4 3 ignored
`)
}

// TestLeftElection: what a peer said in an election that it has left stands under this node's round.
func TestLeftElection(t *testing.T) {
	r := newRig(t, 3)
	began := r.now
	r.looks(event.ReasonStart, 1)
	r.after(time.Millisecond, r.got(2, 0xa, event.ReceivedCounted, began, quorum.Looking, vote(3, 0), 1))
	r.after(time.Millisecond, r.got(2, 0xb, event.ReceivedCounted, r.now, quorum.Looking, vote(3, 0), 1))
	r.after(0, r.got(2, 0xc, event.ReceivedStaleRound, began, quorum.Looking, vote(2, 0), 1)) // late
	r.decides(3, 1, event.HowAllHeard, 0)
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 3, Epoch: 1})
	r.after(2 * time.Second)
	r.want(r.epoch(1), `
election 0-4 leading
  round 0-3 3 start
    notification receive 1-1 2 counted
    notification receive 2-2 2 stale_round
  establish epoch 3-4
under message b: notification receive 2-2 2 counted
`)
	for _, s := range r.spans {
		want := link{traceid.Unfinished(r.view.EnsembleID(), 2, began), traceid.Message(0xa), linkUnfinished}
		if s.attr("message_id") == traceid.Message(0xa).String() && (len(s.links) != 1 || s.links[0] != want) {
			t.Errorf("links %v", s.links)
		}
	}
}

// TestLeftElectionUnheard is the same when the peer only says later, settled, that it began anew: observers are
// told no more than that.
func TestLeftElectionUnheard(t *testing.T) {
	r := newRig(t, 4)
	began := r.now
	r.looks(event.ReasonStart, 1)
	r.after(time.Millisecond, r.got(2, 0xa, event.ReceivedCounted, began, quorum.Looking, vote(3, 0), 1))
	r.after(time.Millisecond, r.got(2, 0xb, event.ReceivedJoined, r.now, quorum.Following, vote(3, 0), 1))
	r.decides(3, 1, event.HowJoined, 0)
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 3, Epoch: 1})
	r.after(2 * time.Second)
	r.want(r.epoch(1), `
under the root: election 0-4 following
  round 0-3 4 start
    notification receive 1-1 2 counted
  establish epoch 3-4
under message b: notification receive 2-2 2 joined
`)
}

// TestAtOneInstant: of several votes of the same instant the best was the last, in whatever order they came.
func TestAtOneInstant(t *testing.T) {
	r := newRig(t, 2)
	began := r.now
	r.looks(event.ReasonStart, 1)
	r.after(time.Millisecond, r.got(1, 0xa, event.ReceivedCounted, began, quorum.Looking, vote(3, 0), 1),
		r.got(1, 0xb, event.ReceivedCounted, began, quorum.Looking, vote(1, 0), 1))
	r.decides(3, 1, event.HowAllHeard, 0)
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 3, Epoch: 1})
	r.after(2 * time.Second)
	r.want(r.epoch(1), `
under the root: election 0-3 following
  round 0-2 2 start
  establish epoch 2-3
under message a: notification receive 1-1 1 counted
under message b: notification receive 1-1 1 counted
`)
}

// TestQuickLoss: what was heard in an election that ended well belongs to it, even if the next one follows
// before that was clear.
func TestQuickLoss(t *testing.T) {
	r := newRig(t, 1)
	began := r.now
	r.looks(event.ReasonStart, 1)
	r.after(time.Millisecond, r.got(2, 0xa, event.ReceivedCounted, began, quorum.Looking, vote(3, 0), 1))
	r.decides(3, 1, event.HowAllHeard, 0)
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 3, Epoch: 1})
	r.after(100*time.Millisecond, event.LeaderLost{Leader: 3, Epoch: 1, Reason: event.ReasonLeaderLost})
	r.looks(event.ReasonLeaderLost, 2)
	r.decides(2, 2, event.HowWaited, 1)
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 2, Epoch: 2})
	r.after(time.Minute)
	r.want(r.epoch(1), `
under the root: election 0-3 following
  round 0-2 1 start
  establish epoch 2-3
under the root: leader lost 103-103 FAILED
under message a: notification receive 1-1 2 counted
`)
}

// TestStrangersLeaveNoTrace: while settled, only members that are electnodes do.
func TestStrangersLeaveNoTrace(t *testing.T) {
	r := newRig(t, 3)
	r.leads(3, 5)
	r.spans = nil
	for id := range uint64(500) {
		r.after(time.Millisecond, r.got(quorum.SID(90+id), 1+id, event.ReceivedFromNonVoter, r.now, quorum.Looking, vote(1, 0), 1),
			sent(quorum.SID(90+id), 1000+id, event.SendReplyNonVoter, quorum.Leading, vote(3, 5), 1),
			&event.NotificationReceived{Peer: 2, Outcome: event.ReceivedAnswered},
			sent(2, 2000+id, event.SendReplySettled, quorum.Leading, vote(3, 5), 1),
			&event.NotificationReceived{Peer: 2, Outcome: event.ReceivedMalformed, Detail: "short"},
			event.ConnectionAttempt{Peer: 99, Result: event.DialConnected}, event.ConnectionUp{Peer: 99},
			event.HandshakeCompleted{Peer: 99}, event.HandshakeRejected{}, event.FollowerJoined{Peer: 99})
	}
	r.after(time.Minute)
	if len(r.spans) > 0 || len(r.talks)+len(r.conns) > 0 {
		t.Errorf("%d spans, %d talks, %d connections", len(r.spans), len(r.talks), len(r.conns))
	}
}

// TestRealServers: without message ids, what was received stands under the own round. Malformed is an error.
func TestRealServers(t *testing.T) {
	r := newRig(t, 3)
	r.looks(event.ReasonStart, 1)
	r.after(time.Millisecond, &event.NotificationReceived{Peer: 2, Outcome: event.ReceivedCounted},
		&event.NotificationReceived{Peer: 99, MessageID: 7, SentAt: r.now, ElectionAt: r.now, Outcome: event.ReceivedFromNonVoter},
		&event.NotificationReceived{Peer: 1, Outcome: event.ReceivedMalformed, Detail: "3 bytes"})
	r.decides(3, 1, event.HowAllHeard, 0)
	r.after(time.Millisecond, &event.NotificationReceived{Peer: 2, Outcome: event.ReceivedIgnored},
		event.LeaderEstablished{Leader: 3, Epoch: 1})
	r.after(time.Second)
	r.want(r.epoch(1), `
election 0-3 leading
  round 0-2 3 start
    notification receive 1-1 2 counted
    notification receive 1-1 99 from_nonvoter
    notification receive 1-1 1 malformed FAILED
  notification receive 3-3 2 ignored
  establish epoch 2-3
`)
}

// TestSentAgain: the same message on a new connection is a child of its first send, in the same trace.
func TestSentAgain(t *testing.T) {
	r := newRig(t, 3)
	r.looks(event.ReasonStart, 1)
	r.after(time.Millisecond, sent(2, 0xa, event.SendOwnVote, quorum.Looking, vote(3, 0), 1))
	r.after(time.Millisecond, sent(2, 0xa, event.SendReconnect, quorum.Looking, vote(3, 0), 1))
	r.after(time.Second)
	r.after(time.Millisecond, sent(2, 0xa, event.SendReconnect, quorum.Looking, vote(3, 0), 1))
	r.decides(3, 1, event.HowAllHeard, 0)
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 3, Epoch: 1})
	r.after(20*time.Millisecond, sent(1, 0xb, event.SendReconnect, quorum.Looking, vote(3, 0), 1)) // a link was late
	r.after(time.Second, sent(1, 0xb, event.SendReconnect, quorum.Looking, vote(3, 0), 1))         // or very late
	r.after(time.Minute, sent(1, 0xc, event.SendReconnect, quorum.Looking, vote(3, 0), 1))         // too late
	r.want(r.tracker.Info().Provisional(), `
election 0-1000 unfinished FAILED
  round 0-1000 3 start
    notification send 1-1 2 own_vote
      notification send 2-2 2 reconnect
`)
	r.want(r.epoch(1), `
election 0-1005 leading
  round 1000-1004 3 start
    notification send 1003-1003 2 reconnect
    notification send 1025-1025 1 reconnect
      notification send 2025-2025 1 reconnect
  establish epoch 1004-1005
`)
}

// TestShownUntil: both sides of a message must agree on when an election was shown.
func TestShownUntil(t *testing.T) {
	at := start()
	for after, want := range map[time.Duration]time.Duration{
		999 * time.Millisecond: -1, time.Second: time.Second, 2999 * time.Millisecond: time.Second,
		3 * time.Second: 3 * time.Second, 10 * time.Second: 7 * time.Second, 30 * time.Second: 15 * time.Second,
		31 * time.Second: 31 * time.Second, 60 * time.Second: 31 * time.Second, 61 * time.Second: 61 * time.Second,
		time.Hour: 3571 * time.Second,
	} {
		got := shownUntil(at, at.Add(after))
		if want < 0 && !got.IsZero() || want >= 0 && !got.Equal(at.Add(want)) {
			t.Errorf("after %s: %s", after, got.Sub(at))
		}
	}
	if got := shownUntil(time.Unix(0, 0), at); at.Sub(got) > longestStep {
		t.Errorf("an election since 1970: %s", got)
	}
}
