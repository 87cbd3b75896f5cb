package node

import (
	"errors"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/quorum"
	"electnode/internal/zab"

	"github.com/google/go-cmp/cmp"
)

// bench is a core on fake time, with answers to what must be answered at once.
type bench struct {
	t      *testing.T
	core   *Core
	now    time.Time
	next   time.Time
	events []event.Event
	port   error // what binding the quorum port gives
	bound  bool  // the quorum port is open
	opened int   // how often it was asked for
	dials  int
	hurry  int // how often the others were to be dialled without delay
}

func newBench(t *testing.T, self quorum.SID) *bench {
	t.Helper()
	var spec quorum.Spec
	for sid := quorum.SID(1); sid <= 3; sid++ {
		spec.Members = append(spec.Members, quorum.Member{SID: sid,
			Addresses: []quorum.Address{{Host: "127.0.0.1", QuorumPort: 2000 + int(sid), ElectionPort: 3000 + int(sid)}}})
	}
	view, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, now: time.Unix(1000, 0), core: NewCore(CoreOptions{
		Election: fle.Options{Self: self, View: view},
		Role:     zab.Options{Tick: time.Second, InitLimit: 5, SyncLimit: 3},
	})}
}

func (b *bench) take(o Output) {
	b.t.Helper()
	for {
		b.events = append(b.events, o.Events...)
		b.next = o.Deadline
		if o.DropRole {
			b.bound = false
		}
		if o.OpenPort {
			b.bound = b.port == nil
			b.opened++
		}
		if o.Dial {
			b.dials++
		}
		if o.Hurry {
			b.hurry++
		}
		switch {
		case o.Fatal != nil:
			b.t.Fatal(o.Fatal)
		case o.OpenPort:
			o = b.core.PortOpen(b.now, b.port == nil, text(b.port))
		case o.Persist != nil:
			o = b.core.Zab(b.now, zab.Input{Kind: zab.Persisted})
		default:
			return
		}
	}
}

// says delivers a notification of a peer in the present round.
func (b *bench) says(peer quorum.SID, state quorum.State, vote quorum.Vote, round quorum.Round) {
	b.t.Helper()
	n := fle.Notification{State: state, Vote: vote, Round: round, Version: fle.CurrentVersion,
		Text: []byte(b.core.view.Text())}
	b.take(b.core.Link(b.now, fle.Input{Kind: fle.Frame, Peer: peer, Frame: fle.Append(nil, n)}))
}

// pass lets time go by, deadline by deadline.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	end := b.now.Add(d)
	for !b.next.IsZero() && !b.next.After(end) {
		if b.next.After(b.now) {
			b.now = b.next
		}
		b.take(b.core.Tick(b.now))
	}
	b.now = end
}

func (b *bench) state() quorum.State { return b.core.Status(b.now).State }

func count[E event.Event](events []event.Event) int {
	n := 0
	for _, ev := range events {
		if _, ok := ev.(E); ok {
			n++
		}
	}
	return n
}

// TestA11ElectionFraud: a server made to believe that it leads gives up after initLimit and follows the
// true leader.
func TestA11ElectionFraud(t *testing.T) {
	b := newBench(t, 3)
	b.take(b.core.Start(b.now))
	me := quorum.Vote{Leader: 3}
	b.says(1, quorum.Looking, me, 1)
	b.says(2, quorum.Looking, me, 1)
	if b.state() != quorum.Leading {
		t.Fatalf("%s after all have voted for it", b.state())
	}
	b.pass(5*time.Second - time.Millisecond)
	if b.state() != quorum.Leading {
		t.Fatalf("%s before initLimit is over", b.state())
	}
	b.pass(2 * time.Millisecond)
	if b.state() != quorum.Looking {
		t.Fatalf("%s although nobody came", b.state())
	}
	truth := quorum.Vote{Leader: 2, PeerEpoch: 1}
	b.says(1, quorum.Following, truth, 1)
	b.says(2, quorum.Leading, truth, 1)
	if b.state() != quorum.Following || b.dials != 1 {
		t.Errorf("%s, %d dials, after the true leader was heard", b.state(), b.dials)
	}
}

// TestRunning: that the ensemble runs already is told once, and not because of those who look for a leader.
func TestRunning(t *testing.T) {
	b := newBench(t, 1)
	b.take(b.core.Start(b.now))
	b.says(2, quorum.Looking, quorum.Vote{Leader: 2}, 1)
	b.says(3, quorum.Observing, quorum.Vote{Leader: 3}, 1)
	if b.hurry != 0 {
		t.Errorf("hurry %d times, and nobody leads or follows", b.hurry)
	}
	for range 2 {
		b.says(2, quorum.Following, quorum.Vote{Leader: 3, PeerEpoch: 1}, 1)
		b.says(3, quorum.Leading, quorum.Vote{Leader: 3, PeerEpoch: 1}, 1)
		if b.hurry != 1 {
			t.Errorf("hurry %d times after a follower and a leader were heard, want once", b.hurry)
		}
	}
}

// TestRunningByItself: a server that decides for a leader knows that the ensemble runs.
func TestRunningByItself(t *testing.T) {
	b := newBench(t, 1)
	b.take(b.core.Start(b.now))
	b.says(2, quorum.Looking, quorum.Vote{Leader: 3}, 1)
	b.says(3, quorum.Looking, quorum.Vote{Leader: 3}, 1)
	if b.state() != quorum.Following || b.hurry != 1 {
		t.Errorf("%s, hurry %d times", b.state(), b.hurry)
	}
}

