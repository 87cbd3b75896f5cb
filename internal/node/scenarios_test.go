package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// These are the behaviours that ZooKeeper's own suite checks between several servers (elections, part A),
// over loopback TCP. Their numbers are those of docs/scenarios.md, which says where each row is tested.

// lose stops the leader and waits for the next one.
func lose(t *testing.T, c *cluster, leader event.LeaderEstablished) event.LeaderEstablished {
	t.Helper()
	mark := c.mark()
	c.stop(leader.Leader)
	next := c.settle(mark)
	if next.Epoch <= leader.Epoch || next.Leader == leader.Leader {
		t.Fatalf("after %+v came %+v", leader, next)
	}
	return next
}

func TestA1ToA3SevenServersLoseThreeLeaders(t *testing.T) {
	c := newCluster(t, loopback(t, 7, 0), tcp)
	c.start(1, 2, 3, 4, 5, 6, 7)
	leader := c.settle(0)
	for range 3 {
		leader = lose(t, c, leader)
	}
}

func TestA4LateServerWithTheLargestSIDFollows(t *testing.T) {
	c := newCluster(t, loopback(t, 3, 0), tcp)
	c.start(1, 2)
	leader := c.settle(0)
	mark := c.mark()
	c.start(3)
	if got := c.established(mark, 3); got.Leader != leader.Leader || got.Epoch != leader.Epoch {
		t.Errorf("the late server has %+v, the others %+v", got, leader)
	}
}

func TestA5SecondServerStopsWhileAnotherStarts(t *testing.T) {
	c := newCluster(t, loopback(t, 3, 0), tcp)
	c.start(2, 3)
	first := c.settle(0)
	c.stop(3)
	mark := c.mark()
	c.start(1)
	if next := c.settle(mark); next.Epoch <= first.Epoch {
		t.Errorf("epoch %d after %d", next.Epoch, first.Epoch)
	}
}

func TestA6RestartRightAfterTheFirstElection(t *testing.T) {
	for sid := quorum.SID(1); sid <= 3; sid++ {
		c := newCluster(t, loopback(t, 3, 0), tcp)
		c.start(1, 2, 3)
		c.await(0, "a decision of the server", func(s event.Stamped) bool {
			_, ok := s.Event.(event.ElectionDecided)
			return ok && s.Node == sid
		})
		c.stop(sid)
		mark := c.mark()
		c.start(sid)
		c.await(mark, "an established leader", func(s event.Stamped) bool {
			_, ok := s.Event.(event.LeaderEstablished)
			return ok && s.Node == sid
		})
		agreeNow(t, c)
	}
}

// agreeNow asks every running server until all have the same established leader.
func agreeNow(t *testing.T, c *cluster) zab.Established {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		said := map[zab.Established]bool{}
		for _, m := range c.running {
			s, err := m.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			said[s.Established] = true
		}
		for est := range said {
			if len(said) == 1 && est.Epoch > 0 {
				return est
			}
		}
		if time.Now().After(deadline) {
			c.dump()
			t.Fatalf("no agreement: %v", said)
		}
		mark := c.mark()
		c.await(mark, "agreement", func(event.Stamped) bool { return true })
	}
}

