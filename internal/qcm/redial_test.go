package qcm

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
)

// oddHost is a host on which some things take until the test says so.
type oddHost struct {
	*memnet.Host
	dials atomic.Int32
	first chan struct{} // if not nil, the first dial hangs, closes this and ends with its context, or with
	fail  chan error    // what comes from here; nil lets it go on
	write chan struct{} // if not nil, each write on a dialled connection waits for a value
	once  bool          // each listener fails after one connection
}

func (o *oddHost) Dial(ctx context.Context, addr string) (net.Conn, error) {
	if o.first != nil && o.dials.Add(1) == 1 {
		close(o.first)
		select {
		case err := <-o.fail:
			if err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	c, err := o.Host.Dial(ctx, addr)
	if err == nil && o.write != nil {
		c = slowWriter{c, o.write}
	}
	return c, err
}

type slowWriter struct {
	net.Conn
	ready chan struct{}
}

func (s slowWriter) Write(b []byte) (int, error) {
	<-s.ready
	return s.Conn.Write(b)
}

func (o *oddHost) Listen(addr string) (net.Listener, error) {
	ln, err := o.Host.Listen(addr)
	if err == nil && o.once {
		ln = &shortListener{Listener: ln}
	}
	return ln, err
}

type shortListener struct {
	net.Listener
	done bool
}

func (s *shortListener) Accept() (net.Conn, error) {
	if s.done {
		return nil, errors.New("no more")
	}
	s.done = true
	return s.Listener.Accept()
}

// acceptLink takes the next connection of a manager to a server played by the test.
func acceptLink(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPreamble(c); err != nil {
		t.Fatal(err)
	}
	return c
}

func listen(t *testing.T, n *memnet.Net, sid quorum.SID) net.Listener {
	t.Helper()
	ln, err := n.Host(ip(sid)).Listen(at(sid))
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// TestAskedWhileIntroducing checks that a dial-back that is asked for when a dial has its answer, but no link
// yet, is not lost.
func TestAskedWhileIntroducing(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		one := listen(t, net, 1)
		opt := onNet(net, 2)
		host := &oddHost{Host: net.Host(ip(2)), write: make(chan struct{})}
		opt.Network = host
		n := start(t, opt, with(members(t, 1, 2)))
		synctest.Wait()
		n.say(1, "hello")
		synctest.Wait() // the preamble waits to be written
		ends(t, raw(t, net, ip(1), 2, hello(t, 1, at(1))))
		synctest.Wait()
		close(host.write)
		first, second := acceptLink(t, one), acceptLink(t, one)
		if f, err := ReadFrame(second); err != nil || string(f) != "hello" {
			t.Errorf("%q, %v", f, err)
		}
		first.Close()
		second.Close()
		one.Close()
		n.halt()
	})
}

// TestAskedTooEarly checks that a dial-back that seemed to be under way already is made when that fails, or
// leads to a link that is dead.
func TestAskedTooEarly(t *testing.T) {
	for name, result := range map[string]error{"refused": syscall.ECONNREFUSED, "dead link": nil} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, net *memnet.Net) { askedTooEarly(t, net, result) })
		})
	}
}

func askedTooEarly(t *testing.T, net *memnet.Net, result error) {
	one := listen(t, net, 1)
	opt := onNet(net, 2)
	host := &oddHost{Host: net.Host(ip(2)), first: make(chan struct{}), fail: make(chan error)}
	opt.Network = host
	n := start(t, opt, with(members(t, 1, 2)))
	synctest.Wait()
	n.say(1, "hello")
	<-host.first
	ends(t, raw(t, net, ip(1), 2, hello(t, 1, at(1))))
	synctest.Wait()
	host.fail <- result // what that dial reached was the peer's former process, or nothing
	if result == nil {
		acceptLink(t, one).Close()
	}
	c := acceptLink(t, one)
	if f, err := ReadFrame(c); err != nil || string(f) != "hello" {
		t.Errorf("%q, %v", f, err)
	}
	if n.spy.seen("failed 1") > 0 {
		t.Error("told that the peer cannot be reached")
	}
	c.Close()
	one.Close()
	n.halt()
}