// TestPortTaken: a server whose quorum port cannot be bound does not try a thousand times a second.
func TestPortTaken(t *testing.T) {
	b := newBench(t, 3)
	b.port = errors.New("address already in use")
	b.take(b.core.Start(b.now))
	for range 10 {
		round := b.core.Status(b.now).Election.Round
		b.says(1, quorum.Looking, quorum.Vote{Leader: 3}, round)
		b.says(2, quorum.Looking, quorum.Vote{Leader: 3}, round)
		b.pass(time.Second)
	}
	if n := count[event.ElectionStarted](b.events); n < 2 || n > 12 {
		t.Errorf("%d elections in 10 s", n)
	}
	lost := 0
	for _, ev := range b.events {
		if ch, ok := ev.(event.StateChanged); ok && ch.Reason == event.ReasonPort {
			lost++
		}
	}
	if lost == 0 {
		t.Error("nothing says that the port is the reason")
	}
}

// TestLeaderThatClosesAtOnce: a leader that hangs up on a learner again and again is tried with growing
// pauses, a second at most.
func TestLeaderThatClosesAtOnce(t *testing.T) {
	b := newBench(t, 1)
	b.take(b.core.Start(b.now))
	truth := quorum.Vote{Leader: 3, PeerEpoch: 1}
	begun := b.now
	conn := zab.ConnID(0)
	for b.now.Sub(begun) < 20*time.Second {
		if b.state() == quorum.Looking {
			b.says(2, quorum.Following, truth, 7)
			b.says(3, quorum.Leading, truth, 7)
		}
		if dials := b.dials; dials > int(conn) {
			conn++
			b.take(b.core.Zab(b.now, zab.Input{Kind: zab.Opened, Conn: conn}))
			b.take(b.core.Zab(b.now, zab.Input{Kind: zab.Closed, Conn: conn, Detail: "EOF"}))
			continue
		}
		b.pass(10 * time.Millisecond)
	}
	if b.dials < 15 || b.dials > 40 {
		t.Errorf("%d dials in 20 s", b.dials)
	}
}

// TestEarlyLearner: a learner that knows of the victory a moment before the leader does is heard.
func TestEarlyLearner(t *testing.T) {
	b := newBench(t, 3)
	b.take(b.core.Start(b.now))
	b.take(b.core.Zab(b.now, zab.Input{Kind: zab.Opened, Conn: 1, Remote: "early"}))
	b.take(b.core.Zab(b.now, zab.Input{Kind: zab.Received, Conn: 1, Packet: zab.Packet{Type: zab.TypeFollowerInfo,
		Data: zab.AppendLearnerInfo(nil, zab.LearnerInfo{SID: 1, ProtocolVersion: 0x10000})}}))
	b.says(1, quorum.Looking, quorum.Vote{Leader: 3}, 1)
	b.says(2, quorum.Looking, quorum.Vote{Leader: 3}, 1)
	if n := count[event.EpochProposed](b.events); n != 1 {
		t.Errorf("%d epochs proposed: the early learner was not heard", n)
	}
}

// TestFollowerClosesItsPort: a candidate that adopts a vote and decides in one step stops listening, so that
// nobody who connects to its port can pass for the leader that it dials.
func TestFollowerClosesItsPort(t *testing.T) {
	b := newBench(t, 1)
	b.take(b.core.Start(b.now))
	if !b.bound {
		t.Fatal("a candidate does not listen")
	}
	b.take(b.core.Link(b.now, fle.Input{Kind: fle.DialFailed, Peer: 3}))
	b.says(2, quorum.Looking, quorum.Vote{Leader: 2}, 1)
	if b.state() != quorum.Following || b.dials != 1 || b.bound {
		t.Errorf("%s, %d dials, still listening: %t", b.state(), b.dials, b.bound)
	}
}

// TestResignAndStop: a leader that resigns looks again; the end of a node is said once.
func TestResignAndStop(t *testing.T) {
	b := newBench(t, 3)
	b.take(b.core.Start(b.now))
	b.says(1, quorum.Looking, quorum.Vote{Leader: 3}, 1)
	b.says(2, quorum.Looking, quorum.Vote{Leader: 3}, 1)
	b.take(b.core.Resign(b.now))
	if b.state() != quorum.Looking {
		t.Errorf("%s after it resigned", b.state())
	}
	b.take(b.core.Stop(b.now, nil))
	if count[event.NodeStopped](b.events) != 1 || count[event.ElectionAborted](b.events) != 1 {
		t.Error("the end was not said once")
	}
}

// TestInVain: a learner that never reaches its leader says at its end what was wrong,
// once.
func TestInVain(t *testing.T) {
	b := newBench(t, 1)
	b.take(b.core.Start(b.now))
	other := quorum.Vote{Leader: 3}
	b.says(2, quorum.Looking, other, 1)
	b.says(3, quorum.Looking, other, 1)
	if b.state() != quorum.Following {
		t.Fatal(b.state())
	}
	begun := b.now
	for b.state() == quorum.Following && b.now.Sub(begun) < 10*time.Second {
		b.take(b.core.Zab(b.now, zab.Input{Kind: zab.DialError, Detail: "10.0.0.3:2888: TLS hand-shake: expired"}))
		b.pass(100 * time.Millisecond)
	}
	var told []string
	for _, ev := range b.events {
		switch ev := ev.(type) {
		case event.StateChanged:
			if ev.Detail != "" {
				told = append(told, ev.Reason+": "+ev.Detail)
			}
		case event.LeaderLost:
			told = append(told, ev.Detail)
		}
	}
	want := []string{"no_leader: not reached within 5s: 10.0.0.3:2888: TLS hand-shake: expired"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-want +told)\n%s", diff)
	}
}
