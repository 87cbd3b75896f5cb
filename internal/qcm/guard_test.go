package qcm

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
)

// doorman lets a server speak from its own address alone, ip(sid), and strangers from anywhere. Who comes from slow
// waits until nobody asks any more.
type doorman struct {
	slow string
	lax  atomic.Bool // everybody may speak as anybody
}

func (d *doorman) Admit(ctx context.Context, conn net.Conn, sid quorum.SID) error {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if host == d.slow && err == nil {
		<-ctx.Done()
		err = ctx.Err()
	}
	if d.lax.Load() {
		return nil
	}
	if err != nil || sid < 100 && host != ip(sid) {
		return errors.Join(err, &net.DNSError{Err: "somebody else", Name: host}) // not to be taken for a name without address
	}
	return nil
}

// TestGuardOfCallers: who comes as somebody else is refused before it can touch the link of the real one, strangers and
// the real one get in.
func TestGuardOfCallers(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		opt := onNet(net, 5)
		opt.Guard = &doorman{}
		n := start(t, opt, with(members(t, 5, 6, 7)))
		synctest.Wait()
		real6 := raw(t, net, ip(6), 5, hello(t, 6, at(6)))
		n.spy.await(t, "up 6", 1)
		for _, claim := range []quorum.SID{6, 7} { // one that has a link, one that has none
			mark := n.rec.mark()
			ends(t, raw(t, net, "10.9.9.9", 5, hello(t, claim, "10.9.9.9:1")))
			r := await[event.HandshakeRejected](t, n.rec, mark, nil)
			if r.Reason != event.RejectIdentity || r.Port != event.PortElection || r.Detail != "lookup 10.9.9.9: somebody else" {
				t.Errorf("%+v", r)
			}
		}
		guest := raw(t, net, "10.9.9.9", 5, hello(t, 1000, "10.9.9.9:1"))
		n.spy.await(t, "up 1000", 1)
		if n.spy.seen("down 6") > 0 || n.spy.seen("up 7") > 0 || !n.link(6).Connected {
			t.Errorf("calls: %q", n.spy.calls)
		}
		mark := n.rec.mark()
		ends(t, raw(t, net, "10.9.9.9", 5, hello(t, 5, at(5))))
		if r := await[event.HandshakeRejected](t, n.rec, mark, nil); r.Reason != event.RejectOwnSID {
			t.Errorf("%+v", r)
		}
		real6.Close()
		guest.Close()
		n.halt()
	})
}

// TestGuardThatIsSlow: it has the time of the hand-shake, counts among the half-open, gives way to others as a silent
// socket does, and delays nobody.
func TestGuardThatIsSlow(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		opt := onNet(net, 5)
		opt.Guard, opt.HandshakeTimeout, opt.MaxHalfOpen = &doorman{slow: "10.8.8.8"}, 2*time.Second, 2
		n := start(t, opt, with(members(t, 5, 6)))
		synctest.Wait()
		began := time.Now()
		var waiting []io.Closer
		for range 5 {
			waiting = append(waiting, raw(t, net, "10.8.8.8", 5, hello(t, 6, at(6))))
			synctest.Wait()
		}
		if r := await[event.HandshakeRejected](t, n.rec, 0, nil); r.Reason != event.RejectTooMany || time.Since(began) != 0 {
			t.Errorf("%+v after %s", r, time.Since(began))
		}
		six := raw(t, net, ip(6), 5, hello(t, 6, at(6)))
		n.spy.await(t, "up 6", 1)
		if time.Since(began) != 0 {
			t.Errorf("the member waited %s", time.Since(began))
		}
		r := await(t, n.rec, 0, func(r event.HandshakeRejected) bool { return r.Reason == event.RejectIdentity })
		if r.Duration != 2*time.Second {
			t.Errorf("%+v", r)
		}
		for _, c := range append(waiting, six) {
			c.Close()
		}
		late := raw(t, net, "10.8.8.8", 5, hello(t, 6, at(6)))
		synctest.Wait()
		n.halt() // ends what the guard is asked
		late.Close()
		if time.Since(began) != 2*time.Second {
			t.Errorf("stopping took until %s", time.Since(began))
		}
	})
}

