package qcm

import (
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm/memnet"
)

// TestPeerThatDoesNotRead checks that such a peer is dropped after WriteTimeout, delays nobody, can come
// back at any time, and then gets the message that did not get through.
func TestPeerThatDoesNotRead(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		n := start(t, onNet(net, 1), with(members(t, 1, 2, 3)))
		synctest.Wait()
		deaf := raw(t, net, ip(2), 1, hello(t, 2, at(2)))
		fine := raw(t, net, ip(3), 1, hello(t, 3, at(3)))
		n.spy.await(t, "up 2", 1)
		n.spy.await(t, "up 3", 1)
		n.say(2, string(make([]byte, MaxFrame)))
		began := time.Now()
		synctest.Wait()
		n.say(3, "hello")
		if f, err := ReadFrame(fine); err != nil || string(f) != "hello" || time.Since(began) != 0 {
			t.Errorf("%q, %v after %s", f, err, time.Since(began))
		}
		n.spy.await(t, "down 2", 1)
		if e := await[event.ConnectionDown](t, n.rec, 0, nil); e.Reason != event.DropWriteTimeout || time.Since(began) != 5*time.Second {
			t.Errorf("%+v after %s", e, time.Since(began))
		}
		deaf.Close()

		deaf = raw(t, net, ip(2), 1, hello(t, 2, at(2)))
		n.spy.await(t, "up 2", 2)
		began = time.Now()
		again := raw(t, net, ip(2), 1, hello(t, 2, at(2))) // while the writer is stuck
		if f, err := ReadFrame(again); err != nil || len(f) != MaxFrame || time.Since(began) != 0 {
			t.Errorf("%d bytes, %v after %s", len(f), err, time.Since(began))
		}
		sent := await(t, n.rec, 0, func(e *event.NotificationSent) bool { return e.Cause == event.SendReconnect })
		if sent.Peer != 2 {
			t.Errorf("%+v", sent)
		}
		for _, c := range []interface{ Close() error }{deaf, again, fine} {
			c.Close()
		}
		n.halt()
	})
}

// TestLateOlderConnection checks that of two connections of a larger peer the one it made last is kept, even
// when its preamble is read first.
func TestLateOlderConnection(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		n := start(t, onNet(net, 1), with(members(t, 1, 2)))
		synctest.Wait()
		older := raw(t, net, ip(2), 1, nil)
		synctest.Wait()
		newer := raw(t, net, ip(2), 1, hello(t, 2, at(2)))
		n.spy.await(t, "up 2", 1)
		if _, err := older.Write(hello(t, 2, at(2))); err != nil {
			t.Fatal(err)
		}
		ends(t, older)
		if e := await(t, n.rec, 0, func(e event.ConnectionTieBreak) bool { return e.Outcome == event.TieDropped }); e.Peer != 2 {
			t.Errorf("%+v", e)
		}
		n.say(2, "hello")
		if f, err := ReadFrame(newer); err != nil || string(f) != "hello" {
			t.Errorf("%q, %v", f, err)
		}
		newer.Close()
		n.halt()
	})
}

// TestFaults checks the faults that an operator can set.
func TestFaults(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		v := members(t, 1, 2)
		one, two := start(t, onNet(net, 1), with(v)), start(t, onNet(net, 2), with(v))
		synctest.Wait()
		two.say(1, "a")
		one.spy.await(t, "frame 2 a", 1)

		two.SetFault(1, FaultRefuse)
		two.spy.await(t, "down 1", 1)
		one.spy.await(t, "down 2", 1)
		two.say(1, "b")
		two.spy.await(t, "failed 1", 1)
		one.say(2, "c")
		time.Sleep(time.Minute)
		if two.link(1).Connected || one.link(2).Connected || two.link(1).Fault != FaultRefuse {
			t.Error("linked all the same")
		}
		if e := await[event.ConnectionDown](t, two.rec, 0, nil); e.Reason != event.DropFault {
			t.Errorf("%+v", e)
		}
		two.SetFault(1, 0)
		one.spy.await(t, "frame 2 b", 1)
		two.spy.await(t, "frame 1 c", 1)

		two.SetFault(1, FaultDropOut)
		two.say(1, "lost")
		synctest.Wait()
		one.say(2, "d")
		two.spy.await(t, "frame 1 d", 1)
		two.SetFault(1, FaultDropIn)
		one.say(2, "lost too")
		synctest.Wait()
		two.say(1, "e")
		one.spy.await(t, "frame 2 e", 1)
		time.Sleep(time.Minute)
		if one.spy.seen("frame 2 lost") > 0 || two.spy.seen("frame 1 lost too") > 0 {
			t.Error("heard what was to be lost")
		}
		two.SetFault(1, 0)
		if !two.Drop(1) || two.Drop(7) {
			t.Error("Drop says the wrong thing")
		}
		one.spy.await(t, "down 2", 2)
		one.halt()
		two.halt()
	})
}

// TestCutWire checks that a link lives through a network that holds everything back for a while.
func TestCutWire(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		v := members(t, 1, 2)
		one, two := start(t, onNet(net, 1), with(v)), start(t, onNet(net, 2), with(v))
		synctest.Wait()
		two.say(1, "a")
		one.spy.await(t, "frame 2 a", 1)
		net.Cut(ip(2), ip(1))
		two.say(1, "b")
		one.say(2, "c")
		two.spy.await(t, "frame 1 c", 1)
		time.Sleep(time.Minute)
		if one.spy.seen("frame 2 b") != 0 {
			t.Error("the cut does not hold")
		}
		net.Mend(ip(2), ip(1))
		one.spy.await(t, "frame 2 b", 1)
		if one.spy.seen("down 2")+two.spy.seen("down 1") > 0 {
			t.Error("the link broke")
		}
		one.halt()
		two.halt()
	})
}
