package traceid

import (
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

func view(t *testing.T) *quorum.View {
	t.Helper()
	var spec quorum.Spec
	for sid := quorum.SID(1); sid <= 3; sid++ {
		spec.Members = append(spec.Members, quorum.Member{SID: sid,
			Addresses: []quorum.Address{{Host: "zoo.example", QuorumPort: 2888, ElectionPort: 3888 + int(sid)}}})
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// node feeds a tracker with the events of one node.
type node struct {
	Tracker
	sid      quorum.SID
	election uint64
	now      time.Time
}

func (n *node) hears(events ...event.Event) Info {
	for _, ev := range events {
		if start, ok := ev.(event.ElectionStarted); ok {
			n.election++
			start.At = n.now
			ev = start
		}
		n.Observe(event.Stamped{Time: n.now, Node: n.sid, Election: n.election, Event: ev})
		n.now = n.now.Add(time.Millisecond)
	}
	return n.Info()
}

func TestTracker(t *testing.T) {
	v := view(t)
	ensemble := v.EnsembleID()
	at := time.Unix(100, 0)
	leader, follower, late := &node{sid: 3, now: at}, &node{sid: 2, now: at}, &node{sid: 1, now: at.Add(time.Hour)}
	for _, n := range []*node{leader, follower, late} {
		if got := n.hears(event.NodeStarted{View: v}); got.Trace() != (Trace{}) {
			t.Errorf("server %d has a trace before its first election: %s", n.sid, got.Trace())
		}
	}
	first := leader.hears(event.ElectionStarted{})
	if first.Trace() != Unfinished(ensemble, 3, first.Start) || first.Kind != KindUnfinished {
		t.Errorf("a running election: %+v", first)
	}
	established := event.LeaderEstablished{Leader: 3, Epoch: 7}
	leader.hears(event.ElectionDecided{How: event.HowAllHeard, State: quorum.Leading}, established)
	// This one heard settled servers, but from before the epoch: it took part.
	follower.hears(event.ElectionStarted{}, event.ElectionDecided{How: event.HowJoined, Vote: quorum.Vote{PeerEpoch: 6}}, established)
	late.hears(event.ElectionStarted{}, event.ElectionDecided{How: event.HowJoined, Vote: quorum.Vote{PeerEpoch: 7}}, established)
	want := Election(ensemble, 7)
	if got := leader.Info(); got.Trace() != want || got.Kind != KindElection || got.Leader != 3 {
		t.Errorf("the leader's: %+v", got)
	}
	if got := follower.Info().Trace(); got != want {
		t.Errorf("the follower's trace is %s, the leader's %s", got, want)
	}
	if got := late.Info(); got.Kind != KindJoining || got.Trace() != Joining(ensemble, 7, 1, got.Start) {
		t.Errorf("the late joiner's: %+v", got)
	}

	lost := follower.hears(event.LeaderLost{Leader: 3, Epoch: 7, Reason: event.ReasonLeaderLost}, event.ElectionStarted{})
	if lost.Cause == nil || lost.Cause.Trace != want || lost.Before != (Trace{}) || lost.Kind != KindUnfinished {
		t.Errorf("after the loss: %+v", lost)
	}
	again := follower.hears(event.ElectionAborted{}, event.ElectionStarted{})
	if again.Cause != nil || again.Before != lost.Trace() || again.Trace() == lost.Trace() {
		t.Errorf("after an aborted election: %+v", again)
	}
}

// TestIdsDiffer: whatever tells two things apart tells their ids apart, and none is the invalid one.
func TestIdsDiffer(t *testing.T) {
	at := time.Unix(0, 12345)
	seen := map[string]string{"": "none", Span{}.String(): "none"}
	for name, id := range map[string]string{
		"election":             Election("e", 1).String(),
		"other epoch":          Election("e", 2).String(),
		"other ensemble":       Election("f", 1).String(),
		"joining":              Joining("e", 1, 2, at).String(),
		"joining, other start": Joining("e", 1, 2, at.Add(1)).String(),
		"joining, other node":  Joining("e", 1, 3, at).String(),
		"unfinished":           Unfinished("e", 2, at).String(),
		"root":                 Root(Election("e", 1)).String(),
		"other root":           Root(Election("e", 2)).String(),
		"lost":                 Lost(Election("e", 1), 1).String(),
		"lost by another":      Lost(Election("e", 1), 2).String(),
		"message":              Message(1).String(),
	} {
		if other, ok := seen[id]; ok {
			t.Errorf("%s and %s are both %q", name, other, id)
		}
		seen[id] = name
	}
	if got := Message(0xabc).String(); got != "0000000000000abc" {
		t.Errorf("span of message 0xabc: %s", got)
	}
}
