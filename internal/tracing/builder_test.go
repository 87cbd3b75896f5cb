package tracing

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
)

// start is when every test begins.
func start() time.Time { return time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC) }

// rig is a builder of server self among voters 1 to 3 and observer 4.
type rig struct {
	*builder
	t        testing.TB
	now      time.Time
	election uint64
	spans    []span
	dropped  uint64
}

func newRig(t testing.TB, self quorum.SID) *rig {
	r := &rig{t: t, now: start()}
	r.builder = newBuilder(self, view(t, 3, 1), fixed(uint64(self)), func(s span) { r.spans = append(r.spans, s) },
		func(n uint64) { r.dropped += n })
	return r
}

// after lets time pass and then takes events.
func (r *rig) after(d time.Duration, events ...event.Event) {
	r.t.Helper()
	r.now = r.now.Add(d)
	for _, ev := range events {
		if s, ok := ev.(event.ElectionStarted); ok {
			r.election++
			s.At = r.now
			ev = s
		}
		if !r.take(event.Stamped{Time: r.now, Node: r.self, Election: r.election, Event: ev}) {
			r.t.Fatalf("%s is not known", ev.Name())
		}
	}
	r.tick(r.now)
}

// looks begins an election in round.
func (r *rig) looks(reason string, round quorum.Round) {
	r.t.Helper()
	r.after(0, event.ElectionStarted{Reason: reason}, event.RoundChanged{To: round, Cause: event.RoundStart, Peer: r.self})
}

// decides ends the election in round with leader.
func (r *rig) decides(leader quorum.SID, round quorum.Round, how event.How, epoch quorum.Epoch) {
	r.t.Helper()
	state := quorum.Following
	if leader == r.self {
		state = quorum.Leading
	}
	r.after(time.Millisecond, event.ElectionDecided{Vote: vote(leader, epoch), Round: round, State: state, How: how})
}

// leads brings the node under an established leader, and shows it.
func (r *rig) leads(leader quorum.SID, epoch quorum.Epoch) {
	r.t.Helper()
	r.looks(event.ReasonStart, 1)
	r.decides(leader, 1, event.HowAllHeard, epoch-1)
	r.after(time.Millisecond, event.LeaderEstablished{Leader: leader, Epoch: epoch})
	r.after(time.Minute)
}

func vote(leader quorum.SID, epoch quorum.Epoch) quorum.Vote {
	return quorum.Vote{Leader: leader, PeerEpoch: epoch}
}

func sent(peer quorum.SID, id uint64, cause event.SendCause, state quorum.State, v quorum.Vote, round quorum.Round) event.Event {
	return &event.NotificationSent{Peer: peer, MessageID: id, Cause: cause,
		Notification: event.Notification{State: state, Vote: v, Round: round}}
}

// got is a notification of an electnode whose election began at, received a millisecond after it was sent.
func (r *rig) got(peer quorum.SID, id uint64, outcome event.ReceiveOutcome, at time.Time, state quorum.State,
	v quorum.Vote, round quorum.Round) event.Event {
	return &event.NotificationReceived{Peer: peer, MessageID: id, Outcome: outcome, SentAt: r.now.Add(-time.Millisecond),
		ElectionAt: at, Notification: event.Notification{State: state, Vote: v, Round: round}}
}

// tree prints the spans of a trace, children under their parents, times in ms since the start of the test.
func (r *rig) tree(in traceid.Trace) string {
	var out strings.Builder
	var under func(parent traceid.Span, depth int)
	line := func(s span, depth int) {
		fmt.Fprintf(&out, "%s%s %d-%d", strings.Repeat("  ", depth), s.name, s.start.Sub(start()).Milliseconds(),
			s.end.Sub(start()).Milliseconds())
		for _, k := range []string{"peer", "cause", "outcome", "file"} {
			if v := s.attr(k); v != "" {
				fmt.Fprintf(&out, " %s", v)
			}
		}
		for _, n := range s.notes {
			fmt.Fprintf(&out, ", %s", n.name)
		}
		if s.failed != "" {
			out.WriteString(" FAILED")
		}
		out.WriteString("\n")
		under(s.id, depth+1)
	}
	under = func(parent traceid.Span, depth int) {
		for _, s := range r.spans {
			if s.trace == in && s.parent == parent && s.id != parent {
				line(s, depth)
			}
		}
	}
	here := func(id traceid.Span) bool {
		return slices.ContainsFunc(r.spans, func(s span) bool { return s.trace == in && s.id == id })
	}
	for _, s := range r.spans {
		if s.trace == in && !here(s.parent) {
			if s.parent != (traceid.Span{}) {
				out.WriteString("under " + r.name(in, s.parent) + ": ")
			}
			line(s, 0)
		}
	}
	return out.String()
}

