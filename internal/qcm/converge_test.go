package qcm

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
)

// everybody is the five servers of the convergence tests.
func everybody() []quorum.SID { return []quorum.SID{1, 2, 3, 4, 5} }

// greet makes a node do what an election does: a message to everybody at the start, and to a peer whose
// link broke.
func greet(n *node) {
	n.spy.onDown = func(peer quorum.SID) { n.say(peer, "again") }
	for _, peer := range everybody() {
		n.say(peer, "vote")
	}
}

// linked reports what is wrong with the links of running nodes: each pair must have one, dialled by the
// larger sid.
func linked(nodes map[quorum.SID]*node) error {
	for self, n := range nodes {
		for peer := range nodes {
			l := n.link(peer)
			if peer != self && (!l.Connected || l.DialledByUs != (self > peer)) {
				return fmt.Errorf("server %d has %+v", self, l)
			}
		}
	}
	return nil
}

// TestConvergence restarts servers at random, several at once or all of them, in an orderly way and not,
// with messages in between, and then wants one link for each pair (scenario C5, and 2.3).
func TestConvergence(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T, net *memnet.Net) { converge(t, net, seed) })
		})
	}
}

func converge(t *testing.T, net *memnet.Net, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	net.Latency(time.Duration(rng.IntN(3)) * 5 * time.Millisecond)
	nodes := map[quorum.SID]*node{}
	boot := func(sid quorum.SID) {
		nodes[sid] = start(t, onNet(net, sid), with(members(t, everybody()...)), greet)
	}
	for _, sid := range everybody() {
		boot(sid)
	}
	for range 12 {
		time.Sleep(time.Duration(rng.IntN(40)) * time.Millisecond)
		var hit []quorum.SID
		for _, sid := range everybody() {
			if rng.IntN(3) == 0 {
				hit = append(hit, sid)
			}
		}
		for _, sid := range hit {
			if rng.IntN(2) == 0 {
				net.Crash(ip(sid))
			}
			nodes[sid].stop()
		}
		if rng.IntN(2) == 0 {
			time.Sleep(time.Duration(rng.IntN(40)) * time.Millisecond)
		}
		for _, sid := range hit {
			<-nodes[sid].done
			boot(sid)
		}
		from, to := quorum.SID(1+rng.IntN(5)), quorum.SID(1+rng.IntN(5))
		nodes[from].say(to, "by the way")
	}
	time.Sleep(10 * time.Second)
	synctest.Wait()
	if err := linked(nodes); err != nil {
		t.Error(err)
		for _, n := range nodes {
			t.Logf("server %d\n%s", n.opt.Self, transcript(n.rec.all()))
		}
	}
	if n := net.Conns(); n != 5*4 {
		t.Errorf("%d ends of connections, want 20", n)
	}
	for sid, n := range nodes {
		for peer, other := range nodes {
			if peer != sid {
				n.say(peer, "final")
				other.spy.await(t, fmt.Sprintf("frame %d final", sid), 1)
			}
		}
		t.Logf("server %d had %d links", sid, count[event.ConnectionUp](n.rec, 0, nil))
	}
	for _, n := range nodes {
		n.halt()
	}
}

// TestStartTogether bounds what a simultaneous start of everybody costs.
func TestStartTogether(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		nodes := map[quorum.SID]*node{}
		for _, sid := range everybody() {
			nodes[sid] = start(t, onNet(net, sid), with(members(t, everybody()...)), greet)
		}
		time.Sleep(10 * time.Second)
		if err := linked(nodes); err != nil {
			t.Error(err)
		}
		ups := 0
		for _, n := range nodes {
			ups += count[event.ConnectionUp](n.rec, 0, nil)
			n.halt()
		}
		t.Logf("%d times a link went up at one of its ends; 20 is the least", ups)
	})
}
