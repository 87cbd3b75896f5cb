package qcm

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
)

// TestCourtesy: a server that starts in a large ensemble, and finds nobody there, dials all smaller peers and a few of the larger
// ones; the others after some time, or when it is told that the ensemble runs. In a small one it dials all at once.
func TestCourtesy(t *testing.T) {
	const self, large = 5, fewMembers + 4
	for name, c := range map[string]struct {
		members int
		hurry   bool
		atOnce  int
	}{
		"small":         {fewMembers, false, fewMembers - 1},
		"large":         {large, false, self - 1 + scouts},
		"large, hurry":  {large, true, self - 1 + scouts},
		"as many as it": {self - 1 + scouts, false, self - 2 + scouts},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, net *memnet.Net) {
				var sids []quorum.SID
				for i := range c.members {
					sids = append(sids, quorum.SID(i+1))
				}
				n := start(t, onNet(net, self), with(members(t, sids...)), func(n *node) {
					for _, sid := range sids {
						n.say(sid, "hello")
					}
				})
				defer n.halt()
				synctest.Wait()
				dialled := func() int { // so many peers; some of them more than once
					peers := quorum.Set{}
					for _, ev := range n.rec.all() {
						if at, ok := ev.(event.ConnectionAttempt); ok {
							peers.Add(at.Peer)
						}
					}
					return len(peers)
				}
				if got := dialled(); got != c.atOnce {
					t.Errorf("%d dials at once, want %d\n%s", got, c.atOnce, transcript(n.rec.all()))
				}
				if c.hurry {
					n.Hurry()
					n.Hurry()
				} else {
					time.Sleep(time.Duration(c.members)*courtesy - 1)
					synctest.Wait()
					if got := dialled(); got != c.atOnce {
						t.Errorf("%d dials before the time is over, want %d", got, c.atOnce)
					}
					time.Sleep(1)
				}
				synctest.Wait()
				if got := dialled(); got != c.members-1 {
					t.Errorf("%d dials in the end, want %d", got, c.members-1)
				}
				toLast := func() int {
					return count(n.rec, 0, func(at event.ConnectionAttempt) bool { return at.Peer == sids[len(sids)-1] })
				}
				before := toLast()
				n.say(sids[len(sids)-1], "again") // nothing is held back any more
				synctest.Wait()
				if got := toLast(); got != before+1 {
					t.Errorf("%d dials to the last after another message, %d before", got, before)
				}
			})
		})
	}
}

// TestCourtesyIsReturned: larger peers that start a moment later come by themselves, and are heard at once.
func TestCourtesyIsReturned(t *testing.T) {
	const large = fewMembers + 4
	bubble(t, func(t *testing.T, net *memnet.Net) {
		var sids []quorum.SID
		for sid := quorum.SID(1); sid <= large; sid++ {
			sids = append(sids, sid)
		}
		var all []*node
		began := time.Now()
		for _, sid := range sids {
			all = append(all, start(t, onNet(net, sid), with(members(t, sids...)), func(n *node) {
				for _, to := range sids {
					n.say(to, "hello")
				}
			}))
			synctest.Wait()
		}
		for _, n := range all {
			for _, sid := range sids {
				if sid != n.opt.Self && !n.link(sid).Connected {
					t.Errorf("%d has no link with %d", n.opt.Self, sid)
				}
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("took %s", took)
		}
		for _, n := range all {
			n.halt()
		}
	})
}

// TestCourtesyIsForNewcomers: a larger peer whose link was lost is dialled at once, so that it is known whether it is still there.
func TestCourtesyIsForNewcomers(t *testing.T) {
	const large = fewMembers + 4
	bubble(t, func(t *testing.T, net *memnet.Net) {
		var sids []quorum.SID
		for sid := quorum.SID(1); sid <= large; sid++ {
			sids = append(sids, sid)
		}
		n := start(t, onNet(net, 1), with(members(t, sids...)), func(n *node) {
			for _, to := range sids[1:] {
				n.say(to, "hello")
			}
		})
		defer n.halt()
		synctest.Wait()
		for _, sid := range sids[large/2:] { // more than scouts
			peer := raw(t, net, ip(sid), 1, hello(t, sid, at(sid)))
			n.spy.await(t, fmt.Sprintf("up %d", sid), 1)
			peer.Close()
			n.spy.await(t, fmt.Sprintf("down %d", sid), 1)
			mark := n.rec.mark()
			n.say(sid, "are you there?")
			synctest.Wait()
			if count(n.rec, mark, func(at event.ConnectionAttempt) bool { return at.Peer == sid }) == 0 {
				t.Errorf("%d is not dialled", sid)
			}
		}
	})
}
