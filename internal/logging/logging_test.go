package logging

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"

	"github.com/google/go-cmp/cmp"

	"go.uber.org/goleak"
)

func bubble(t *testing.T, f func(*testing.T)) { t.Helper(); synctest.Test(t, f) }

func view(t *testing.T) *quorum.View {
	t.Helper()
	v, err := quorum.NewView(quorum.Spec{Members: []quorum.Member{{SID: 2, Addresses: []quorum.Address{
		{Host: "zoo.example", QuorumPort: 2888, ElectionPort: 3888}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestEveryEventHasALine feeds every event there is; one that the switch does not name fails.
func TestEveryEventHasALine(t *testing.T) {
	for _, ev := range event.All() {
		if msg, _ := describe(ev); msg == "" {
			t.Errorf("%s has no line", ev.Name())
		}
		if _, ok := levelOf(ev); !ok && ev.Name() != "HeartbeatAnswered" {
			t.Errorf("%s has no level", ev.Name())
		}
	}
}

func TestJSONLine(t *testing.T) {
	var out bytes.Buffer
	var level slog.LevelVar
	log, err := New(&out, Auto, false, &level)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSink(log, SinkOptions{})
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	s.Record(event.Stamped{Time: at, Node: 3, Election: 2, Event: event.LeaderEstablished{Leader: 3, Epoch: 5}})
	s.Record(event.Stamped{Time: at, Node: 3, Event: &event.NotificationSent{Peer: 2}}) // debug: not shown
	s.Close(time.Minute)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	for key, want := range map[string]any{"msg": "leader established", "sid": 3.0, "election": 2.0,
		"leader": 3.0, "epoch": 5.0, "level": "INFO", "time": "2026-01-02T15:04:05Z"} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
}

// TestBlockedPipe: a writer that hangs costs lines, never the time of those who emit.
func TestBlockedPipe(t *testing.T) {
	r, w := io.Pipe()
	var level slog.LevelVar
	log, err := New(w, JSON, false, &level)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSink(log, SinkOptions{})
	for range 2 * queueSize {
		s.Record(event.Stamped{Event: event.LeaderLost{Reason: event.ReasonQuorumLost}})
	}
	read := make(chan string)
	// Owned by this test: ends when the pipe is closed.
	go func() {
		raw, _ := io.ReadAll(r)
		read <- string(raw)
	}()
	s.Close(time.Minute)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-read; !strings.Contains(got, `"msg":"events dropped"`) {
		t.Errorf("nothing said of the %d lost lines", queueSize)
	}
}

func TestWrongWords(t *testing.T) {
	if _, err := New(io.Discard, "xml", false, nil); err == nil {
		t.Error("format xml accepted")
	}
	if _, err := ParseLevel("loud"); err == nil {
		t.Error("level loud accepted")
	}
	if l, err := ParseLevel("warn"); err != nil || l != slog.LevelWarn {
		t.Errorf("warn is %v, %v", l, err)
	}
}

// election is the life of server 2 up to the decision of its first election, in epoch 7.
func election(at time.Time, v *quorum.View) []event.Stamped {
	return []event.Stamped{
		{Time: at, Node: 2, Event: event.NodeStarted{View: v}},
		{Time: at, Node: 2, Election: 1, Event: event.ElectionStarted{Reason: event.ReasonStart, At: at}},
		{Time: at, Node: 2, Election: 1, Event: event.ConnectionUp{Peer: 3}},
		{Time: at, Node: 2, Election: 1, Event: event.ElectionDecided{State: quorum.Following}},
	}
}

// traces writes the events and returns message and trace id of each line, after wait has passed.
func traces(t *testing.T, wait time.Duration, level slog.Level, events ...event.Stamped) [][2]string {
	t.Helper()
	var out bytes.Buffer
	var lv slog.LevelVar
	lv.Set(level)
	log, err := New(&out, JSON, false, &lv)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSink(log, SinkOptions{})
	for _, st := range events {
		s.Record(st)
	}
	time.Sleep(wait)
	synctest.Wait()
	before := out.Len()
	s.Close(time.Minute)
	if wait > 0 && out.Len() != before {
		t.Errorf("lines were held for longer than %s: %s", wait, out.String()[before:])
	}
	var lines [][2]string
	for raw := range bytes.Lines(out.Bytes()) {
		var line struct {
			Msg     string
			TraceID string `json:"trace_id"`
		}
		if err := json.Unmarshal(raw, &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, [2]string{line.Msg, line.TraceID})
	}
	return lines
}

// TestTraceID: the lines of an election carry the trace of the epoch that it led to, those before and after
// none; what has no leader after a second, or ends without one, stands under the provisional trace.
func TestTraceID(t *testing.T) {
	v := view(t)
	bubble(t, func(t *testing.T) {
		at := time.Now()
		whole := append(election(at, v),
			event.Stamped{Time: at, Node: 2, Election: 1, Event: event.LeaderEstablished{Leader: 3, Epoch: 7}},
			event.Stamped{Time: at, Node: 2, Election: 1, Event: event.ConnectionUp{Peer: 1}},
			event.Stamped{Time: at, Node: 2, Election: 1, Event: event.LeaderLost{Leader: 3, Epoch: 7}},
			event.Stamped{Time: at, Node: 2, Election: 2, Event: event.ElectionStarted{At: at.Add(1)}},
			event.Stamped{Time: at, Node: 2, Election: 3, Event: event.ElectionStarted{At: at.Add(2)}})
		final := traceid.Election(v.EnsembleID(), 7).String()
		first := traceid.Unfinished(v.EnsembleID(), 2, at).String()
		want := [][2]string{{"node started", ""}, {"election started", final}, {"connection up", final},
			{"election decided", final}, {"leader established", final}, {"connection up", ""}, {"leader lost", final},
			{"election started", traceid.Unfinished(v.EnsembleID(), 2, at.Add(1)).String()},
			{"election started", traceid.Unfinished(v.EnsembleID(), 2, at.Add(2)).String()}}
		if d := cmp.Diff(want, traces(t, 0, slog.LevelInfo, whole...)); d != "" {
			t.Error(d)
		}
		want = [][2]string{{"node started", ""}, {"election started", first}, {"connection up", first}, {"election decided", first}}
		if d := cmp.Diff(want, traces(t, traceid.Patience, slog.LevelInfo, election(at, v)...)); d != "" {
			t.Error(d)
		}
		late := append(election(at, v), event.Stamped{Time: at.Add(2 * time.Second), Node: 2, Election: 1,
			Event: event.EventsDropped{Sink: "log"}})
		if got := traces(t, time.Second, slog.LevelWarn, late...); len(got) != 1 || got[0] != [2]string{"events dropped", first} {
			t.Errorf("at level warn: %v", got)
		}
	})
}

// TestManyLinesDoNotWait: what waits for a trace is bounded, and nothing of it is lost.
func TestManyLinesDoNotWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		at := time.Now()
		events := election(at, view(t))
		for range maxHeld {
			events = append(events, event.Stamped{Time: at, Node: 2, Election: 1, Event: &event.NotificationReceived{Peer: 2}})
		}
		if got := traces(t, 0, slog.LevelDebug, events...); len(got) != len(events) {
			t.Errorf("%d lines of %d events", len(got), len(events))
		}
	})
}

// TestDropsAreTold: who asked to be told how many events were lost is told.
func TestDropsAreTold(t *testing.T) {
	r, w := io.Pipe()
	var level slog.LevelVar
	log, err := New(w, JSON, false, &level)
	if err != nil {
		t.Fatal(err)
	}
	lost := make(chan uint64, 10)
	s := NewSink(log, SinkOptions{Dropped: func(n uint64) { lost <- n }})
	for range 2 * queueSize {
		s.Record(event.Stamped{Event: event.LeaderLost{}})
	}
	// Owned by this test: ends when the pipe is closed.
	go func() { _, _ = io.Copy(io.Discard, r) }()
	if n := <-lost; n == 0 || n > 2*queueSize {
		t.Errorf("%d events lost", n)
	}
	s.Close(time.Minute)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func BenchmarkRecord(b *testing.B) {
	var level slog.LevelVar
	level.Set(slog.LevelDebug)
	log, err := New(io.Discard, JSON, false, &level)
	if err != nil {
		b.Fatal(err)
	}
	s := NewSink(log, SinkOptions{})
	defer s.Close(time.Minute)
	st := event.Stamped{Time: time.Now(), Event: &event.NotificationSent{Peer: 2, Cause: event.SendResend}}
	b.ReportAllocs()
	for b.Loop() {
		s.Record(st)
	}
}
