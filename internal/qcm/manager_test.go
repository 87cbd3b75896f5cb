package qcm

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
)

func TestNewNamesEveryProblem(t *testing.T) {
	_, err := New(Options{Self: quorum.AnonymousSID, BindRetry: -1, ConnectTimeout: -1})
	for _, want := range []string{"handler", "emitter", "reserved", "announce", "negative limit", "negative timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not speak of %q", err, want)
		}
	}
	opt := onNet(memnet.New(), 1)
	opt.Handler, opt.Events = newSpy(), event.NewEmitter(1, time.Now, newRecorder())
	opt.Announce = []string{"zoo1:99999"}
	if _, err := New(opt); err == nil {
		t.Error("a port that ends the listener of a real server would be announced")
	}
}

// TestExchange is scenario C1: messages in both directions, then the smaller server dials while connected,
// which costs one reconnect, then messages again; a stopped manager does not listen.
func TestExchange(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		v := members(t, 0, 1)
		zero, one := start(t, onNet(net, 0), with(v)), start(t, onNet(net, 1), with(v))
		synctest.Wait()
		zero.say(1, "first of 0")
		one.say(0, "first of 1")
		zero.spy.await(t, "frame 1 first of 1", 1)
		one.spy.await(t, "frame 0 first of 0", 1)
		synctest.Wait()
		mark := one.rec.mark()

		raw(t, net, ip(0), 1, hello(t, 0, at(0))).Close()
		await(t, one.rec, mark, func(e event.ConnectionDown) bool { return e.Reason == event.DropReplaced })
		time.Sleep(time.Minute)
		if n := count[event.ConnectionUp](one.rec, mark, nil); n != 1 {
			t.Errorf("%d reconnects, want 1\n%s", n, transcript(one.rec.all()[mark:]))
		}
		zero.say(1, "second of 0")
		one.say(0, "second of 1")
		zero.spy.await(t, "frame 1 second of 1", 1)
		one.spy.await(t, "frame 0 second of 0", 1)
		if l := one.link(0); !l.Connected || !l.DialledByUs || !l.Known {
			t.Errorf("%+v", l)
		}
		if l := zero.link(1); !l.Connected || l.DialledByUs {
			t.Errorf("%+v", l)
		}
		zero.halt()
		one.halt()
		if _, err := net.Host(ip(0)).Dial(t.Context(), at(1)); err == nil {
			t.Error("a stopped manager listens")
		}
		if n := net.Conns(); n != 0 {
			t.Errorf("%d connections left over", n)
		}
	})
}

// TestDeadAddress is scenario C2: nobody waits for an address that does not answer.
func TestDeadAddress(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		net.BlackHole(at(1), true)
		n := start(t, onNet(net, 2), with(members(t, 1, 2)))
		synctest.Wait()
		began := time.Now()
		n.say(1, "hello")
		if time.Since(began) != 0 {
			t.Errorf("Send took %s", time.Since(began))
		}
		at := await(t, n.rec, 0, func(e event.ConnectionAttempt) bool { return e.Result == event.DialTimeout })
		n.spy.await(t, "failed 1", 1)
		if at.Duration != 5*time.Second || time.Since(began) != 5*time.Second {
			t.Errorf("%+v after %s", at, time.Since(began))
		}
		n.halt()
	})
}

// TestCrashIsFelt checks that the death of a peer, the dial that follows and its failure take no time.
func TestCrashIsFelt(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		v := members(t, 1, 2, 3)
		a, b := start(t, onNet(net, 1), with(v)), start(t, onNet(net, 2), with(v))
		a.spy.onDown = func(peer quorum.SID) { a.say(peer, "again") }
		b.spy.onDown = func(peer quorum.SID) { b.say(peer, "again") }
		c := start(t, onNet(net, 3), with(v))
		for _, n := range []*node{a, b, c} {
			for _, peer := range []quorum.SID{1, 2, 3} {
				n.say(peer, "vote")
			}
		}
		time.Sleep(time.Second)
		began, marks := time.Now(), map[*node]int{a: a.rec.mark(), b: b.rec.mark()}
		net.Crash(ip(3))
		a.spy.await(t, "failed 3", 1)
		b.spy.await(t, "failed 3", 1)
		if took := time.Since(began); took != 0 {
			t.Errorf("took %s", took)
		}
		for _, n := range []*node{a, b} {
			if r := await[event.ConnectionDown](t, n.rec, marks[n], nil); r.Peer != 3 || r.Reason != event.DropReset {
				t.Errorf("%+v", r)
			}
		}
		if a.link(2).Peer != 2 || !a.link(2).Connected {
			t.Error("the others' link is gone too")
		}
		a.halt()
		b.halt()
		c.stop()
		<-c.done // it lost its listener: what it says of that is not the matter here
	})
}

