package node

import (
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
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
	const bound = maxEarly + 2*3
	for conn := range zab.ConnID(2 * bound) {
		o := b.core.Zab(b.now, zab.Input{Kind: zab.Opened, Conn: conn})
		closed += len(o.Close)
		b.take(o)
	}
	if len(b.core.early) != bound || closed != bound {
		t.Errorf("%d inputs are kept, and %d connections were closed", len(b.core.early), closed)
	}
}

// TestPortHasRoomForMembers: of silent connections to the quorum port one host may have 32, and one for each member: one
// more, and the first gives way, not the second.
func TestPortHasRoomForMembers(t *testing.T) {
	const members, bound = 40, 32 + 40
	c := newCluster(t, loopback(t, members, 0), tcp)
	c.start(1)
	c.await(0, "the port is asked for", func(s event.Stamped) bool { return s.Event.Name() == "ElectionStarted" })
	m, _ := c.view.Member(1)
	var conns []net.Conn
	for len(conns) <= bound {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(m.Addresses[0].QuorumPort)))
		if err != nil {
			continue // not listening yet
		}
		t.Cleanup(func() { conn.Close() })
		conns = append(conns, conn)
	}
	rejected := func(conn net.Conn) string {
		return c.await(0, "a rejection", func(s event.Stamped) bool {
			r, ok := s.Event.(event.HandshakeRejected)
			return ok && r.Remote == conn.LocalAddr().String()
		}).Event.(event.HandshakeRejected).Reason
	}
	if reason := rejected(conns[0]); reason != event.RejectTooMany {
		t.Errorf("the first: %s", reason)
	}
	if _, err := fmt.Fprint(conns[1], "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Error(err)
	}
	if reason := rejected(conns[1]); reason != event.RejectFirstPacket {
		t.Errorf("the second: %s", reason)
	}
}

// TestEarlyStranger: a learner that came before this server's decision, when its id was no member's, does not count when
// a configuration is adopted in which it is: it has to come again, and to be judged as a member.
func TestEarlyStranger(t *testing.T) {
	b := newBench(t, 3)
	b.core = NewCore(CoreOptions{Election: fle.Options{Self: 3, View: b.core.view, Reconfig: true},
		Role: zab.Options{Tick: time.Second, InitLimit: 5, SyncLimit: 3, ReconfigOn: true}})
	b.take(b.core.Start(b.now))
	hello := zab.Packet{Type: zab.TypeFollowerInfo, Data: zab.AppendLearnerInfo(nil, zab.LearnerInfo{SID: 7, ProtocolVersion: 0x10000})}
	b.take(b.core.Zab(b.now, zab.Input{Kind: zab.Opened, Conn: 1, Remote: "10.9.9.9:1"}))
	b.take(b.core.Zab(b.now, zab.Input{Kind: zab.Received, Conn: 1, Packet: hello}))
	text := "version=5"
	for _, sid := range []string{"7", "3", "2"} {
		text = "server." + sid + "=127.0.0.1:200" + sid + ":300" + sid + ":participant\n" + text
	}
	n := fle.Notification{State: quorum.Looking, Vote: quorum.Vote{Leader: 3}, Round: 1, Version: fle.CurrentVersion, Text: []byte(text)}
	opened := b.opened
	for range 2 {
		b.take(b.core.Link(b.now, fle.Input{Kind: fle.Frame, Peer: 2, Frame: fle.Append(nil, n)}))
	}
	if !b.bound || b.opened != opened+1 || !b.core.view.IsVoter(7) {
		t.Errorf("bound %t, opened %d times, view %v", b.bound, b.opened-opened, b.core.view.Voters())
	}
	b.pass(500 * time.Millisecond)
	if b.state() != quorum.Leading || count[event.EpochProposed](b.events) > 0 {
		t.Errorf("%s, %d epochs proposed on the word of a stranger", b.state(), count[event.EpochProposed](b.events))
	}
}
