package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/recorder"
	"electnode/internal/traceid"
	"electnode/internal/tracing"
)

const looking, following, leading = quorum.Looking, quorum.Following, quorum.Leading

// story is what was told of server sid since the table was made or asked, a line each.
func (b *table) story(sid quorum.SID) string {
	var all []string
	for _, e := range b.events {
		if e.node != sid {
			continue
		}
		word := fmt.Sprintf("%d:%s", e.election, e.event.Name())
		switch ev := e.event.(type) {
		case event.StateChanged:
			word += fmt.Sprintf("(%s %s %s)", ev.From, ev.To, ev.Reason)
		case event.ElectionStarted:
			word += fmt.Sprintf("(%s)", ev.Reason)
		case event.RoundChanged:
			word += fmt.Sprintf("(%d %d %s)", ev.From, ev.To, ev.Cause)
		case event.VoteChanged:
			word += fmt.Sprintf("(%d %s)", ev.To.Leader, ev.Cause)
		case event.ElectionDecided:
			word += fmt.Sprintf("(%s %d %s)", ev.State, ev.Vote.Leader, ev.How)
		case event.ElectionAborted:
			word += fmt.Sprintf("(%s)", ev.Reason)
		case event.LeaderEstablished:
			word += fmt.Sprintf("(%d %d)", ev.Leader, ev.Epoch)
		case event.LeaderLost:
			word += fmt.Sprintf("(%d %d %s)", ev.Leader, ev.Epoch, ev.Reason)
		}
		all = append(all, word)
	}
	b.events = slices.DeleteFunc(b.events, func(e told) bool { return e.node == sid })
	return strings.Join(all, "\n")
}

// tells compares what was told of server sid with what should be.
func (b *table) tells(sid quorum.SID, want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(strings.Join(want, "\n"), b.story(sid)); diff != "" {
		b.t.Errorf("server %d (-want +got):\n%s", sid, diff)
	}
}

// is lets the server at zk<i> answer with a vote for leader in epoch.
func (b *table) is(sid int, s quorum.State, leader quorum.SID, epoch quorum.Epoch, round quorum.Round) {
	b.t.Helper()
	b.sayAt(fmt.Sprintf("zk%d:3888", sid), s, quorum.Vote{Leader: leader, PeerEpoch: epoch}, round, text(3))
}

// TestStories: a fail-over is told of each server as of a node, with a leader that is established only when it
// has a new epoch.
func TestStories(t *testing.T) {
	b := settled(t)
	b.tells(1, "0:NodeStarted", "0:StateChanged(LOOKING FOLLOWING )", "0:LeaderEstablished(3 1)")
	b.tells(3, "0:NodeStarted", "0:StateChanged(LOOKING LEADING )", "0:LeaderEstablished(3 1)")
	b.story(2)
	b.fail(3, FailClosed)
	b.tells(3)
	b.fail(3, FailRefused)
	b.tells(3, "0:LeaderLost(3 1 leader_lost)")
	b.is(1, looking, 3, 1, 2)
	b.tells(1, "0:LeaderLost(3 1 leader_lost)", "0:StateChanged(FOLLOWING LOOKING leader_lost)",
		"1:ElectionStarted(leader_lost)", "1:RoundChanged(1 2 start)")
	b.is(1, following, 2, 1, 2)
	b.is(2, leading, 2, 1, 2) // of its election nothing was seen
	if !b.status.HasLeader {
		t.Errorf("%+v", b.status)
	}
	b.tells(1, "1:VoteChanged(2 new_round)", "1:ElectionDecided(FOLLOWING 2 )", "1:StateChanged(LOOKING FOLLOWING )")
	b.tells(2, "0:LeaderLost(3 1 leader_lost)", "1:ElectionStarted(leader_lost)", "1:RoundChanged(1 2 start)",
		"1:VoteChanged(2 new_round)", "1:ElectionDecided(LEADING 2 )", "1:StateChanged(FOLLOWING LEADING )")
	b.is(2, leading, 2, 2, 2)
	b.is(1, following, 2, 1, 2)
	b.tells(1)
	b.is(1, following, 2, 2, 2)
	b.tells(1, "1:LeaderEstablished(2 2)")
	b.tells(2, "1:LeaderEstablished(2 2)")
	b.now = b.now.Add(time.Minute)
	b.is(3, looking, 3, 1, 1)
	b.is(3, following, 2, 2, 2)
	b.tells(3, "0:StateChanged(LEADING LOOKING start)", "1:ElectionStarted(start)", "1:RoundChanged(1 1 start)",
		"1:RoundChanged(1 2 late_join)", "1:VoteChanged(2 better_epoch)", "1:ElectionDecided(FOLLOWING 2 joined_established)",
		"1:StateChanged(LOOKING FOLLOWING joined_established)", "1:LeaderEstablished(2 2)")
}

