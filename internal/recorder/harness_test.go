package recorder

import (
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// life makes the events of server 1 of three on a clock of its own and hands them straight to a recorder, as its
// goroutine does.
type life struct {
	t   testing.TB
	r   *Recorder
	now time.Time
	e   *event.Emitter
	v   *quorum.View
}

func newLife(t testing.TB, opt Options) *life {
	t.Helper()
	var spec quorum.Spec
	for sid := quorum.SID(1); sid <= 3; sid++ {
		spec.Members = append(spec.Members, quorum.Member{SID: sid,
			Addresses: []quorum.Address{{Host: "zoo.example", QuorumPort: 2888, ElectionPort: 3888}}})
	}
	view, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	opt.Base = start
	l := &life{t: t, r: New(opt), now: start, v: view}
	t.Cleanup(func() { l.r.Close(time.Minute) })
	l.boot()
	return l
}

// boot starts the node, again if it ran before.
func (l *life) boot() {
	l.e = event.NewEmitter(1, func() time.Time { return l.now }, event.SinkFunc(l.r.take))
	l.emit(event.NodeStarted{View: l.v})
}

func (l *life) emit(events ...event.Event) {
	for _, ev := range events {
		if s, ok := ev.(event.ElectionStarted); ok {
			s.At = l.now
			ev = s
		}
		l.e.Emit(ev)
	}
}

func (l *life) pass(d time.Duration) { l.now = l.now.Add(d) }

// look begins an election: a notification to each peer and back.
func (l *life) look(reason string) {
	l.emit(event.ElectionStarted{Reason: reason, Round: 1, Vote: quorum.Vote{Leader: 1}},
		event.RoundChanged{To: 1, Cause: event.RoundStart, Peer: 1})
	for peer := quorum.SID(2); peer <= 3; peer++ {
		l.pass(time.Millisecond)
		l.emit(&event.NotificationSent{Peer: peer, MessageID: 7, Cause: event.SendOwnVote},
			&event.NotificationReceived{Peer: peer, MessageID: 9, Outcome: event.ReceivedCounted})
	}
	l.pass(time.Millisecond)
}

// settle decides the running election and establishes server 3 in epoch.
func (l *life) settle(epoch quorum.Epoch) {
	vote := quorum.Vote{Leader: 3}
	l.emit(event.VoteChanged{From: quorum.Vote{Leader: 1}, To: vote, Round: 1, Cause: event.VoteBetterSID, Peer: 3},
		event.ElectionDecided{Vote: vote, Round: 1, State: quorum.Following, How: event.HowAllHeard,
			Phases: event.Phases{FirstVoteHeard: time.Millisecond, Quorum: 2 * time.Millisecond, Decided: 3 * time.Millisecond}},
		event.StateChanged{To: quorum.Following, Reason: string(event.HowAllHeard)})
	l.pass(time.Millisecond)
	l.emit(event.LeaderEstablished{Leader: 3, Epoch: epoch, After: time.Millisecond})
}

// lose ends the leader.
func (l *life) lose(epoch quorum.Epoch) {
	l.emit(event.LeaderLost{Leader: 3, Epoch: epoch, Reason: event.ReasonLeaderLost, Detail: "EOF"},
		event.StateChanged{From: quorum.Following, Reason: event.ReasonLeaderLost})
	l.pass(time.Microsecond)
}

// good is an election as it should be, a minute of office, and the loss.
func (l *life) good(epoch quorum.Epoch) {
	l.look(event.ReasonLeaderLost)
	l.settle(epoch)
	l.pass(time.Minute)
	l.lose(epoch)
}

// wrong is an election that takes half a minute and comes to no leader.
func (l *life) wrong() {
	l.look(event.ReasonLeaderLost)
	l.pass(30 * time.Second)
	l.emit(event.ResendScheduled{Wait: time.Second})
}

// names are the events of a recording, parsed.
func names(t testing.TB, rec Recording) []string {
	t.Helper()
	var all []string
	for _, line := range rec.Lines {
		s, err := event.ParseJSON(line)
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, s.Event.Name())
	}
	return all
}

// leftOut is how many events the lines themselves say are missing.
func leftOut(t testing.TB, rec Recording) uint64 {
	t.Helper()
	n := uint64(0)
	for _, line := range rec.Lines {
		s, err := event.ParseJSON(line)
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if d, ok := s.Event.(event.EventsDropped); ok && d.Sink == sinkName {
			n += d.Count
		}
	}
	return n
}

func (l *life) must(id string) Recording {
	l.t.Helper()
	rec, ok := l.r.Election(id)
	if !ok {
		l.t.Fatalf("no election %s; there are %d", id, len(l.r.Elections()))
	}
	return rec
}

// taken is the memory that all recordings and the tape take by their own account.
func (l *life) taken() int {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	n := len(l.r.tape.lines.buf) + l.r.current.size()
	for _, rec := range l.r.shelf.all() {
		n += rec.size()
	}
	return n
}
