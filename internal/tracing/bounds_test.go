package tracing

import (
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"
)

// TestEveryEventIsNamed feeds every event there is, in each state of a node.
func TestEveryEventIsNamed(t *testing.T) {
	for _, ev := range event.All() {
		r := newRig(t, 2)
		r.after(0, ev)
		r.looks(event.ReasonStart, 1)
		r.after(0, ev)
		r = newRig(t, 2)
		r.leads(3, 1)
		r.after(0, ev)
		r.after(time.Minute)
	}
	r := newRig(t, 2)
	if r.take(event.Stamped{Event: unknown{}}) {
		t.Error("an event that nobody knows is known")
	}
}

type unknown struct{}

func (unknown) Name() string { return "Unknown" }

// TestBounds: a storm costs messages, which are counted, and never the election.
func TestBounds(t *testing.T) {
	r := newRig(t, 3)
	r.looks(event.ReasonStart, 1)
	const storm = 20_000
	for id := range uint64(storm) {
		r.after(time.Microsecond, sent(2, 1+id, event.SendResend, quorum.Looking, vote(3, 0), 1),
			r.got(2, 1+id, event.ReceivedCounted, start(), quorum.Looking, vote(3, 0), 1),
			event.VoteChanged{Round: 1}, event.RoundChanged{To: quorum.Round(id)},
			event.ConnectionUp{Peer: 2}, event.ConnectionAttempt{Peer: 1, Result: event.DialRefused})
	}
	for sid := range quorum.SID(1000) { // strangers may come without end
		r.after(0, sent(100+sid, 1, event.SendReplyNonVoter, quorum.Looking, vote(3, 0), 1))
	}
	e := r.last()
	if len(e.peers) > 4 {
		t.Errorf("%d peers are remembered", len(e.peers))
	}
	if len(e.msgs) > maxMessages || len(e.rounds) > maxRounds || len(r.talks[2].msgs) > maxTalk || len(e.parts) > maxParts {
		t.Errorf("%d messages, %d rounds, %d in talk, %d parts", len(e.msgs), len(e.rounds), len(r.talks[2].msgs), len(e.parts))
	}
	r.decides(3, 1, event.HowAllHeard, 0)
	for range storm {
		r.after(time.Microsecond, event.FollowerJoined{Peer: 2})
	}
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 3, Epoch: 1})
	r.after(time.Minute)
	r.find(r.epoch(1), nameElection)
	if n := len(r.spans); n > maxMessages+maxRounds+2*maxParts+maxTalk+10 || uint64(n)+r.dropped < 3*storm {
		t.Errorf("%d spans, %d dropped", n, r.dropped)
	}
	if len(r.sends.known) > maxSends || len(r.sends.ring) > maxSends {
		t.Errorf("%d sends are remembered", len(r.sends.known))
	}
}

// TestManyElections: elections that follow each other without end are forgotten, none without being shown.
func TestManyElections(t *testing.T) {
	r := newRig(t, 3)
	for n := range quorum.Round(100) {
		r.looks(event.ReasonNotSupported, n)
	}
	r.flush(r.now)
	shown := 0
	for _, s := range r.spans {
		if s.name == nameElection {
			shown++
		}
	}
	if shown != 100 || len(r.elections) > keptElections+1 {
		t.Errorf("%d shown, %d kept", shown, len(r.elections))
	}
}

// TestEventsMissing: a queue that overflowed may have lost any event; nothing goes to the wrong election.
func TestEventsMissing(t *testing.T) {
	r := newRig(t, 3)
	r.leads(3, 1)
	r.spans = nil
	r.election = 7 // elections 2 to 6 were lost, and the start of 7
	r.after(0, event.RoundChanged{To: 9}, event.VoteChanged{Round: 9}, event.ElectionDecided{State: quorum.Leading},
		sent(2, 0xa, event.SendOwnVote, quorum.Looking, vote(3, 0), 9), event.EpochPromised{Epoch: 2},
		event.LeaderEstablished{Leader: 3, Epoch: 2})
	r.after(time.Minute)
	if len(r.spans) > 0 {
		t.Errorf("%d spans of an election whose start is not known", len(r.spans))
	}
	r.looks(event.ReasonStart, 10)
	r.after(0, event.LeaderEstablished{Leader: 3, Epoch: 3}) // the decision was lost
	r.after(time.Minute)
	r.find(r.epoch(3), nameElection)
}

// TestConnections: during an election under it; otherwise those that came up have traces of their own.
func TestConnections(t *testing.T) {
	r := newRig(t, 3)
	r.after(0, event.ConnectionAttempt{Peer: 2, Result: event.DialRefused, Duration: time.Millisecond})
	r.looks(event.ReasonStart, 1)
	for range 5 {
		r.after(10*time.Millisecond, event.ConnectionAttempt{Peer: 2, Result: event.DialRefused, Duration: time.Millisecond})
	}
	r.after(0, event.HandshakeCompleted{Peer: 1, Form: "v2", Duration: 5 * time.Millisecond},
		event.ConnectionTieBreak{Peer: 1, Side: event.Acceptor, Outcome: event.TieKept}, event.ConnectionUp{Peer: 1})
	r.after(5*time.Millisecond, event.HandshakeCompleted{Peer: 1},
		event.ConnectionTieBreak{Peer: 1, Side: event.Acceptor, Outcome: event.TieDroppedDialled})
	r.decides(3, 1, event.HowAllHeard, 0)
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 3, Epoch: 1})
	r.after(time.Second)
	r.want(r.epoch(1), `
election 0-57 leading
  round 0-56 3 start
  connection 45-50 1 up
    hand-shake 45-50
    tie-break 50-50 kept
  connection 55-55 1 dropped_and_dialled_back
    hand-shake 55-55
    tie-break 55-55 dropped_and_dialled_back
  connection 0-50 2 failed FAILED
    dial 0-0 FAILED
    dial 9-10 FAILED
    dial 19-20 FAILED
    dial 29-30 FAILED
  establish epoch 56-57
`)
	r.spans = nil
	for range 1000 { // a peer that is down
		r.after(time.Second, event.ConnectionAttempt{Peer: 2, Result: event.DialTimeout, Duration: 500 * time.Millisecond})
	}
	r.after(0, event.ConnectionTieBreak{Peer: 1, Side: event.Acceptor, Outcome: event.TieDropped})
	if len(r.spans) > 0 {
		t.Fatalf("%d spans of a peer that is down, and of a connection that was not kept", len(r.spans))
	}
	r.after(time.Second, event.ConnectionAttempt{Peer: 2, Result: event.DialConnected, Duration: time.Millisecond},
		event.ConnectionTieBreak{Peer: 2, Side: event.Dialler, Outcome: event.TieKept}, event.ConnectionUp{Peer: 2, DialledByUs: true})
	if n := len(r.spans); n == 0 || n > 2*maxDials+3 {
		t.Fatalf("%d spans", n)
	}
	root := r.find(r.spans[0].trace, nameConnection)
	if root.parent != (traceid.Span{}) || root.trace == (traceid.Trace{}) || root.failed != "" || r.now.Sub(root.start) > 2*late {
		t.Errorf("%+v", root)
	}
}
