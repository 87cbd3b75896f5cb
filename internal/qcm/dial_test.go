package qcm

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/names"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
)

func errorsIs(err, target error) bool { return errors.Is(err, target) }

// two servers with two addresses each, 10.0.0.S and 10.1.0.S.
func twoAddresses(t testing.TB) *quorum.View {
	return view(t, map[quorum.SID][]string{1: {"10.0.0.1", "10.1.0.1"}, 2: {"10.0.0.2", "10.1.0.2"}})
}

// TestManyAddresses is scenarios D7, D8 and D10: whichever address answers is used, and a dead one delays a
// good one by the stagger at most.
func TestManyAddresses(t *testing.T) {
	for name, c := range map[string]struct {
		dead, refused []string
		delay         time.Duration
		result        string // the call that 2 gets
	}{
		"all good":       {nil, nil, 0, "up 1"},
		"first dead":     {[]string{"10.0.0.1:3888"}, nil, stagger, "up 1"},
		"second dead":    {[]string{"10.1.0.1:3888"}, nil, 0, "up 1"},
		"first refuses":  {nil, []string{"10.0.0.1"}, 0, "up 1"},
		"both refuse":    {nil, []string{"10.0.0.1", "10.1.0.1"}, 0, "failed 1"},
		"both dead":      {[]string{"10.0.0.1:3888", "10.1.0.1:3888"}, nil, 5*time.Second + stagger, "failed 1"},
		"dead, refusing": {[]string{"10.0.0.1:3888"}, []string{"10.1.0.1"}, 5 * time.Second, "failed 1"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, net *memnet.Net) {
				var lns []interface{ Close() error }
				for _, host := range []string{"10.0.0.1", "10.1.0.1"} {
					ln, err := net.Host(host).Listen(host + ":3888")
					if err != nil {
						t.Fatal(err)
					}
					lns = append(lns, ln)
				}
				for _, addr := range c.dead {
					net.BlackHole(addr, true)
				}
				for _, host := range c.refused {
					net.Refuse(host, true)
				}
				n := start(t, onNet(net, 2), with(twoAddresses(t)))
				synctest.Wait()
				began := time.Now()
				n.say(1, "hello")
				n.spy.await(t, c.result, 1)
				if took := time.Since(began); took != c.delay {
					t.Errorf("took %s, want %s\n%s", took, c.delay, transcript(n.rec.all()))
				}
				n.halt()
				for _, ln := range lns {
					ln.Close()
				}
				if open := net.Conns(); open > 0 {
					t.Errorf("%d ends of connections left over", open)
				}
			})
		})
	}
}

// TestIPv6 is the last part of scenario D10.
func TestIPv6(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		v := view(t, map[quorum.SID][]string{1: {"fd00::1"}, 2: {"fd00::2"}})
		var nodes []*node
		for sid, host := range map[quorum.SID]string{1: "fd00::1", 2: "fd00::2"} {
			addr := "[" + host + "]:3888"
			nodes = append(nodes, start(t, Options{Self: sid, Listen: []string{addr}, Announce: []string{addr},
				Network: net.Host(host)}, with(v), func(n *node) { n.say(3-sid, "hello") }))
		}
		for _, n := range nodes {
			n.spy.await(t, fmt.Sprintf("frame %d hello", 3-n.opt.Self), 1)
		}
		for _, n := range nodes {
			n.halt()
		}
	})
}

// TestLastSeenAddress checks that the address of the second view is tried when that of the first is dead.
func TestLastSeenAddress(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		one := start(t, onNet(net, 1))
		old := view(t, map[quorum.SID][]string{1: {"10.0.0.99"}, 2: {ip(2)}})
		n := start(t, onNet(net, 2), func(n *node) { n.SetViews(old, members(t, 1, 2)) })
		synctest.Wait()
		n.say(1, "hello")
		one.spy.await(t, "frame 2 hello", 1)
		n.halt()
		one.halt()
	})
}