// TestAskedBeforeTheLink checks that a dial-back asked for on a connection that is older than the link costs
// no reconnect, unless the link turns out to be dead.
func TestAskedBeforeTheLink(t *testing.T) {
	for _, dead := range []bool{false, true} {
		bubble(t, func(t *testing.T, net *memnet.Net) {
			one := listen(t, net, 1)
			n := start(t, onNet(net, 2), with(members(t, 1, 2)))
			synctest.Wait()
			early := raw(t, net, ip(1), 2, nil)
			synctest.Wait()
			n.say(1, "hello")
			c := acceptLink(t, one)
			synctest.Wait()
			if _, err := early.Write(hello(t, 1, at(1))); err != nil {
				t.Fatal(err)
			}
			ends(t, early)
			if e := await(t, n.rec, 0, func(e event.ConnectionTieBreak) bool { return e.Side == event.Acceptor }); e.Outcome != event.TieDropped {
				t.Errorf("%+v", e)
			}
			if !dead {
				if _, err := c.Write(AppendFrame(nil, []byte("here I am"))); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Minute)
			c.Close()
			if dead {
				acceptLink(t, one).Close()
			}
			time.Sleep(time.Minute)
			dials := count[event.ConnectionAttempt](n.rec, 0, nil)
			if want := map[bool]int{false: 1, true: 2}[dead]; dials != want {
				t.Errorf("%d dials, want %d", dials, want)
			}
			one.Close()
			n.halt()
		})
	}
}

// TestQueuedTooLate checks that a message that a broken link left in the queue is sent on the next one,
// which it brings about itself.
func TestQueuedTooLate(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		one := listen(t, net, 1)
		n := start(t, onNet(net, 2), with(members(t, 1, 2)))
		synctest.Wait()
		n.say(1, string(make([]byte, MaxFrame)))
		c := acceptLink(t, one)
		synctest.Wait()
		n.say(1, "next") // the writer is stuck
		c.Close()
		c = acceptLink(t, one)
		if f, err := ReadFrame(c); err != nil || string(f) != "next" {
			t.Errorf("%q, %v", f, err)
		}
		c.Close()
		one.Close()
		n.halt()
	})
}

// TestOldLinkTakesNothing checks that a link that was replaced leaves the queue alone.
func TestOldLinkTakesNothing(t *testing.T) {
	opt := onNet(memnet.New(), 1)
	opt.Handler, opt.Events = newSpy(), event.NewEmitter(1, time.Now, newRecorder())
	m, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	m.SetViews(members(t, 1, 2), nil)
	p, _ := m.admit(2, "")
	older, _ := m.install(p, nil, false, 1)
	newer, replaced := m.install(p, nil, false, 2)
	if replaced != older {
		t.Error("the old link was not replaced")
	}
	m.Send(Message{[]byte("x"), event.NotificationSent{Peer: 2}})
	if _, ok := older.next(true); ok {
		t.Error("the old link took the message")
	}
	if msg, ok := newer.next(true); !ok || string(msg.Frame) != "x" {
		t.Errorf("the new link got %q, %t", msg.Frame, ok)
	}
}

// TestListenCountResets checks that a connection that was handled starts the count of tries anew.
func TestListenCountResets(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		opt := onNet(net, 1)
		opt.BindRetry = 2
		opt.Network = &oddHost{Host: net.Host(ip(1)), once: true}
		n := start(t, opt)
		synctest.Wait()
		for range 10 {
			raw(t, net, ip(2), 1, nil).Close()
			time.Sleep(bindPause + time.Millisecond)
		}
		if k := count(n.rec, 0, func(e event.ListenFailed) bool { return !e.Final }); k != 10 {
			t.Errorf("%d failures\n%s", k, transcript(n.rec.all()))
		}
		n.halt()
	})
}