// name says what a span of another node is.
func (r *rig) name(in traceid.Trace, id traceid.Span) string {
	if id == traceid.Root(in) {
		return "the root"
	}
	return "message " + strings.TrimLeft(id.String(), "0")
}

func (s *span) attr(name string) string {
	for _, kv := range s.attrs {
		if kv.Key == attribute.Key("electnode."+name) || kv.Key == attribute.Key(name) {
			return kv.Value.Emit()
		}
	}
	return ""
}

func (r *rig) want(in traceid.Trace, want string) {
	r.t.Helper()
	if diff := cmp.Diff(strings.TrimLeft(want, "\n"), r.tree(in)); diff != "" {
		r.t.Errorf("-want +got:\n%s", diff)
	}
}

// find is the only span with this name in a trace.
func (r *rig) find(in traceid.Trace, name string) span {
	r.t.Helper()
	var found []span
	for _, s := range r.spans {
		if s.trace == in && s.name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		r.t.Fatalf("%d spans %s in %s", len(found), name, in)
	}
	return found[0]
}

func (r *rig) epoch(n quorum.Epoch) traceid.Trace {
	return traceid.Election(r.view.EnsembleID(), n)
}

// TestLeader is a whole election as its leader shows it.
func TestLeader(t *testing.T) {
	r := newRig(t, 3)
	early := r.now.Add(-20 * time.Millisecond)
	r.looks(event.ReasonStart, 1)
	r.after(time.Millisecond, sent(2, 0xa, event.SendOwnVote, quorum.Looking, vote(3, 0), 1))
	r.after(4*time.Millisecond, r.got(2, 0xb, event.ReceivedNewerRound, early, quorum.Looking, vote(2, 0), 2),
		event.RoundChanged{From: 1, To: 2, Cause: event.RoundBehindPeer, Peer: 2},
		event.VoteChanged{From: vote(3, 0), To: vote(3, 0), Round: 2, Cause: event.VoteNewRound, Peer: 2, MessageID: 0xb})
	r.after(5*time.Millisecond, event.QuorumReached{Vote: vote(3, 0), Round: 2, Supporters: []quorum.SID{2, 3}},
		event.QuorumUndone{Round: 2}, event.QuorumReached{Vote: vote(3, 0), Round: 2},
		r.got(2, 0xc, event.ReceivedCounted, early, quorum.Looking, vote(3, 0), 2))
	r.decides(3, 2, event.HowWaited, 0)
	r.after(time.Millisecond, event.EpochProposed{Epoch: 1, From: []quorum.SID{2, 3}})
	r.after(3*time.Millisecond, event.DurableWritten{File: event.FileAccepted, Epoch: 1, Duration: 2 * time.Millisecond},
		event.EpochPromised{Leader: 3, Epoch: 1})
	r.after(3*time.Millisecond, event.DurableWritten{File: event.FileCurrent, Epoch: 1, Duration: 2 * time.Millisecond})
	r.after(time.Millisecond, event.FollowerJoined{Peer: 2}, event.LeaderEstablished{Leader: 3, Epoch: 1})
	r.after(time.Millisecond, event.FollowerJoined{Peer: 1})
	if len(r.spans) != 0 {
		t.Errorf("%d spans before late events had time to come", len(r.spans))
	}
	r.after(2 * time.Second)
	r.want(r.epoch(1), `
election -20-19 leading
  round 0-5 3 start
    notification send 1-1 2 own_vote
  round 5-11 2 behind_peer, vote change, quorum reached, quorum undone, quorum reached
  establish epoch 11-19
    promise 12-15
      durable write 13-15 acceptedEpoch
    acknowledge 16-18 3
      durable write 16-18 currentEpoch
    acknowledge 15-19 2
    acknowledge 20-20 1
under message b: notification receive 5-5 2 newer_round
under message c: notification receive 10-10 2 counted
`)
	root := r.find(r.epoch(1), nameElection)
	if root.id != traceid.Root(root.trace) || root.remote || root.attr("looking_at") != "2026-01-02T15:04:05Z" ||
		root.attr("epoch") != "1" || root.attr("how") != "waited" || root.attr("sid") != "3" {
		t.Errorf("root: %+v", root)
	}
}