// TestDialBackElsewhere checks that a peer that announces itself from another address than the one that a
// dial hangs at is dialled there at once.
func TestDialBackElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		dead := view(t, map[quorum.SID][]string{1: {"10.0.0.99"}, 2: {ip(2)}})
		net.BlackHole("10.0.0.99:3888", true)
		two := start(t, onNet(net, 2), with(dead))
		one := start(t, onNet(net, 1), with(members(t, 1, 2)))
		synctest.Wait()
		two.say(1, "for 1")
		time.Sleep(time.Second)
		began := time.Now()
		one.say(2, "for 2")
		one.spy.await(t, "frame 2 for 1", 1)
		two.spy.await(t, "frame 1 for 2", 1)
		if took := time.Since(began); took != 0 {
			t.Errorf("took %s", took)
		}
		two.halt()
		one.halt()
	})
}

// TestDialBackSameAddress checks that a dial that hangs at the very address that the peer announces is not
// waited for: it may have begun when the peer was not there.
func TestDialBackSameAddress(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		first := make(chan struct{})
		opt := onNet(net, 2)
		opt.Network = &oddHost{Host: net.Host(ip(2)), first: first}
		two := start(t, opt, with(members(t, 1, 2)))
		one := start(t, onNet(net, 1), with(members(t, 1, 2)))
		synctest.Wait()
		two.say(1, "for 1")
		<-first
		time.Sleep(time.Second)
		began := time.Now()
		one.say(2, "for 2")
		one.spy.await(t, "frame 2 for 1", 1)
		if took := time.Since(began); took != 0 {
			t.Errorf("took %s", took)
		}
		two.halt()
		one.halt()
	})
}

// TestDialBackFails checks that the old connection stays when the address in a preamble is bad, and that a
// member without a link is reached where it is configured.
func TestDialBackFails(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		v := members(t, 1, 2)
		two, one := start(t, onNet(net, 2), with(v)), start(t, onNet(net, 1), with(v))
		synctest.Wait()
		raw(t, net, "10.9.9.9", 2, hello(t, 1, "10.0.0.99:1")).Close()
		one.spy.await(t, "up 2", 1) // the configured address
		net.Refuse(ip(1), true)
		mark := two.rec.mark()
		raw(t, net, "10.9.9.9", 2, hello(t, 1, "10.0.0.99:1")).Close()
		for _, addr := range []string{"10.0.0.99:1", at(1)} {
			await(t, two.rec, mark, func(e event.ConnectionAttempt) bool {
				return e.Address == addr && e.Result == event.DialRefused
			})
		}
		time.Sleep(time.Minute)
		if two.spy.seen("down 1") != 0 || two.spy.seen("failed 1") != 0 || !two.link(1).Connected {
			t.Errorf("calls: %q", two.spy.calls)
		}
		two.halt()
		one.halt()
	})
}

// TestSmallerStranger checks that a stranger is dialled back where it says it is, heard and forgotten.
func TestSmallerStranger(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		two := start(t, onNet(net, 2), with(members(t, 2, 3)))
		one := start(t, onNet(net, 1), with(members(t, 1, 2)))
		synctest.Wait()
		one.say(2, "who leads?")
		two.spy.await(t, "frame 1 who leads?", 1)
		two.say(1, "3 does")
		one.spy.await(t, "frame 2 3 does", 1)
		one.halt()
		synctest.Wait()
		if links := two.Links(); len(links) != 0 {
			t.Errorf("remembered: %+v", links)
		}
		two.say(1, "are you there?")
		two.spy.await(t, "failed 1", 1)
		if e := await(t, two.rec, 0, func(e event.ConnectionAttempt) bool { return e.Address == "" }); e.Result != event.DialNoAddress {
			t.Errorf("%+v", e)
		}
		two.halt()
	})
}

