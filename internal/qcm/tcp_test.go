package qcm

import (
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// loopback makes an ensemble of servers 1..n on loopback ports that are free now.
func loopback(t testing.TB, n int) (*quorum.View, map[quorum.SID]Options) {
	t.Helper()
	var spec quorum.Spec
	all := map[quorum.SID]Options{}
	for sid := range quorum.SID(n) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close() // all at the end, so that no two get the same port
		port := ln.Addr().(*net.TCPAddr).Port
		spec.Members = append(spec.Members, quorum.Member{SID: sid + 1,
			Addresses: []quorum.Address{{Host: "127.0.0.1", QuorumPort: 1, ElectionPort: port}}})
		addr := ln.Addr().String()
		all[sid+1] = Options{Self: sid + 1, Listen: []string{addr}, Announce: []string{addr}, BindRetry: 3}
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	return v, all
}

// awaitLinked waits until every pair has its one link.
func awaitLinked(t *testing.T, nodes map[quorum.SID]*node) {
	t.Helper()
	late := time.After(20 * time.Second)
	for _, n := range nodes {
		for {
			n.rec.mu.Lock()
			grown := n.rec.grown
			n.rec.mu.Unlock()
			err := linked(nodes)
			if err == nil {
				return
			}
			if linkedOne(n, nodes) {
				break
			}
			select {
			case <-grown:
			case <-late:
				for _, n := range nodes {
					t.Logf("server %d\n%s", n.opt.Self, transcript(n.rec.all()))
				}
				t.Fatal(err)
			}
		}
	}
	if err := linked(nodes); err != nil {
		awaitLinked(t, nodes) // one that was done lost a link again meanwhile
	}
}

func linkedOne(n *node, nodes map[quorum.SID]*node) bool {
	for peer := range nodes {
		if peer != n.opt.Self && !n.link(peer).Connected {
			return false
		}
	}
	return true
}

// TestTCPConvergence restarts five servers on loopback TCP, all at the same time.
func TestTCPConvergence(t *testing.T) {
	v, all := loopback(t, 5)
	nodes := map[quorum.SID]*node{}
	boot := func(prepare func(*node)) {
		for sid, opt := range all {
			nodes[sid] = start(t, opt, with(v), prepare)
		}
	}
	for range 5 {
		boot(greet)
		awaitLinked(t, nodes)
		for _, n := range nodes {
			n.stop()
		}
		for _, n := range nodes {
			n.halt()
		}
	}
	boot(func(n *node) {
		greet(n)
		n.spy.onDown = func(peer quorum.SID) { n.say(peer, "final") } // a link may still be replaced by then
	})
	awaitLinked(t, nodes)
	for sid, n := range nodes {
		for peer, other := range nodes {
			if peer != sid {
				n.say(peer, "final")
				other.spy.await(t, fmt.Sprintf("frame %d final", sid), 1)
			}
		}
	}
	for _, n := range nodes {
		n.halt()
	}
}

// TestTCPDeath checks on real sockets what happens when a peer ends: the link goes down, the dial that
// follows is refused, and the handler hears of it.
func TestTCPDeath(t *testing.T) {
	v, all := loopback(t, 2)
	one, two := start(t, all[1], with(v), greet), start(t, all[2], with(v))
	two.say(1, "hello")
	one.spy.await(t, "frame 2 hello", 1)
	before := one.spy.seen("failed 2")
	began := time.Now()
	two.halt()
	one.spy.await(t, "failed 2", before+1)
	t.Logf("took %s", time.Since(began))
	at := await(t, one.rec, 0, func(e event.ConnectionAttempt) bool { return e.Result == event.DialRefused })
	if at.Peer != 2 {
		t.Errorf("%+v", at)
	}
	one.halt()
}

// TestTCPPortTaken checks what ends a process with status 14.
func TestTCPPortTaken(t *testing.T) {
	_, all := loopback(t, 1)
	taken, err := net.Listen("tcp", all[1].Listen[0])
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	opt := all[1]
	opt.BindRetry = 1
	n := start(t, opt)
	defer n.stop()
	if err := <-n.done; !errorsIs(err, ErrListen) || !errorsIs(err, syscall.EADDRINUSE) {
		t.Errorf("Run: %v", err)
	}
}

// echo answers frames, and passes on the answers it gets.
type echo struct {
	m       *Manager
	up      chan struct{}
	answers chan []byte
	reply   bool
}

func (e *echo) LinkUp(quorum.SID) { e.up <- struct{}{} }
func (e *echo) Frame(peer quorum.SID, frame []byte) {
	if e.reply {
		e.m.Send(Message{Frame: frame, Sent: event.NotificationSent{Peer: peer}})
		return
	}
	e.answers <- frame
}
func (e *echo) LinkDown(quorum.SID)   {}
func (e *echo) DialFailed(quorum.SID) {}

// BenchmarkRoundTrip sends a notification of usual size over loopback TCP and waits for the answer.
func BenchmarkRoundTrip(b *testing.B) {
	v, all := loopback(b, 2)
	ends := map[quorum.SID]*echo{}
	stops := make(chan error, 2) // both managers end there
	for sid, opt := range all {
		e := &echo{up: make(chan struct{}, 1), answers: make(chan []byte, 1), reply: sid == 1}
		sink := event.SinkFunc(func(event.Stamped) {})
		opt.Handler, opt.Events = e, event.NewEmitter(sid, time.Now, sink)
		m, err := New(opt)
		if err != nil {
			b.Fatal(err)
		}
		m.SetViews(v, nil)
		e.m, ends[sid] = m, e
	}
	for _, sid := range []quorum.SID{1, 2} {
		go func() { stops <- ends[sid].m.Run(b.Context()) }() // ends with the benchmark's context
	}
	b.Cleanup(func() { <-stops; <-stops })
	frame := make([]byte, 222)
	ask := Message{Frame: frame, Sent: event.NotificationSent{Peer: 1}}
	for linked := false; !linked; {
		ends[2].m.Send(ask)
		select {
		case <-ends[2].answers:
			linked = true
		case <-time.After(10 * time.Millisecond): // the other end does not listen yet
		}
	}
	b.ReportAllocs()
	b.SetBytes(int64(2 * len(frame)))
	for b.Loop() {
		ends[2].m.Send(ask)
		<-ends[2].answers
	}
}

// TestDyingPeer dials a larger peer whose process has ended but for its port, which still takes connections:
// nobody hears the preamble, and the handler is told so when the port closes, not after a wait in vain.
func TestDyingPeer(t *testing.T) {
	v, opts := loopback(t, 2)
	m, _ := v.Member(2)
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", m.Addresses[0].ElectionPort))
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, opts[1], with(v))
	dialled := make(chan struct{})
	// Ends with the first connection, which is neither read nor closed in order: that resets it, as the end of
	// a process does.
	go func() {
		defer close(dialled)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		var b [1]byte
		_, _ = c.Read(b[:]) // something came; the rest is never read
		c.Close()
		ln.Close()
	}()
	n.say(2, "a vote")
	<-dialled
	n.spy.await(t, "failed 2", 1)
	if e := await[event.ConnectionAttempt](t, n.rec, 0, nil); e.Result == event.DialConnected {
		t.Errorf("%+v", e)
	}
	n.halt()
}