// TestOddAnswer: the one answer at the moment of settling that has the new state and the vote before decides
// nothing; the same answer twice does.
func TestOddAnswer(t *testing.T) {
	b := settled(t)
	b.is(1, looking, 3, 1, 2)
	b.story(1)
	b.is(1, following, 3, 1, 2)
	b.tells(1, "1:StateChanged(LOOKING FOLLOWING )")
	b.is(1, following, 2, 1, 2)
	b.tells(1, "1:VoteChanged(2 new_round)", "1:ElectionDecided(FOLLOWING 2 )")
	b.is(1, looking, 2, 1, 3)
	b.is(1, following, 2, 1, 3)
	b.story(1)
	b.is(1, following, 2, 1, 3)
	b.tells(1, "2:ElectionDecided(FOLLOWING 2 )")
	b.is(1, looking, 2, 1, 4)
	b.is(1, following, 2, 1, 4)
	b.story(1)
	b.is(1, looking, 2, 1, 5)
	b.tells(1, "3:RoundChanged(4 5 behind_peer)", "3:StateChanged(FOLLOWING LOOKING no_leader)")
}

// TestElectedAgainUnseen: the same leader in a later round was elected between two questions.
func TestElectedAgainUnseen(t *testing.T) {
	b := settled(t)
	b.story(1)
	b.is(1, following, 3, 2, 2)
	b.tells(1, "0:LeaderLost(3 1 leader_lost)", "1:ElectionStarted(leader_lost)", "1:RoundChanged(1 2 start)",
		"1:VoteChanged(3 better_epoch)", "1:ElectionDecided(FOLLOWING 3 )")
	b.is(1, following, 3, 2, 0) // the election machinery of a real server was rebuilt
	b.tells(1, "1:RoundChanged(2 0 start)")
}

// TestOutOfSight: a server that was silent for a while and says the same as before has had no election; one
// whose port was closed has, and one that was looking for a leader then stopped doing so.
func TestOutOfSight(t *testing.T) {
	b := settled(t)
	b.story(1)
	b.fail(1, FailNoAnswer)
	b.fail(1, FailClosed)
	b.is(1, following, 3, 1, 1)
	b.tells(1)
	b.fail(1, FailRefused)
	b.is(1, following, 3, 1, 1)
	b.is(1, following, 3, 1, 1)
	b.tells(1, "0:LeaderLost(3 1 leader_lost)", "1:ElectionStarted(start)", "1:RoundChanged(1 1 start)",
		"1:ElectionDecided(FOLLOWING 3 joined_established)", "1:LeaderEstablished(3 1)")
	b.is(1, looking, 3, 1, 2)
	b.story(1)
	b.fail(1, FailRefused)
	b.fail(1, FailRefused)
	b.tells(1, "2:ElectionAborted(stopped)")
	b.is(1, looking, 1, 1, 1)
	b.tells(1, "3:ElectionStarted(start)", "3:RoundChanged(2 1 start)")
}

// TestSameEpochForLong: a leader whose epoch is none above what others had is called established in the end.
func TestSameEpochForLong(t *testing.T) {
	b := settled(t)
	b.is(2, looking, 3, 9, 2)
	b.is(3, looking, 3, 1, 2)
	b.is(2, following, 1, 9, 2)
	b.is(1, leading, 1, 9, 2)
	b.story(1)
	b.now = b.now.Add(provenAfter)
	b.is(1, leading, 1, 9, 2)
	b.tells(1, "1:LeaderEstablished(1 9)")
	b.is(1, leading, 1, 10, 2)
	b.tells(1, "1:LeaderEstablished(1 10)")
}