// TestNames checks that names are resolved at each dial, that an unresolvable one keeps its last addresses
// (scenario D9), and that a slow resolver delays nobody else, not even another address of the same peer.
func TestNames(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		v := view(t, map[quorum.SID][]string{1: {"one"}, 2: {"two"}, 3: {"0slow", ip(3)}, 4: {"nowhere"}})
		net.Name("one", 0, "10.0.0.99", ip(1)) // the first refuses
		net.Name("0slow", 4*time.Second, ip(3))
		net.Name("nowhere", 0)
		one, three := start(t, onNet(net, 1)), start(t, onNet(net, 3))
		opt := onNet(net, 5)
		book := names.NewBook(opt.Network)
		defer book.Close()
		book.Keep([]string{"one", "two", "0slow", "nowhere"})
		opt.Network = book
		five := start(t, opt, with(v))
		synctest.Wait()
		began := time.Now()
		for sid := range quorum.SID(5) {
			five.say(sid, "hello")
		}
		one.spy.await(t, "frame 5 hello", 1)
		five.spy.await(t, "failed 4", 1)
		if took := time.Since(began); took != 0 {
			t.Errorf("server 1 waited %s for others' names", took)
		}
		three.spy.await(t, "frame 5 hello", 1)
		if took := time.Since(began); took != stagger {
			t.Errorf("server 3 was reached after %s", took)
		}
		await(t, five.rec, 0, func(e event.ConnectionAttempt) bool { return e.Peer == 4 && e.Result == event.DialUnresolved })
		ok := await(t, five.rec, 0, func(e event.PeerResolved) bool { return e.Host == "one" })
		if len(ok.Addresses) != 2 || ok.Peer != 1 {
			t.Errorf("%+v", ok)
		}
		net.Name("one", 0)
		mark := five.rec.mark()
		five.Drop(1)
		five.spy.await(t, "down 1", 1)
		five.ConnectAll()
		one.spy.await(t, "frame 5 hello", 2)
		if e := await(t, five.rec, mark, func(e event.PeerResolved) bool { return e.Host == "one" }); e.Detail == "" || e.Addresses != nil {
			t.Errorf("%+v", e)
		}
		time.Sleep(time.Minute)
		for _, n := range []*node{one, three, five} {
			n.halt()
		}
	})
}

// TestProxyWithoutServer checks that an address where connections are taken and closed at once does not
// make an election that sends at each LinkDown spin.
func TestProxyWithoutServer(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		ln, err := net.Host(ip(1)).Listen(at(1))
		if err != nil {
			t.Fatal(err)
		}
		go func() { // ends with the listener
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				if _, err := ReadPreamble(c); err != nil {
					t.Error(err)
				}
				c.Close()
			}
		}()
		n := start(t, onNet(net, 2), with(members(t, 1, 2)), func(n *node) {
			n.spy.onDown = func(peer quorum.SID) { n.say(peer, "again") }
		})
		synctest.Wait()
		n.say(1, "hello")
		time.Sleep(time.Minute)
		if dials := count[event.ConnectionAttempt](n.rec, 0, nil); dials < 30 || dials > 80 {
			t.Errorf("%d dials in a minute\n%s", dials, transcript(n.rec.all()))
		}
		ln.Close()
		time.Sleep(time.Minute) // then refused: nobody is asked again
		n.halt()
	})
}

// TestReplacedWhileDialling checks that a dial to a larger peer ends when that peer connects.
func TestReplacedWhileDialling(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		net.BlackHole(at(9), true)
		n := start(t, onNet(net, 2), with(members(t, 2, 9)))
		synctest.Wait()
		n.say(9, "hello")
		synctest.Wait()
		c := raw(t, net, ip(9), 2, hello(t, 9, at(9)))
		n.spy.await(t, "up 9", 1)
		synctest.Wait()
		if l := n.link(9); l.Dialling || l.Waiting || !l.Connected {
			t.Errorf("%+v", l)
		}
		time.Sleep(time.Minute)
		if n.spy.seen("failed 9") > 0 || count[event.ConnectionAttempt](n.rec, 0, nil) > 0 {
			t.Errorf("the dial went on\n%s", transcript(n.rec.all()))
		}
		n.halt()
		c.Close()
	})
}
