package fle

import (
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// ofThree is an election of a server of three voters, whose configuration has a version.
func ofThree(t *testing.T, self quorum.SID, version quorum.Version) *Election {
	t.Helper()
	spec := quorum.Spec{Version: version}
	for sid := quorum.SID(1); sid <= 3; sid++ {
		spec.Members = append(spec.Members, quorum.Member{SID: sid, Addresses: []quorum.Address{{Host: "127.0.0.1", QuorumPort: 2888, ElectionPort: 3888}}})
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Self: self, View: v, MessageSeed: uint64(self), Reconfig: true, Parse: quorum.ParseOptions{Standalone: true}})
}

// sentTo is what out has for a server.
func sentTo(t *testing.T, out Output, sid quorum.SID) []byte {
	t.Helper()
	for _, s := range out.Sends {
		if s.Sent.Peer == sid {
			return s.Frame
		}
	}
	t.Fatalf("nothing is sent to server %d", sid)
	return nil
}

// TestAnotherVersionKeepsTheVotes: a configuration that differs in its version alone does not cost a server the votes that it has
// counted, its own first of all, which it does not count again.
func TestAnotherVersionKeepsTheVotes(t *testing.T) {
	now := time.Unix(1000, 0)
	one, three := ofThree(t, 1, 2), ofThree(t, 3, 1)
	first := three.Start(now, event.ReasonStart, 0, 0)
	one.Start(now, event.ReasonStart, 0, 0)
	out := one.Step(now, Input{Kind: Frame, Peer: 3, Frame: sentTo(t, first, 1)})
	out = three.Step(now, Input{Kind: Frame, Peer: 1, Frame: sentTo(t, out, 3)})
	if out.Adopted == nil || out.Adopted.Version() != 2 {
		t.Fatalf("not adopted: %+v", out)
	}
	for range 10 {
		if out.Decision != nil {
			break
		}
		now = out.Deadline
		out = three.Tick(now)
	}
	if out.Decision == nil || out.Decision.State != quorum.Leading {
		t.Errorf("no decision until %s after the start: %+v", now.Sub(time.Unix(1000, 0)), out)
	}
}

// TestUnlinkedWait: while a voter has no link the vote is repeated every five seconds at least, since nothing else dials.
func TestUnlinkedWait(t *testing.T) {
	for _, c := range []struct {
		linked []quorum.SID
		want   time.Duration
	}{{nil, 5 * time.Second}, {[]quorum.SID{2}, 5 * time.Second}, {[]quorum.SID{2, 3}, time.Minute}} {
		now := time.Unix(1000, 0)
		e := ofThree(t, 1, 1)
		out := e.Start(now, event.ReasonStart, 0, 0)
		for _, sid := range c.linked {
			out = e.Step(now, Input{Kind: LinkUp, Peer: sid})
		}
		for range 20 {
			now = out.Deadline
			out = e.Tick(now)
		}
		if got := out.Deadline.Sub(now); got != c.want {
			t.Errorf("links with %v: repeated after %s, want %s", c.linked, got, c.want)
		}
	}
}

// TestHighestRound: an election that begins when the highest round was reached is heard by the others.
func TestHighestRound(t *testing.T) {
	now := time.Unix(1000, 0)
	one, three := ofThree(t, 1, 1), ofThree(t, 3, 1)
	for _, e := range []*Election{one, three} {
		e.Start(now, event.ReasonStart, 0, 0)
		e.Step(now, Input{Kind: Frame, Peer: 2, Frame: Append(nil, Notification{State: quorum.Looking, Vote: quorum.Vote{Leader: 2}, Round: maxRound,
			Version: 2, Text: []byte(e.views.committed.Text())})})
	}
	out := one.Start(now, event.ReasonLeaderLost, 0, 0)
	three.Start(now, event.ReasonLeaderLost, 0, 0)
	out = three.Step(now, Input{Kind: Frame, Peer: 1, Frame: sentTo(t, out, 3)})
	ev, ok := out.Events[0].(*event.NotificationReceived)
	if !ok || ev.Outcome != event.ReceivedCounted || three.round != maxRound {
		t.Errorf("round %d: %+v", three.round, out.Events[0])
	}
}
