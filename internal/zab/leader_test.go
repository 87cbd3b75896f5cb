package zab

import (
	"slices"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

var testStart = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func testOptions(tb testing.TB, voters string) Options {
	return Options{
		Self: 1, Leader: 2, View: testView(tb, 0, sids(voters), sids("9")), Tick: time.Second, InitLimit: 5, SyncLimit: 3,
		DecidedAt: testStart,
	}
}

func info(typ PacketType, sid quorum.SID) Packet {
	return Packet{Type: typ, Data: AppendLearnerInfo(nil, LearnerInfo{SID: sid, ProtocolVersion: protocolVersion})}
}

// settled is a leader with one connection for each other voter, all serving; the connection has the
// voter's number.
func settled(tb testing.TB, voters string) *Leader {
	tb.Helper()
	l := NewLeader(testOptions(tb, voters))
	step := func(in Input) {
		if l.Step(testStart, in).Persist != nil {
			for l.Step(testStart, Input{Kind: Persisted}).Persist != nil {
			}
		}
	}
	l.Start(testStart)
	for _, sid := range sids(voters)[1:] {
		step(Input{Kind: Opened, Conn: ConnID(sid)})
		step(Input{Kind: Received, Conn: ConnID(sid), Packet: info(TypeFollowerInfo, sid)})
	}
	for _, sid := range sids(voters)[1:] {
		step(Input{Kind: Received, Conn: ConnID(sid), Packet: Packet{Type: TypeAckEpoch, Data: AppendAckEpoch(nil, 0)}})
	}
	for _, sid := range sids(voters)[1:] {
		step(Input{Kind: Received, Conn: ConnID(sid), Packet: Packet{Type: TypeAck, Zxid: quorum.MakeZxid(1, 0)}})
	}
	st := l.Status()
	if st.Phase != Broadcast || len(st.Learners) != len(sids(voters))-1 {
		tb.Fatalf("not settled: %+v", st)
	}
	return l
}

// TestSilentConnectionsAreBounded: there is room for every member to come at once, and for some others.
func TestSilentConnectionsAreBounded(t *testing.T) {
	l := settled(t, "1,2,3")
	const first, bound = 100, maxSilent + 4 // three voters and an observer
	for i := range ConnID(bound) {
		if out := l.Step(testStart, Input{Kind: Opened, Conn: first + i}); len(out.Close) > 0 {
			t.Fatalf("connection %d of %d: closed %v", i+1, bound, out.Close)
		}
	}
	out := l.Step(testStart, Input{Kind: Opened, Conn: first + bound, Remote: "192.0.2.7:1"})
	if len(out.Close) != 1 || out.Close[0] != first {
		t.Errorf("closed %v, want the oldest, %d", out.Close, first)
	}
	if ev, ok := out.Events[0].(event.HandshakeRejected); !ok || ev.Reason != event.RejectTooMany {
		t.Errorf("got %+v", out.Events)
	}
}

func TestStrangersAndDoublesAreBounded(t *testing.T) {
	tests := []struct {
		name  string
		bound int
		sid   func(i int) quorum.SID
	}{
		{"strangers", maxStrangersPerHost, func(i int) quorum.SID { return quorum.SID(1000 + i) }},
		{"an observer", maxPerServer, func(int) quorum.SID { return 9 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := settled(t, "1,2,3")
			join := func(i int) Output {
				conn := ConnID(100 + i)
				l.Step(testStart, Input{Kind: Opened, Conn: conn})
				return l.Step(testStart, Input{Kind: Received, Conn: conn, Packet: info(TypeObserverInfo, tt.sid(i))})
			}
			for i := range tt.bound {
				if out := join(i); len(out.Close) > 0 {
					t.Fatalf("connection %d of %d: closed %v", i+1, tt.bound, out.Close)
				}
			}
			if out := join(tt.bound); len(out.Close) != 1 || out.Close[0] != 100 || len(out.Sends) != 1 {
				t.Errorf("closed %v, sends %v; want the oldest closed, the newest served", out.Close, out.Sends)
			}
			if got := l.Status().Phase; got != Broadcast {
				t.Errorf("phase %v", got)
			}
		})
	}
}

// TestFloodSparesLearners: a flood from one host, of silent connections or of strangers, pushes out none of another.
func TestFloodSparesLearners(t *testing.T) {
	l := settled(t, "1,2,3")
	open := func(conn ConnID, remote string) Output {
		return l.Step(testStart, Input{Kind: Opened, Conn: conn, Remote: remote})
	}
	const slow, stranger, flood = 50, 51, 100
	open(slow, "10.0.0.2:1")
	open(stranger, "10.0.0.4:1")
	l.Step(testStart, Input{Kind: Received, Conn: stranger, Packet: info(TypeObserverInfo, 4)})
	closed := 0
	for i := range ConnID(4 * maxSilent) {
		out := open(flood+i, "10.9.9.9:1")
		closed += len(out.Close)
		if i%2 == 0 {
			out = l.Step(testStart, Input{Kind: Received, Conn: flood + i, Packet: info(TypeObserverInfo, quorum.SID(1000+i))})
			closed += len(out.Close)
		}
		if l.find(slow) == nil || l.find(stranger) == nil || l.find(2) == nil {
			t.Fatalf("after %d of one host: closed %v", i+1, out.Close)
		}
	}
	if want := 4*maxSilent - (maxSilent + 4 - 1) - maxStrangersPerHost; closed != want {
		t.Errorf("%d of the flood were closed, want %d", closed, want)
	}
	out := l.Step(testStart, Input{Kind: Received, Conn: slow, Packet: info(TypeFollowerInfo, 2)})
	if len(out.Close) > 0 || len(out.Sends) != 1 {
		t.Errorf("the slow learner: %+v", out)
	}
}

// To claim the id of a server that is in use must not be enough to push it out.
func TestClaimedIDs(t *testing.T) {
	l := settled(t, "1,2,3")
	for i := range ConnID(2 * maxPerServer) {
		l.Step(testStart, Input{Kind: Opened, Conn: 100 + i})
		out := l.Step(testStart, Input{Kind: Received, Conn: 100 + i, Packet: info(TypeFollowerInfo, 2)})
		if slices.Contains(out.Close, 2) || out.Done != nil {
			t.Fatalf("after %d claims: closed %v, %+v", i+1, out.Close, out.Done)
		}
	}
	if got := len(l.Status().Learners); got != maxPerServer+1 {
		t.Errorf("%d learners, want %d", got, maxPerServer+1)
	}
}

// A process that was stopped for a while makes up for no heartbeat, and its learners have had no chance.
func TestLateTick(t *testing.T) {
	l := settled(t, "1,2,3")
	out := l.Tick(testStart.Add(2700 * time.Millisecond))
	if len(out.Sends) != 2 || !out.Deadline.Equal(testStart.Add(3*time.Second)) {
		t.Errorf("%d packets, next at %s", len(out.Sends), out.Deadline.Sub(testStart))
	}
	early := l.Tick(testStart.Add(2800 * time.Millisecond))
	if len(early.Sends)+len(early.Events) > 0 {
		t.Errorf("a Tick before its time does something: %+v", early)
	}
}

// beat is one half tick with the answers of all learners.
func beat(tb testing.TB, l *Leader, now time.Time) {
	if out := l.Tick(now); out.Done != nil || len(out.Sends) == 0 {
		tb.Fatalf("no heartbeat: %+v", out)
	}
	for _, h := range l.handlers {
		l.Step(now, Input{Kind: Received, Conn: h.conn, Packet: Packet{Type: TypePing, Data: []byte{}}})
	}
}

func TestHeartbeatAllocations(t *testing.T) {
	l := settled(t, "1,2,3,4,5")
	now := testStart
	got := testing.AllocsPerRun(200, func() {
		now = now.Add(500 * time.Millisecond)
		beat(t, l, now)
	})
	// One HeartbeatAnswered for each learner.
	if got > 4 {
		t.Errorf("%v allocations for a half tick with 4 learners, want one each", got)
	}
	f := NewLearner(testOptions(t, "1,2,3"))
	f.Start(now)
	f.Step(now, Input{Kind: Opened, Conn: 1})
	f.stage = learning
	got = testing.AllocsPerRun(200, func() {
		if out := f.Step(now, Input{Kind: Received, Conn: 1, Packet: Packet{Type: TypePing}}); len(out.Sends) != 1 {
			t.Fatalf("no answer: %+v", out)
		}
	})
	if got > 0 {
		t.Errorf("%v allocations for an answered PING, want 0", got)
	}
}

func BenchmarkHalfTick(b *testing.B) {
	for _, voters := range []string{"1,2,3", "1,2,3,4,5", "1,2,3,4,5,6,7"} {
		b.Run(voters, func(b *testing.B) {
			l := settled(b, voters)
			now := testStart
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(500 * time.Millisecond)
				beat(b, l, now)
			}
		})
	}
}