// TestQueueOfOne checks 3.2 and 3.3: the newest message waits, the last one is repeated on a new link, and
// not after Forget.
func TestQueueOfOne(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		v := members(t, 1, 2)
		two := start(t, onNet(net, 2), with(v))
		synctest.Wait()
		for i, text := range []string{"a", "b", "c"} {
			two.Send(Message{[]byte(text), event.NotificationSent{Peer: 1, MessageID: uint64(i + 1), Cause: event.SendOwnVote}})
		}
		two.spy.await(t, "failed 1", 1)
		if n := count[event.NotificationReplaced](two.rec, 0, nil); n != 2 {
			t.Errorf("%d messages replaced, want 2", n)
		}
		if !two.link(1).Waiting {
			t.Error("nothing waits")
		}
		one := start(t, onNet(net, 1), with(v))
		synctest.Wait()
		one.say(2, "hi") // the smaller one's preamble brings the link
		one.spy.await(t, "frame 2 c", 1)
		if e := await[*event.NotificationSent](t, two.rec, 0, nil); e.MessageID != 3 || e.Cause != event.SendOwnVote {
			t.Errorf("%+v", e)
		}
		two.spy.await(t, "frame 1 hi", 1)
		mark := two.rec.mark()
		net.Break(ip(1), ip(2))
		synctest.Wait()
		two.ConnectAll()
		one.spy.await(t, "frame 2 c", 2)
		if e := await[*event.NotificationSent](t, two.rec, mark, nil); e.MessageID != 3 || e.Cause != event.SendReconnect {
			t.Errorf("%+v", e)
		}
		two.spy.await(t, "frame 1 hi", 2)
		two.Forget()
		net.Break(ip(1), ip(2))
		synctest.Wait()
		two.ConnectAll()
		time.Sleep(time.Second)
		if n := one.spy.seen("frame 2 c"); n != 2 || !two.link(1).Connected {
			t.Errorf("heard %d times, link %+v", n, two.link(1))
		}
		one.halt()
		two.halt()
	})
}

// TestDialLarger checks that a dial to a larger sid brings a preamble and nothing else, and that what waits
// goes out on the connection that comes back.
func TestDialLarger(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		larger, err := net.Host(ip(9)).Listen(at(9))
		if err != nil {
			t.Fatal(err)
		}
		n := start(t, onNet(net, 2), with(members(t, 2, 9)))
		synctest.Wait()
		n.say(9, "one")
		c, err := larger.Accept()
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(c)
		want := Preamble{FormV1, 2, []string{at(2)}}
		got, perr := ReadPreamble(strings.NewReader(string(all)))
		if err != nil || perr != nil || len(all) != 20+len(at(2)) || got.SID != 2 || got.Addresses[0] != want.Addresses[0] {
			t.Fatalf("heard %q, %v, %v", all, err, perr)
		}
		c.Close()
		n.say(9, "two") // no second preamble: the first is fresh
		synctest.Wait()
		if k := count[event.ConnectionAttempt](n.rec, 0, nil); k != 1 {
			t.Errorf("%d dials", k)
		}
		back := raw(t, net, ip(9), 2, hello(t, 9, at(9)))
		if frame, err := ReadFrame(back); err != nil || string(frame) != "two" {
			t.Errorf("%q, %v", frame, err)
		}
		larger.Close()
		n.halt()
		back.Close()
	})
}