// TestExactStart: a node's election begins exactly when its notifications say, or a root that begins with it on
// another node would begin too late.
func TestExactStart(t *testing.T) {
	r := newRig(t, 2)
	at := time.Now() // with a monotonic clock
	r.after(0)
	for n := range uint64(100) {
		r.take(event.Stamped{Time: at.Add(time.Duration(n) * time.Microsecond), Node: 2, Election: n + 1,
			Event: event.ElectionStarted{At: at.Add(time.Duration(n))}})
	}
	r.flush(at.Add(time.Second))
	for n, s := range r.spans {
		if want := at.UnixNano() + int64(n); s.start.UnixNano() != want {
			t.Fatalf("%d, want %d", s.start.UnixNano(), want)
		}
	}
}

// TestFollower is the same of a follower: its election is a child of the leader's.
func TestFollower(t *testing.T) {
	r := newRig(t, 2)
	r.looks(event.ReasonStart, 1)
	r.decides(3, 1, event.HowAllHeard, 0)
	r.after(3*time.Millisecond, event.DurableWritten{File: event.FileAccepted, Epoch: 1, Duration: time.Millisecond},
		event.EpochPromised{Leader: 3, Epoch: 1})
	r.after(time.Millisecond, event.SyncReceived{Leader: 3, Type: "DIFF"})
	r.after(3*time.Millisecond, event.DurableWritten{File: event.FileCurrent, Epoch: 1, Duration: 2 * time.Millisecond})
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 3, Epoch: 1})
	r.after(time.Second)
	r.want(r.epoch(1), `
under the root: election 0-9 following
  round 0-1 2 start
  establish epoch 1-9
    promise 3-4
      durable write 3-4 acceptedEpoch
    synchronise 4-5
    acknowledge 6-8 2
      durable write 6-8 currentEpoch
`)
	if s := r.find(r.epoch(1), nameElection); !s.remote || s.failed != "" {
		t.Errorf("%+v", s)
	}
}

// TestUnfinished: an election without end is visible while it lasts, and linked from what follows.
func TestUnfinished(t *testing.T) {
	r := newRig(t, 2)
	r.looks(event.ReasonStart, 1)
	prov := r.tracker.Info().Provisional()
	r.after(traceid.Patience - time.Millisecond)
	if len(r.spans) > 0 {
		t.Fatalf("%d spans before patience ran out", len(r.spans))
	}
	r.after(time.Millisecond)
	r.want(prov, "election 0-1000 unfinished FAILED\n  round 0-1000 2 start\n")
	r.after(500*time.Millisecond, sent(3, 0xa, event.SendResend, quorum.Looking, vote(2, 0), 1),
		r.got(3, 0xb, event.ReceivedCounted, r.now, quorum.Looking, vote(3, 0), 1),
		event.VoteChanged{To: vote(3, 0), Round: 1, Cause: event.VoteBetterSID, Peer: 3})
	for range 120 {
		r.after(time.Second / 2)
	}
	r.want(prov, `
election 0-1000 unfinished FAILED
  round 0-1000 2 start
  election 1000-3000 unfinished FAILED
    round 1000-3000 2 start, vote change
      notification send 1500-1500 3 resend
      notification receive 1500-1500 3 counted
  election 3000-7000 unfinished FAILED
    round 3000-7000 2 start
  election 7000-15000 unfinished FAILED
    round 7000-15000 2 start
  election 15000-31000 unfinished FAILED
    round 15000-31000 2 start
  election 31000-61000 unfinished FAILED
    round 31000-61000 2 start
`)
	r.after(0, r.got(3, 0xc, event.ReceivedCounted, r.now.Add(-time.Second/4), quorum.Looking, vote(3, 0), 1))
	r.decides(3, 1, event.HowWaited, 0)
	r.after(time.Millisecond, event.LeaderEstablished{Leader: 3, Epoch: 4})
	r.after(2 * time.Second)
	r.want(r.epoch(4), `
under the root: election 0-61502 following
  round 61000-61501 2 start
  establish epoch 61501-61502
under message c: notification receive 61500-61500 3 counted
`)
	if s := r.find(r.epoch(4), nameElection); !slices.Contains(s.links, link{prov, traceid.Root(prov), linkParts}) {
		t.Errorf("links %v", s.links)
	}
}

