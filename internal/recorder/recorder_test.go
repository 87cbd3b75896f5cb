package recorder

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestElection follows one election from before its start to the loss of its leader.
func TestElection(t *testing.T) {
	l := newLife(t, Options{})
	start := l.now
	if got := l.r.Elections(); len(got) != 0 {
		t.Errorf("before the first election: %+v", got)
	}
	l.look(event.ReasonStart)
	provisional := traceid.Unfinished(l.v.EnsembleID(), 1, start).String()
	got := l.r.Elections()
	if len(got) != 1 || !got[0].Running || got[0].TraceID != provisional || got[0].Outcome != "" || got[0].Leader != nil ||
		got[0].Duration != 2*time.Millisecond || len(got[0].Bad) != 0 {
		t.Errorf("while it runs: %+v", got)
	}
	l.settle(7)
	l.emit(event.HeartbeatAnswered{Peer: 3})
	l.pass(time.Hour)
	l.lose(7)
	lost := l.now.Add(-time.Microsecond)
	want := Summary{ID: "1", SID: 1, Election: 1, Ensemble: l.v.EnsembleID(),
		TraceID: traceid.Election(l.v.EnsembleID(), 7).String(), ProvisionalTraceID: provisional, Start: start,
		Decided: new(start.Add(3 * time.Millisecond)), Established: new(start.Add(4 * time.Millisecond)), End: &lost,
		Reason: event.ReasonStart, Outcome: "following", How: "all_heard", Leader: new(quorum.SID(3)), Epoch: new("7"),
		Round: "1", Rounds: 1, VoteChanges: 1, Sent: 2, Received: 2, Duration: 3 * time.Millisecond,
		Phases: Phases{time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond, 4 * time.Millisecond},
		Events: 14, Bad: []string{}}
	wantNames := []string{"NodeStarted", "ElectionStarted", "RoundChanged", "NotificationSent", "NotificationReceived",
		"NotificationSent", "NotificationReceived", "VoteChanged", "ElectionDecided", "StateChanged",
		"LeaderEstablished", "HeartbeatAnswered", "LeaderLost", "StateChanged"}
	for range 2 { // while it is the last one, and when another has begun
		rec := l.must("1")
		if d := cmp.Diff(want, rec.Summary, cmpopts.IgnoreFields(Summary{}, "Bytes")); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(wantNames, names(t, rec)); d != "" {
			t.Error(d)
		}
		l.look(event.ReasonLeaderLost)
	}
	if ids := idsOf(l.r.Elections()); !slices.Equal(ids, []string{"3", "2", "1"}) {
		t.Errorf("newest first: %v", ids)
	}
}

func idsOf(all []Summary) []string {
	var ids []string
	for _, s := range all {
		ids = append(ids, s.ID)
	}
	return ids
}

// TestSummaryJSON holds the names of the fields, and that nothing is omitted.
func TestSummaryJSON(t *testing.T) {
	got, err := json.Marshal(Summary{Bad: []string{}})
	want := `{"id":"","sid":0,"election":0,"running":false,"ensemble":"","trace_id":"","provisional_trace_id":"",` +
		`"start":"0001-01-01T00:00:00Z","decided":null,"established":null,"end":null,"reason":"","outcome":"","how":"",` +
		`"leader":null,"epoch":null,"round":"","rounds":0,"vote_changes":0,"notifications_sent":0,` +
		`"notifications_received":0,"phases":{"first_vote_heard_ns":0,"quorum_ns":0,"decided_ns":0,"established_ns":0},` +
		`"duration_ns":0,"events":0,"left_out":0,"lost":0,"bytes":0,"bad":[]}`
	if d := cmp.Diff(want, string(got)); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

// TestSummaryIsDocumented compares the table in docs/events.md with the fields there are.
func TestSummaryIsDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(raw), "## Elections\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var documented, fields []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(text, -1) {
		documented = append(documented, m[1])
	}
	for f := range reflect.TypeFor[Summary]().Fields() {
		fields = append(fields, f.Tag.Get("json"))
	}
	if d := cmp.Diff(fields, documented); d != "" {
		t.Error(d)
	}
	for _, word := range []string{BadAborted, BadNotEstablished, BadSlow, BadRounds} {
		if !strings.Contains(text, word) {
			t.Errorf("%s is not documented", word)
		}
	}
}

