package web

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

func fixedTime() time.Time { return time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC) }

func line(t *testing.T, sid quorum.SID, ev event.Event) string {
	t.Helper()
	return string(event.AppendJSON(nil, event.Stamped{Time: fixedTime(), Node: sid, Election: 1, Event: ev}, fixedTime()))
}

// TestRecording reads lines, an election in one object, actions, and what a later release may write.
func TestRecording(t *testing.T) {
	view, err := quorum.NewView(quorum.Spec{Members: []quorum.Member{{SID: 1, Addresses: []quorum.Address{{Host: "a", QuorumPort: 1, ElectionPort: 2}}}}})
	if err != nil {
		t.Fatal(err)
	}
	started := line(t, 2, event.NodeStarted{View: view})
	begun := line(t, 2, event.ElectionStarted{Reason: event.ReasonStart, At: fixedTime()})
	lost := line(t, 1, event.LeaderLost{})
	actionLine := `{"time":"2026-01-02T15:04:05Z","sid":2,"event":"Action","text":"kill 2","fault":{"fault":"kill","sid":2}}`
	unknown := strings.Replace(lost, "LeaderLost", "Later", 1)
	r := NewRecording()
	if err := r.Read(strings.NewReader(started+"\n\n"+begun+"\n"+actionLine+"\n"+unknown), "a"); err != nil {
		t.Fatal(err)
	}
	if err := r.Read(strings.NewReader(`{"election":{"id":"1"},"events":[`+lost+`]}`), "b"); err != nil {
		t.Fatal(err)
	}
	if r.Skipped() != 1 {
		t.Errorf("%d skipped", r.Skipped())
	}
	e := r.Ensemble("tok", []string{"a", "b"})
	if len(e.Members) != 2 || e.Kind != KindRecording {
		t.Fatalf("%+v", e)
	}
	all, err := e.Members[1].Elections(t.Context())
	if err != nil || len(all) != 1 || len(all[0].TraceID) != 32 || all[0].SID != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	var got []string
	for b := e.Events.Read(1, 1); len(b.Lines) > 0; b = e.Events.Read(b.Next, 1) {
		got = append(got, string(b.Lines[0]))
	}
	if strings.Join(got, "\n") != strings.Join([]string{started, begun, actionLine, lost}, "\n") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	if b := e.Events.Read(1, 1<<20); len(b.Lines) != 4 || b.Next != 5 {
		t.Errorf("%+v", b)
	}
	if b := e.Events.Read(0, 1); len(b.Lines) != 0 || b.Next != 5 {
		t.Errorf("%+v", b)
	}
	var answer ensembleAnswer
	if _, body := get(t, e.Handler(), "/api/v1/ensemble"); json.Unmarshal([]byte(body), &answer) != nil || len(answer.Files) != 2 || len(answer.Faults) != 0 {
		t.Errorf("%s", body)
	}
}

// TestRecordingRefused: the error names file and line.
func TestRecordingRefused(t *testing.T) {
	good := line(t, 1, event.LeaderLost{})
	for text, says := range map[string]string{
		"":                         "f: no events",
		good + "\nnothing":         "f:2: no JSON object",
		good + "\n{}":              "f:2: recorded event: no time in it",
		`{"events":[{"event":1}]}`: "f:1: no JSON object",
		strings.Replace(good, `"sid":1`, `"sid":"x"`, 1):                                       "f:1: recorded event",
		strings.Replace(good, `"detail":""`, `"detail":"`+strings.Repeat("x", maxLine)+`"`, 1): "f:1: an event of",
	} {
		if err := NewRecording().Read(strings.NewReader(text), "f"); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%.60q: %.200v", text, err)
		}
	}
}
