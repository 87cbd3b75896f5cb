package qcm

import (
	"net"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
)

// proxy accepts at 10.0.0.0 and closes at once, as a proxy without a server behind it does.
func proxy(t *testing.T, network *memnet.Net) net.Listener {
	t.Helper()
	ln, err := network.Host("10.0.0.0").Listen("10.0.0.0:3888")
	if err != nil {
		t.Fatal(err)
	}
	// Ends with its listener.
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	return ln
}

// TestSomebodyElseAtTheFirstAddress: the other addresses of a peer are tried when somebody answers at the first one and nothing
// comes of it, from the larger server and from the smaller, whether they are configured or one name leads to all.
func TestSomebodyElseAtTheFirstAddress(t *testing.T) {
	for _, self := range []quorum.SID{1, 2} {
		other := 3 - self
		for name, hosts := range map[string][]string{"two addresses": {"10.0.0.0", ip(other)}, "one name": {"both"}, "two names": {"bad", "good"}} {
			t.Run(name+" from "+self.String(), func(t *testing.T) {
				bubble(t, func(t *testing.T, network *memnet.Net) {
					ln := proxy(t, network)
					network.Name("both", 0, "10.0.0.0", ip(other))
					network.Name("bad", 0, "10.0.0.0")
					network.Name("good", 0, ip(other))
					v := view(t, map[quorum.SID][]string{self: {ip(self)}, other: hosts})
					peer := start(t, onNet(network, other), with(v))
					n := start(t, onNet(network, self), with(v))
					synctest.Wait()
					for i := range 10 {
						n.say(other, strconv.Itoa(i))
						time.Sleep(time.Second)
					}
					if peer.spy.seen("frame "+self.String()+" 9") == 0 {
						t.Errorf("the last of ten messages is not heard; %d dials, %d of them at the right place", count[event.ConnectionAttempt](n.rec, 0, nil),
							count(n.rec, 0, func(e event.ConnectionAttempt) bool { return e.Address == at(other) }))
					}
					n.halt()
					peer.halt()
					ln.Close()
				})
			})
		}
	}
}

// TestMovedWhileItIsDialled: a dial that hangs at the address of before tries the one of now.
func TestMovedWhileItIsDialled(t *testing.T) {
	bubble(t, func(t *testing.T, network *memnet.Net) {
		network.BlackHole("10.0.0.0:3888", true)
		now := members(t, 1, 2)
		peer := start(t, onNet(network, 1), with(now))
		n := start(t, onNet(network, 2), with(view(t, map[quorum.SID][]string{1: {"10.0.0.0"}, 2: {ip(2)}})))
		synctest.Wait()
		n.say(1, "a")
		time.Sleep(time.Second)
		begun := time.Now()
		n.SetViews(now, nil)
		synctest.Wait()
		if peer.spy.seen("up 2") != 1 || n.spy.seen("failed 1") > 0 || time.Since(begun) > stagger {
			t.Errorf("after %s: %v", time.Since(begun), n.spy.calls)
		}
		n.halt()
		peer.halt()
	})
}