// TestPostponed: an election that is decided when its patience runs out gets a little more.
func TestPostponed(t *testing.T) {
	r := newRig(t, 2)
	r.looks(event.ReasonStart, 1)
	r.after(990 * time.Millisecond)
	r.decides(3, 1, event.HowWaited, 0)
	r.after(950 * time.Millisecond)
	if len(r.spans) > 0 {
		t.Error("not postponed")
	}
	r.after(100 * time.Millisecond)
	if s := r.find(r.tracker.Info().Provisional(), nameElection); s.failed == "" || s.attr("outcome") != "following" {
		t.Errorf("%+v", s)
	}
}

// TestEndsWithoutLeader: aborted elections, and decisions that come to nothing, are shown at their end.
func TestEndsWithoutLeader(t *testing.T) {
	r := newRig(t, 3)
	r.leads(3, 7)
	r.spans = nil
	r.after(0, event.LeaderLost{Leader: 3, Epoch: 7, Reason: event.ReasonQuorumLost, Detail: "alone"})
	r.looks(event.ReasonQuorumLost, 2)
	first := r.tracker.Info().Provisional()
	r.after(10*time.Millisecond, event.ElectionAborted{Reason: event.ReasonConfigChange})
	r.looks(event.ReasonConfigChange, 1)
	second := r.tracker.Info().Provisional()
	r.decides(2, 1, event.HowWaited, 7)
	r.after(20*time.Millisecond, event.StateChanged{From: quorum.Following, To: quorum.Looking})
	r.looks(event.ReasonNoLeader, 2)
	r.after(time.Second / 2)
	const at = 60002 // when it lost its leader
	r.want(r.epoch(7), fmt.Sprintf("under the root: leader lost %d-%d FAILED\n", at, at))
	r.want(first, fmt.Sprintf("election %d-%d aborted FAILED\n  round %d-%d 3 start\n", at, at+10, at, at+10))
	r.want(second, fmt.Sprintf("election %d-%d following FAILED\n  round %d-%d 3 start\n  establish epoch %d-%d FAILED\n",
		at+10, at+31, at+10, at+11, at+11, at+31))
	lost := link{r.epoch(7), traceid.Lost(r.epoch(7), 3), linkCause}
	if s := r.find(first, nameElection); !slices.Equal(s.links, []link{lost}) || s.attr("error.type") != "aborted" {
		t.Errorf("first: %+v", s)
	}
	if s := r.find(second, nameElection); !slices.Equal(s.links, []link{{first, traceid.Root(first), linkBefore}}) ||
		s.attr("error.type") != "not_established" || s.attr("ended") != event.ReasonNoLeader {
		t.Errorf("second: %+v", s)
	}
	if s := r.find(r.epoch(7), nameLost); s.id != lost.span || s.remote || s.attr("reason") != event.ReasonQuorumLost {
		t.Errorf("loss: %+v", s)
	}
}

// TestStop: what waits is shown when the node stops, and when its process was killed and began again.
func TestStop(t *testing.T) {
	for _, last := range []event.Event{event.NodeStopped{}, event.NodeStarted{View: view(t, 3, 1)}} {
		r := newRig(t, 2)
		r.looks(event.ReasonStart, 1)
		prov := r.tracker.Info().Provisional()
		r.after(time.Millisecond, last)
		r.want(prov, "election 0-1 aborted FAILED\n  round 0-1 2 start\n")
		if !r.deadline().IsZero() {
			t.Errorf("still something to do after %s", last.Name())
		}
	}
}