// hierarchical makes nine voters in three groups; weighs says what a server weighs.
func hierarchical(t *testing.T, observers int, weighs func(quorum.SID) int64) *quorum.View {
	t.Helper()
	flat := loopback(t, 9, observers)
	spec := quorum.Spec{Members: flat.Members(), Weights: map[quorum.SID]int64{},
		Groups: map[int64][]quorum.SID{1: {1, 2, 3}, 2: {4, 5, 6}, 3: {7, 8, 9}}}
	for _, sid := range flat.Voters() {
		spec.Weights[sid] = weighs(sid)
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestA7ZeroWeightNeverLeads(t *testing.T) {
	view := hierarchical(t, 0, func(sid quorum.SID) int64 {
		if sid <= 3 {
			return 1
		}
		return 0
	})
	c := newCluster(t, view, tcp)
	c.start(1, 2, 3, 4, 5, 6, 7, 8, 9)
	if leader := c.settle(0); leader.Leader > 3 {
		t.Errorf("server %d of weight 0 leads", leader.Leader)
	}
}

func TestA8A9GroupsWithObservers(t *testing.T) {
	c := newCluster(t, hierarchical(t, 2, func(quorum.SID) int64 { return 1 }), tcp)
	// Four of nine are a quorum: two of each of two groups. The observers do not matter.
	c.start(1, 2, 4, 5, 10, 11)
	leader := c.settle(0)
	mark := c.mark()
	for _, sid := range []quorum.SID{1, 2, 4, 5} {
		if sid != leader.Leader {
			c.stop(sid)
			break
		}
	}
	c.await(mark, "quorum lost", func(s event.Stamped) bool {
		lost, ok := s.Event.(event.LeaderLost)
		return ok && s.Node == leader.Leader && lost.Reason == event.ReasonQuorumLost
	})
}

func TestA10ObserversDoNotKeepALeader(t *testing.T) {
	c := newCluster(t, loopback(t, 3, 2), tcp)
	c.start(1, 2, 3, 4, 5)
	leader := c.settle(0)
	mark := c.mark()
	for _, sid := range []quorum.SID{1, 2, 3, 5} {
		if sid != leader.Leader {
			c.stop(sid)
		}
	}
	c.await(mark, "the leader looks again", func(s event.Stamped) bool {
		ch, ok := s.Event.(event.StateChanged)
		return ok && s.Node == leader.Leader && ch.To == quorum.Looking
	})
}

func TestA12PrivateHistoryIsGivenUp(t *testing.T) {
	c := newCluster(t, loopback(t, 3, 0), tcp)
	// Server 3 has a zxid of epoch 0 that nobody else has; all go along with made-up histories.
	c.adjust = func(sid quorum.SID, o *Options) {
		o.Core.Role.Policy = zab.Echo
		if sid == 3 {
			o.Core.Role.LastZxid = 0x7
		}
	}
	c.start(1, 2)
	leader := c.settle(0)
	mark := c.mark()
	c.start(3)
	if got := c.established(mark, 3); got.Leader != leader.Leader || got.Epoch != leader.Epoch {
		t.Errorf("the server with the highest zxid has %+v, the others %+v", got, leader)
	}
}

func TestA13DisloyalVoter(t *testing.T) {
	c := newCluster(t, loopback(t, 5, 0), tcp)
	c.start(1, 2, 3)
	leader := c.settle(0)
	gone := quorum.SID(1)
	if leader.Leader == gone {
		gone = 2
	}
	mark := c.mark()
	c.stop(gone)
	c.await(mark, "quorum lost", func(s event.Stamped) bool {
		_, ok := s.Event.(event.LeaderLost)
		return ok && s.Node == leader.Leader
	})
	mark = c.mark()
	c.start(4)
	if next := c.settle(mark); next.Epoch <= leader.Epoch {
		t.Errorf("epoch %d after %d", next.Epoch, leader.Epoch)
	}
}

func TestA14OneLeavesAndFiveGoOn(t *testing.T) {
	c := newCluster(t, loopback(t, 5, 0), tcp)
	c.start(1, 2, 3, 4, 5)
	leader := c.settle(0)
	gone := quorum.SID(1)
	if leader.Leader == gone {
		gone = 2
	}
	c.stop(gone)
	if est := agreeNow(t, c); est.Leader != leader.Leader || est.Epoch != leader.Epoch {
		t.Errorf("%+v became %+v when a follower of five left", leader, est)
	}
}

// noNames is a network that cannot resolve one name.
type noNames struct{ qcm.TCP }

var errNoSuchName = errors.New("no such host")

func (n noNames) Lookup(ctx context.Context, host string) ([]string, error) {
	if host == "nowhere.example" {
		return nil, errNoSuchName
	}
	return n.TCP.Lookup(ctx, host)
}

func TestA15UnresolvableName(t *testing.T) {
	members := slices.Clone(loopback(t, 2, 0).Members())
	members[1].Addresses = []quorum.Address{{Host: "nowhere.example", QuorumPort: 2888, ElectionPort: 3888}}
	view, err := quorum.NewView(quorum.Spec{Members: members})
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, view, func(quorum.SID) qcm.Network { return noNames{} })
	c.start(1)
	c.await(0, "a complaint about the name", func(s event.Stamped) bool {
		r, ok := s.Event.(event.PeerResolved)
		return ok && r.Host == "nowhere.example" && len(r.Addresses) == 0
	})
	c.await(0, "a failed dial", func(s event.Stamped) bool {
		a, ok := s.Event.(event.ConnectionAttempt)
		return ok && a.Result == event.DialUnresolved
	})
	if s, err := c.running[1].Status(t.Context()); err != nil || s.State != quorum.Looking {
		t.Errorf("the other server is %s, %v", s.State, err)
	}
}

func TestA17IPv6(t *testing.T) {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("this machine has no IPv6: %v", err)
		}
		t.Skipf("this machine has no IPv6: %v", err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	members := slices.Clone(loopback(t, 3, 0).Members())
	for i := range members {
		a := members[i].Addresses[0]
		a.Host = "0:0:0:0:0:0:0:1"
		members[i].Addresses = []quorum.Address{a}
	}
	view, err := quorum.NewView(quorum.Spec{Members: members})
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, view, tcp)
	c.adjust = func(sid quorum.SID, o *Options) {
		m, _ := view.Member(sid)
		o.QuorumListen = []string{fmt.Sprintf("[::1]:%d", m.Addresses[0].QuorumPort)}
		o.Links.Listen = []string{fmt.Sprintf("[::1]:%d", m.Addresses[0].ElectionPort)}
		o.Links.Announce = []string{fmt.Sprintf("[0:0:0:0:0:0:0:1]:%d", m.Addresses[0].ElectionPort)}
	}
	c.start(1, 2, 3)
	c.settle(0)
}