// TestGuardOfTheDialled: where somebody else answers counts as an address that does not answer: it hears nothing, and
// the next one is tried; it is told. With nobody else to try the peer is not reached.
func TestGuardOfTheDialled(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		false1, err := net.Host("1.7.7.7").Listen("1.7.7.7:3888")
		if err != nil {
			t.Fatal(err)
		}
		opt := onNet(net, 2)
		opt.Guard = &doorman{}
		two := start(t, opt, with(view(t, map[quorum.SID][]string{1: {"1.7.7.7", ip(1)}, 2: {ip(2)}})))
		one := start(t, onNet(net, 1), with(members(t, 1, 2)))
		synctest.Wait()
		two.say(1, "hello")
		conn, err := false1.Accept()
		if err != nil {
			t.Fatal(err)
		}
		ends(t, conn) // and heard not a byte
		a := await(t, two.rec, 0, func(a event.ConnectionAttempt) bool { return a.Result != event.DialConnected })
		if a.Result != event.DialIdentity || a.Peer != 1 || a.Address != "1.7.7.7:3888" || a.Detail != "lookup 1.7.7.7: somebody else" {
			t.Errorf("%+v", a)
		}
		one.spy.await(t, "frame 2 hello", 1)
		one.halt()
		false1.Close()
		two.spy.await(t, "down 1", 1)
		mark := two.rec.mark()
		two.say(1, "again")
		two.spy.await(t, "failed 1", 1)
		if k := count(two.rec, mark, func(a event.ConnectionAttempt) bool { return a.Result == event.DialConnected }); k != 0 {
			t.Errorf("%d dials went well", k)
		}
		two.halt()
	})
}

// TestStrangerBecomesMember: the link of a stranger whose sid is a member's from now on ends, if there is a guard; the
// real one gets in.
func TestStrangerBecomesMember(t *testing.T) {
	for _, guarded := range []bool{false, true} {
		bubble(t, func(t *testing.T, net *memnet.Net) {
			opt := onNet(net, 5)
			door := &doorman{}
			door.lax.Store(true) // 7 is a stranger
			if guarded {
				opt.Guard = door
			}
			n := start(t, opt, with(members(t, 5, 6)))
			synctest.Wait()
			false7 := raw(t, net, "10.9.9.9", 5, hello(t, 7, "10.9.9.9:1"))
			six := raw(t, net, ip(6), 5, hello(t, 6, at(6)))
			n.spy.await(t, "up 7", 1)
			n.spy.await(t, "up 6", 1)
			door.lax.Store(false)
			n.SetViews(members(t, 5, 6, 7), members(t, 5, 6))
			synctest.Wait()
			if n.link(7).Connected == guarded || !n.link(6).Connected {
				t.Errorf("guarded %t: the stranger's link %+v, the member's %+v", guarded, n.link(7), n.link(6))
			}
			if guarded {
				if d := await[event.ConnectionDown](t, n.rec, 0, nil); d.Reason != event.DropIdentity || d.Peer != 7 {
					t.Errorf("%+v", d)
				}
				real7 := raw(t, net, ip(7), 5, hello(t, 7, at(7)))
				n.spy.await(t, "up 7", 2)
				real7.Close()
			}
			false7.Close()
			six.Close()
			n.halt()
		})
	}
}

// meanwhile is a guard that lets everybody in; something happens while it is first asked about the server at an address.
type meanwhile struct {
	at   string
	what func()
}

func (g *meanwhile) Admit(_ context.Context, conn net.Conn, _ quorum.SID) error {
	if what := g.what; what != nil && conn.RemoteAddr().String() == g.at {
		g.what = nil
		what()
	}
	return nil
}

// TestMisjudgedCaller: who was let in as a stranger is not the link of a member that it has become meanwhile.
func TestMisjudgedCaller(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		opt, guard := onNet(net, 5), &meanwhile{}
		opt.Guard = guard
		n := start(t, opt, with(members(t, 5, 6)))
		synctest.Wait()
		conn, err := net.Host("10.9.9.9").Dial(t.Context(), at(5))
		if err != nil {
			t.Fatal(err)
		}
		guard.at, guard.what = conn.LocalAddr().String(), func() { n.SetViews(members(t, 5, 6, 7), members(t, 5, 6)) }
		if _, err := conn.Write(hello(t, 7, "10.9.9.9:1")); err != nil {
			t.Fatal(err)
		}
		ends(t, conn)
		if e := await[event.HandshakeRejected](t, n.rec, 0, nil); e.Reason != event.RejectIdentity || e.Detail != viewsChanged {
			t.Errorf("%+v", e)
		}
		seven := raw(t, net, ip(7), 5, hello(t, 7, at(7))) // judged as a member
		n.spy.await(t, "up 7", 1)
		seven.Close()
		n.halt()
	})
}

// TestMisjudgedAnswer: the same for who is called; it is called again.
func TestMisjudgedAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		opt, guard := onNet(net, 5), &meanwhile{at: at(3)}
		opt.Guard = guard
		n := start(t, opt, with(members(t, 5, 6)))
		guard.what = func() { n.SetViews(members(t, 3, 5, 6), members(t, 5, 6)) }
		ln, err := net.Host(ip(3)).Listen(at(3))
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		synctest.Wait()
		ends(t, raw(t, net, ip(3), 5, hello(t, 3, at(3)))) // the smaller is dialled back
		first, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		ends(t, first) // and heard nothing
		a := await(t, n.rec, 0, func(a event.ConnectionAttempt) bool { return a.Peer == 3 })
		if a.Result != event.DialIdentity || a.Detail != viewsChanged {
			t.Errorf("%+v", a)
		}
		n.say(3, "hello")
		second, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		n.spy.await(t, "up 3", 1)
		second.Close()
		n.halt()
	})
}
