package logging

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"

	"go.uber.org/goleak"
)

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
	s := NewSink(log)
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	s.Record(event.Stamped{Time: at, Node: 3, Election: 2, Event: event.LeaderEstablished{Leader: 3, Epoch: 5}})
	s.Record(event.Stamped{Time: at, Node: 3, Event: event.NotificationSent{Peer: 2}}) // debug: not shown
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
	s := NewSink(log)
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