func TestA18RollingRestarts(t *testing.T) {
	c := newCluster(t, loopback(t, 3, 0), tcp)
	c.start(1, 2, 3)
	c.settle(0)
	restart := func(sid quorum.SID) {
		t.Helper()
		c.stop(sid)
		c.start(sid)
		agreeNow(t, c)
	}
	for _, sid := range []quorum.SID{1, 2, 3, 3, 2, 1} {
		restart(sid)
	}
	for range 3 {
		restart(agreeNow(t, c).Leader)
	}
}

func TestA19FollowersStopAndStart(t *testing.T) {
	c := newCluster(t, loopback(t, 3, 0), tcp)
	c.start(1, 2, 3)
	first := c.settle(0)
	mark := c.mark()
	for _, sid := range c.sids() {
		if sid != first.Leader {
			c.stop(sid)
		}
	}
	c.await(mark, "the leader gives up", func(s event.Stamped) bool {
		_, ok := s.Event.(event.LeaderLost)
		return ok && s.Node == first.Leader
	})
	mark = c.mark()
	for _, sid := range c.view.Voters() {
		if sid != first.Leader {
			c.start(sid)
		}
	}
	if next := c.settle(mark); next.Epoch <= first.Epoch {
		t.Errorf("epoch %d after %d", next.Epoch, first.Epoch)
	}
}

// TestE5AnotherConfigurationWithReconfigOff: two servers with a configuration of five join three that know
// only themselves, and nobody's configuration changes.
func TestE5AnotherConfigurationWithReconfigOff(t *testing.T) {
	five := loopback(t, 5, 0)
	three, err := quorum.NewView(quorum.Spec{Members: five.Members()[:3]})
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, five, tcp)
	c.adjust = func(sid quorum.SID, o *Options) {
		if sid <= 3 {
			o.Core.Election.View = three
		}
	}
	c.start(1, 2, 3)
	leader := c.settle(0)
	mark := c.mark()
	c.start(4, 5)
	if got := c.established(mark, 4, 5); got.Leader != leader.Leader || got.Epoch != leader.Epoch {
		t.Errorf("4 and 5 have %+v, the three have %+v", got, leader)
	}
	knows(t, c, 1, 3)
	knows(t, c, 4, 5)
}

// knows checks how many voters a server's configuration has.
func knows(t *testing.T, c *cluster, sid quorum.SID, voters int) {
	t.Helper()
	s, err := c.running[sid].Status(t.Context())
	if err != nil || len(s.View.Voters()) != voters {
		t.Errorf("server %d knows %d voters, want %d, %v", sid, len(s.View.Voters()), voters, err)
	}
}

// TestE6ServerByServer: with a fourth member, the first three restarted one by one with the new
// configuration, everybody ends with four.
func TestE6ServerByServer(t *testing.T) {
	four := loopback(t, 4, 0)
	three, err := quorum.NewView(quorum.Spec{Members: four.Members()[:3]})
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, four, tcp)
	old := map[quorum.SID]bool{1: true, 2: true, 3: true}
	c.adjust = func(sid quorum.SID, o *Options) {
		if old[sid] {
			o.Core.Election.View = three
		}
	}
	c.start(1, 2, 3)
	c.settle(0)
	c.start(4)
	agreeNow(t, c)
	for sid := quorum.SID(1); sid <= 3; sid++ {
		c.stop(sid)
		old[sid] = false
		mark := c.mark()
		c.start(sid)
		// An old server cannot follow 4, which it does not know; a new one follows anybody.
		c.established(mark, sid)
	}
	agreeNow(t, c)
	for _, sid := range c.sids() {
		knows(t, c, sid, 4)
	}
}

// TestE1E3PendingConfiguration: while a change is pending, a leader needs quorums of both configurations.
func TestE1E3PendingConfiguration(t *testing.T) {
	flat := loopback(t, 4, 0)
	before, err := quorum.NewView(quorum.Spec{Members: flat.Members()[:2]})
	if err != nil {
		t.Fatal(err)
	}
	after, err := quorum.NewView(quorum.Spec{Version: 0x100000000, Members: flat.Members()[1:]})
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, flat, tcp)
	c.adjust = func(sid quorum.SID, o *Options) {
		o.Core.Election.View, o.Core.Election.LastSeen = before, after
	}
	c.start(1, 2) // a quorum of the old configuration, none of the new one
	c.await(0, "both vote for 2", func(s event.Stamped) bool {
		ch, ok := s.Event.(event.VoteChanged)
		return ok && s.Node == 1 && ch.To.Leader == 2
	})
	for _, sid := range []quorum.SID{1, 2} {
		if s, err := c.running[sid].Status(t.Context()); err != nil || s.State != quorum.Looking {
			t.Fatalf("server %d is %s with half of what is needed, %v", sid, s.State, err)
		}
	}
	mark := c.mark()
	c.start(3)
	c.established(mark, 1, 2)
}
