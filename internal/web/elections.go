package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"electnode/internal/recorder"
)

// History is what a node remembers; *recorder.Recorder is one.
type History interface {
	Events
	// Elections lists what is kept, the newest first.
	Elections() []recorder.Summary
	// Election is one of these with its events; false: it is not kept, or never was.
	Election(id string) (recorder.Recording, bool)
}

// JSONLines is the content type of one JSON object a line.
const JSONLines = "application/x-ndjson"

// answerTime is how long a client may take to read a list of elections or one with its events.
const answerTime = 30 * time.Second

// ElectionList is the body of /api/v1/elections, the newest first.
type ElectionList struct {
	Elections []recorder.Summary `json:"elections"`
}

// ElectionEvents is the body of /api/v1/elections/{id}. The events are those of docs/events.md.
type ElectionEvents struct {
	Election recorder.Summary  `json:"election"`
	Events   []json.RawMessage `json:"events"`
}

// addElections serves the recorded elections.
func addElections(mux *http.ServeMux, history History) {
	mux.HandleFunc("GET /api/v1/elections", func(w http.ResponseWriter, _ *http.Request) {
		defer limitTime(w, answerTime)()
		writeJSON(w, http.StatusOK, ElectionList{append([]recorder.Summary{}, history.Elections()...)})
	})
	mux.HandleFunc("GET /api/v1/elections/{id}", func(w http.ResponseWriter, r *http.Request) {
		defer limitTime(w, answerTime)()
		rec, ok := history.Election(r.PathValue("id"))
		if !ok {
			writeError(w, http.StatusNotFound, unknownElection(r.PathValue("id"), history.Elections()))
			return
		}
		if wantsLines(r) {
			writeLines(w, rec.Lines)
			return
		}
		body := ElectionEvents{Election: rec.Summary, Events: make([]json.RawMessage, 0, len(rec.Lines))}
		for _, line := range rec.Lines {
			body.Events = append(body.Events, line)
		}
		writeJSON(w, http.StatusOK, body)
	})
}

// unknownElection says what there is instead.
func unknownElection(id string, all []recorder.Summary) string {
	if len(all) == 0 {
		return fmt.Sprintf("no election %.20q: none was recorded yet", id)
	}
	return fmt.Sprintf("no election %.20q: %d are kept, the newest is %s, the oldest %s; see /api/v1/elections", id,
		len(all), all[0].ID, all[len(all)-1].ID)
}

// wantsLines reports whether JSON lines are asked for.
func wantsLines(r *http.Request) bool {
	return r.URL.Query().Get("format") == "jsonl" || strings.Contains(r.Header.Get("Accept"), JSONLines)
}

func writeLines(w http.ResponseWriter, lines [][]byte) {
	w.Header().Set("Content-Type", JSONLines)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	for _, line := range lines {
		_, err := w.Write(line)
		if err == nil {
			_, err = io.WriteString(w, "\n")
		}
		if err != nil {
			return // the client has gone; there is nobody to tell
		}
	}
}

// limitTime bounds the writing of an answer. What it returns gives what is left of it, which the server writes,
// as long as any answer; the next request of the connection has a bound of its own.
func limitTime(w http.ResponseWriter, d time.Duration) (end func()) {
	c := http.NewResponseController(w)
	// A writer that knows no deadlines is none of a network.
	_ = c.SetWriteDeadline(time.Now().Add(d))
	return func() { _ = c.SetWriteDeadline(time.Now().Add(answerTime)) }
}
