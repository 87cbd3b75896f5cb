package fle

import (
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// threeVoters is an election of server 2 of three voters and an observer.
func threeVoters(tb testing.TB) *Election {
	tb.Helper()
	var spec quorum.Spec
	for sid := quorum.SID(1); sid <= 4; sid++ {
		m := quorum.Member{SID: sid, Addresses: []quorum.Address{{Host: "127.0.0.1", QuorumPort: 2888, ElectionPort: 3888}}}
		if sid == 4 {
			m.Role = quorum.Observer
		}
		spec.Members = append(spec.Members, m)
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		tb.Fatal(err)
	}
	return New(Options{Self: 2, View: v, MessageSeed: 7, Reconfig: true, Parse: quorum.ParseOptions{Standalone: true}})
}

// FuzzStep feeds an election whatever peers may send, links that come and go, and time: no panic, and
// what must always hold does: while LOOKING there is a deadline, a decision is for a voter that weighs
// something, and every answer can be read.
func FuzzStep(f *testing.F) {
	for _, v := range vectors(f) {
		frame := v.bytes(f)
		f.Add([]byte{1, 1, byte(len(frame) >> 8), byte(len(frame))}, frame)
		f.Add([]byte{1, 3, 0, 0, 3, 0, 0, 0, 4, 3, 0, 0}, frame)
	}
	f.Fuzz(func(t *testing.T, script, frame []byte) {
		e := threeVoters(t)
		now := time.Unix(1000, 0)
		out := e.Start(now, event.ReasonStart, 0, 0)
		for ; len(script) >= 4; script = script[4:] {
			peer := quorum.SID(script[1] % 7)
			switch script[0] % 6 {
			case 0, 1:
				cut := min(len(frame), int(script[2])<<8|int(script[3]))
				out = e.Step(now, Input{Kind: Frame, Peer: peer, Frame: frame[:cut], More: script[1]&0x80 != 0})
			case 2:
				out = e.Step(now, Input{Kind: LinkUp, Peer: peer})
			case 3:
				out = e.Step(now, Input{Kind: DialFailed, Peer: peer})
			case 4:
				now = now.Add(time.Duration(script[2]) * 10 * time.Millisecond)
				out = e.Tick(now)
			case 5:
				if e.state != quorum.Looking {
					out = e.Start(now, event.ReasonLeaderLost, 0, 0)
				}
			}
			check(t, e, out)
		}
	})
}

func check(t *testing.T, e *Election, out Output) {
	t.Helper()
	if e.state == quorum.Looking && out.Deadline.IsZero() {
		t.Fatal("LOOKING without a deadline")
	}
	if d := out.Decision; d != nil && (!e.views.isVoter(d.Vote.Leader) || d.State == quorum.Looking) {
		t.Fatalf("decided %+v", *d)
	}
	for _, ev := range out.Events {
		if ev == nil {
			t.Fatal("an event that is none")
		}
	}
	for _, s := range out.Sends {
		if _, err := Decode(s.Frame); err != nil {
			t.Fatalf("sent what cannot be read: %v", err)
		}
	}
}

// TestStepAllocations is the ceiling of what one notification may cost: an answer's frame and events.
func TestStepAllocations(t *testing.T) {
	e := threeVoters(t)
	now := time.Unix(1000, 0)
	e.Start(now, event.ReasonStart, 0, 0)
	frame := Append(nil, Notification{Vote: quorum.Vote{Leader: 1}, Round: 1, Version: 2,
		Text: []byte(e.views.committed.Text())})
	in := Input{Kind: Frame, Peer: 1, Frame: frame}
	if n := testing.AllocsPerRun(200, func() { e.Step(now, in) }); n > 3 {
		t.Errorf("a notification that changes nothing allocates %v times", n)
	}
}

func BenchmarkStep(b *testing.B) {
	e := threeVoters(b)
	now := time.Unix(1000, 0)
	e.Start(now, event.ReasonStart, 0, 0)
	frame := Append(nil, Notification{Vote: quorum.Vote{Leader: 1}, Round: 1, Version: 2,
		Text: []byte(e.views.committed.Text())})
	b.ReportAllocs()
	for b.Loop() {
		e.Step(now, Input{Kind: Frame, Peer: 1, Frame: frame})
	}
}

// TestPhasesOfWhatHappenedAtOnce: a vote that was heard before this server noticed the loss counts from the start
// of its election. That took no time, and still it happened.
func TestPhasesOfWhatHappenedAtOnce(t *testing.T) {
	e := threeVoters(t)
	now := time.Unix(1000, 0)
	e.Start(now, event.ReasonStart, 0, 0)
	vote := quorum.Vote{Leader: 3}
	said := func(round quorum.Round) []byte {
		return Append(nil, Notification{State: quorum.Looking, Vote: vote, Round: round, Version: CurrentVersion, Text: []byte("version=0")})
	}
	for _, peer := range []quorum.SID{1, 3} {
		e.Step(now, Input{Kind: Frame, Peer: peer, Frame: said(1)})
	}
	if e.state != quorum.Following {
		t.Fatalf("%s after all votes for 3", e.state)
	}
	for _, peer := range []quorum.SID{1, 3} {
		e.Step(now, Input{Kind: Frame, Peer: peer, Frame: said(2)})
	}
	out := e.Start(now, event.ReasonLeaderLost, 0, 0)
	for _, ev := range out.Events {
		if decided, ok := ev.(event.ElectionDecided); ok {
			if p := decided.Phases; p.FirstVoteHeard <= 0 || p.Quorum <= 0 || p.Decided <= 0 {
				t.Errorf("phases %+v", p)
			}
			return
		}
	}
	t.Errorf("no decision: %+v", out.Events)
}
