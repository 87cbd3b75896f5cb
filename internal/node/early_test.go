package node

import (
	"fmt"
	"testing"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// TestEarlyFlood: connections that come and go, or say more than a learner does, before this server has decided to
// lead leave nothing behind; the learner among them is heard, and those turned away are told.
func TestEarlyFlood(t *testing.T) {
	b := newBench(t, 3)
	b.take(b.core.Start(b.now))
	own := quorum.Vote{Leader: 3}
	closed := 0
	step := func(in zab.Input) {
		o := b.core.Zab(b.now, in)
		closed += len(o.Close)
		b.take(o)
	}
	hello := zab.Packet{Type: zab.TypeFollowerInfo,
		Data: zab.AppendLearnerInfo(nil, zab.LearnerInfo{SID: 2, ProtocolVersion: 0x10000})}
	flood := func(from, to zab.ConnID) {
		for conn := from; conn < to; conn++ {
			step(zab.Input{Kind: zab.Opened, Conn: conn, Remote: fmt.Sprint("flood:", conn)})
			step(zab.Input{Kind: zab.Closed, Conn: conn, Remote: fmt.Sprint("flood:", conn), Reject: event.RejectClosed})
		}
	}
	flood(100, 1100)
	step(zab.Input{Kind: zab.Opened, Conn: 1, Remote: "talker"})
	step(zab.Input{Kind: zab.Received, Conn: 1, Packet: hello})
	step(zab.Input{Kind: zab.Received, Conn: 1, Packet: hello})
	step(zab.Input{Kind: zab.Opened, Conn: 2, Remote: "learner"})
	step(zab.Input{Kind: zab.Received, Conn: 2, Packet: hello})
	flood(1100, 2100)
	if len(b.core.early) != 2 || closed != 1 {
		t.Errorf("%d inputs are kept, and %d connections were closed", len(b.core.early), closed)
	}
	b.says(1, quorum.Looking, own, 1)
	b.says(2, quorum.Looking, own, 1)
	if n := count[event.EpochProposed](b.events); n != 1 {
		t.Errorf("%d epochs proposed: the learner was not heard", n)
	}
	if n := count[event.HandshakeRejected](b.events); n != 2000 {
		t.Errorf("%d of 2000 rejections were told", n)
	}
}

// TestEarlyIsBounded: connections that stay are refused when there are too many.
func TestEarlyIsBounded(t *testing.T) {
	b := newBench(t, 3)
	b.take(b.core.Start(b.now))
	closed := 0
	for conn := range zab.ConnID(2 * maxEarly) {
		o := b.core.Zab(b.now, zab.Input{Kind: zab.Opened, Conn: conn})
		closed += len(o.Close)
		b.take(o)
	}
	if len(b.core.early) != maxEarly || closed != maxEarly {
		t.Errorf("%d inputs are kept, and %d connections were closed", len(b.core.early), closed)
	}
}