// TestBad: what makes an election a bad one, and what does not.
func TestBad(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(*life)
		want []string
	}{
		{"good", func(l *life) { l.good(1) }, []string{}},
		{"aborted", func(l *life) {
			l.look(event.ReasonStart)
			l.emit(event.ElectionAborted{Reason: event.ReasonConfigChange})
		}, []string{BadAborted, BadNotEstablished}},
		{"stopped while looking", func(l *life) {
			l.look(event.ReasonStart)
			l.emit(event.ElectionAborted{Reason: event.ReasonStopped}, event.NodeStopped{})
		}, []string{}},
		{"failed while looking", func(l *life) {
			l.look(event.ReasonStart)
			l.emit(event.NodeStopped{Error: "disk"})
		}, []string{BadNotEstablished}},
		{"decided only", func(l *life) {
			l.look(event.ReasonStart)
			l.emit(event.ElectionDecided{State: quorum.Leading, How: event.HowWaited})
		}, []string{BadNotEstablished}},
		{"slow", func(l *life) {
			l.look(event.ReasonStart)
			l.pass(2 * time.Second)
			l.settle(1)
		}, []string{BadSlow}},
		{"many rounds", func(l *life) {
			l.look(event.ReasonStart)
			for range 4 {
				l.emit(event.RoundChanged{Cause: event.RoundBehindPeer, Peer: 3})
			}
			l.settle(1)
		}, []string{BadRounds}},
		{"slow and without a leader", func(l *life) { l.wrong() }, []string{BadNotEstablished, BadSlow}},
	} {
		l := newLife(t, Options{})
		c.play(l)
		l.boot() // closes it
		l.look(event.ReasonStart)
		if d := cmp.Diff(c.want, l.must("1").Summary.Bad); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// TestRestartInOneProcess: the elections of the next life have ids of their own, and begin with its start.
func TestRestartInOneProcess(t *testing.T) {
	l := newLife(t, Options{})
	l.good(1)
	l.good(2)
	l.emit(event.NodeStopped{})
	l.boot()
	l.emit(event.ConnectionAttempt{Peer: 2})
	l.good(3)
	if ids := idsOf(l.r.Elections()); !slices.Equal(ids, []string{"3", "2", "1"}) {
		t.Errorf("%v", ids)
	}
	rec := l.must("3")
	if got := names(t, rec); rec.Summary.Election != 1 || got[0] != "NodeStarted" || got[1] != "ConnectionAttempt" {
		t.Errorf("%+v %v", rec.Summary, got)
	}
	if got := names(t, l.must("2")); got[len(got)-1] != "NodeStopped" {
		t.Errorf("%v", got)
	}
}

// TestLostStart: when the queue lost the start of an election its events still make one of their own.
func TestLostStart(t *testing.T) {
	l := newLife(t, Options{})
	l.good(1)
	l.r.drop(5)
	l.r.take(event.Stamped{Time: l.now, Node: 1, Election: 2, Event: event.ElectionDecided{State: quorum.Leading}})
	l.r.take(event.Stamped{Time: l.now, Node: 1, Election: 2, Event: event.LeaderEstablished{Leader: 1, Epoch: 2}})
	first, second := l.must("1").Summary, l.must("2").Summary
	if first.Lost != 5 || first.Leader == nil || *first.Leader != 3 {
		t.Errorf("%+v", first)
	}
	if second.Outcome != "leading" || second.TraceID != traceid.Election(l.v.EnsembleID(), 2).String() || second.ProvisionalTraceID != "" {
		t.Errorf("%+v", second)
	}
}

// TestLongLine: an event that is too long is counted, where it stood and in the stream.
func TestLongLine(t *testing.T) {
	l := newLife(t, Options{Bytes: leastBytes})
	l.emit(event.ElectionStarted{}, event.NodeStopped{Error: strings.Repeat("x", leastBytes)}, event.QuorumUndone{})
	want := []string{"NodeStarted", "ElectionStarted", "EventsDropped", "QuorumUndone"}
	if d := cmp.Diff(want, names(t, l.must("1"))); d != "" {
		t.Error(d)
	}
	if b := l.r.Read(1, 1<<20); len(b.Lines) != 4 || !strings.Contains(string(b.Lines[2]), `"EventsDropped","sink":"recorder","count":1}`) {
		t.Errorf("%q", b.Lines)
	}
}