// TestMembership: a new configuration is told of every server, and the end of one that is in none any more.
func TestMembership(t *testing.T) {
	b := settled(t)
	b.story(1)
	b.story(3)
	fewer := strings.ReplaceAll(text(2), "version=0", "version=5")
	b.say(2, quorum.Leading, 2, text(3))
	b.say(1, quorum.Following, 2, text(3))
	b.story(1)
	b.say(2, quorum.Leading, 2, fewer)
	b.tells(1, "1:ConfigSeen")
	b.tells(3, "0:NodeStopped")
	b.say(1, quorum.Following, 2, strings.ReplaceAll(text(3), "version=0", "version=6"))
	b.say(2, quorum.Leading, 2, strings.ReplaceAll(text(3), "version=0", "version=6"))
	b.say(3, quorum.Following, 2, text(3))
	if got := b.story(3); !strings.HasPrefix(got, "0:NodeStarted") {
		t.Error(got)
	}
}

// spans is an exporter that keeps what it gets.
type spans struct {
	mu  sync.Mutex
	all []sdktrace.ReadOnlySpan
}

func (s *spans) ExportSpans(_ context.Context, all []sdktrace.ReadOnlySpan) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, all...)
	return nil
}

func (s *spans) Shutdown(context.Context) error { return nil }

// books are a recorder and a tracing for each server, as for nodes.
type books struct {
	recorders []*recorder.Recorder
	tracings  []*tracing.Tracing
	spans     *spans
}

// Record implements event.Sink.
func (k *books) Record(s event.Stamped) {
	if s.Node >= 1 && int(s.Node) <= len(k.recorders) {
		k.recorders[s.Node-1].Record(s)
		k.tracings[s.Node-1].Record(s)
	}
}

func newBooks(t *testing.T) *books {
	t.Helper()
	k := &books{spans: &spans{}}
	for i := range 3 {
		k.recorders = append(k.recorders, recorder.New(recorder.Options{}))
		tr, err := tracing.New(tracing.Options{Exporter: k.spans, Self: quorum.SID(i + 1), Version: "1",
			Getenv: func(string) string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		k.tracings = append(k.tracings, tr)
	}
	return k
}

func (k *books) close() {
	for i := range k.recorders {
		k.recorders[i].Close(time.Minute)
		k.tracings[i].Close(time.Minute)
	}
}

// TestBooks: of a fail-over that is only watched there is one recording for each server, with its start, its
// decision and the established leader, and one trace with one root.
func TestBooks(t *testing.T) {
	var k *books
	var ensemble string
	bubble(t, func(o *Options) { k = newBooks(t); o.Sink = k }, func(s *scene) {
		defer k.close()
		failOver(s)
		time.Sleep(5 * time.Second)
		ensemble = s.w.Status().View.EnsembleID()
	})
	trace := traceid.Election(ensemble, 2)
	for i, r := range k.recorders {
		all := r.Elections()
		if len(all) != 1 || all[0].Decided == nil || all[0].Established == nil || all[0].Running || *all[0].Leader != 2 ||
			*all[0].Epoch != "2" || all[0].Round != "2" || all[0].TraceID != trace.String() || len(all[0].Bad) > 0 {
			t.Errorf("server %d: %+v", i+1, all)
		} else if sum := all[0]; sum.Decided.Before(sum.Start) || sum.Established.Before(*sum.Decided) {
			t.Errorf("server %d: %+v", i+1, sum)
		}
	}
	roots, elections := 0, 0
	for _, span := range k.spans.all {
		if span.Name() != "election" {
			continue
		}
		elections++
		if span.SpanContext().TraceID().String() != trace.String() {
			t.Errorf("an election in trace %s, want %s", span.SpanContext().TraceID(), trace)
		}
		if !span.Parent().IsValid() {
			roots++
		}
	}
	if roots != 1 || elections != 3 {
		t.Errorf("%d elections, %d roots in %d spans", elections, roots, len(k.spans.all))
	}
}

// failOver lets server 3 restart, and 2 become leader meanwhile, as real servers do it.
func failOver(s *scene) {
	s.servers[0].says(looking, 3, 1, 2)
	s.servers[1].says(looking, 3, 1, 2)
	s.servers[2].says(looking, 3, 1, 2)
	time.Sleep(400 * time.Millisecond)
	s.servers[0].says(following, 2, 1, 2)
	s.servers[1].says(leading, 2, 1, 2)
	s.servers[2].says(following, 2, 1, 2)
	time.Sleep(300 * time.Millisecond)
	s.servers[1].says(leading, 2, 2, 2)
	time.Sleep(300 * time.Millisecond)
	s.servers[0].says(following, 2, 2, 2)
	s.servers[2].says(following, 2, 2, 2)
	synctest.Wait()
}