// TestDialLargerThatForgets checks that a message which was queued while the larger peer should have dialled
// brings another preamble.
func TestDialLargerThatForgets(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		larger, err := net.Host(ip(9)).Listen(at(9))
		if err != nil {
			t.Fatal(err)
		}
		n := start(t, onNet(net, 2), with(members(t, 2, 9)))
		synctest.Wait()
		n.say(9, "one")
		for range 2 {
			c, err := larger.Accept()
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			n.say(9, "two")
			c.Close()
		}
		larger.Close()
		n.spy.await(t, "failed 9", 1)
		n.halt()
	})
}

// TestSettledIsSilent checks that a manager with nothing to do does nothing, and that reconnects leave
// nothing behind.
func TestSettledIsSilent(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		v := members(t, 1, 2)
		one, two := start(t, onNet(net, 1), with(v)), start(t, onNet(net, 2), with(v))
		synctest.Wait()
		two.say(1, "hello")
		one.spy.await(t, "frame 2 hello", 1)
		time.Sleep(time.Minute)
		mark, goroutines := two.rec.mark(), runtime.NumGoroutine()
		time.Sleep(24 * time.Hour)
		if events := two.rec.all()[mark:]; len(events) > 0 {
			t.Errorf("settled, yet\n%s", transcript(events))
		}
		for range 50 {
			net.Break(ip(1), ip(2))
			synctest.Wait()
			two.ConnectAll()
			time.Sleep(time.Minute)
		}
		if now := runtime.NumGoroutine(); now > goroutines+5 { // the runtime has some of its own
			t.Errorf("%d goroutines became %d", goroutines, now)
		}
		if n := net.Conns(); n != 2 {
			t.Errorf("%d ends of connections", n)
		}
		one.halt()
		two.halt()
	})
}

// TestSlowHandler checks that a handler that takes its time over one peer's frame delays no other peer, and
// that the peer's next link waits for it.
func TestSlowHandler(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		v := members(t, 1, 2, 3)
		one := start(t, onNet(net, 1), with(v))
		hold := make(chan struct{})
		one.spy.onFrame = func(peer quorum.SID, frame []byte) {
			if string(frame) == "slow" {
				<-hold
			}
		}
		two, three := start(t, onNet(net, 2), with(v)), start(t, onNet(net, 3), with(v))
		synctest.Wait()
		two.say(1, "slow")
		one.spy.await(t, "frame 2 slow", 1)
		three.say(1, "quick")
		one.spy.await(t, "frame 3 quick", 1)
		two.Drop(1)
		synctest.Wait()
		two.say(1, "next")
		time.Sleep(time.Second)
		if one.spy.seen("up 2") != 1 || one.spy.seen("frame 2 next") != 0 {
			t.Error("the next link did not wait")
		}
		close(hold)
		one.spy.await(t, "frame 2 next", 1)
		one.halt()
		two.halt()
		three.halt()
	})
}

func TestRunOnce(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		n := start(t, onNet(net, 1))
		synctest.Wait()
		if err := n.Run(t.Context()); err == nil {
			t.Error("ran twice")
		}
		n.halt()
		n.say(2, "too late") // no panic, no goroutine
		n.ConnectAll()
		if errors.Is(n.Run(t.Context()), ErrListen) {
			t.Error("wrong error")
		}
	})
}

// TestForgetDropsWhatWaits checks that a peer which comes back after the election does not hear a vote from
// before its end.
func TestForgetDropsWhatWaits(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		v := members(t, 1, 2)
		two := start(t, onNet(net, 2), with(v))
		synctest.Wait()
		two.say(1, "a vote")
		synctest.Wait()
		if !two.link(1).Waiting {
			t.Fatal("nothing waits for the peer that is away")
		}
		two.Forget()
		if two.link(1).Waiting {
			t.Error("the vote still waits")
		}
		one := start(t, onNet(net, 1), with(v))
		synctest.Wait()
		one.say(2, "hi")
		two.spy.await(t, "frame 1 hi", 1)
		if n := one.spy.seen("frame 2 a vote"); n != 0 {
			t.Errorf("the old vote was heard %d times", n)
		}
		one.halt()
		two.halt()
	})
}
