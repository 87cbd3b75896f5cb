package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// TestLossAtTheEnd: the last spans are exported when all else has ended; that they were not is a line and counted all the same.
func TestLossAtTheEnd(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	defer srv.Close()
	var out strings.Builder // written by the goroutine of the lines, which ends with close
	v, err := openViews(t.Context(), viewOptions{self: 1, log: slog.New(slog.NewTextHandler(&out, nil)), lines: true, traceEndpoint: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range []event.Event{
		event.ElectionStarted{Reason: event.ReasonStart, At: time.Now(), Round: 1},
		event.ElectionDecided{Vote: quorum.Vote{Leader: 1}, Round: 1, State: quorum.Leading, How: event.HowAllHeard},
		event.LeaderEstablished{Leader: 1, Epoch: 1}, event.NodeStopped{},
	} {
		v.events.Emit(ev)
	}
	v.close()
	w := httptest.NewRecorder()
	v.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	_, counted, _ := strings.Cut(w.Body.String(), `electnode_events_dropped_total{sink="tracing"} `)
	if counted, _, _ = strings.Cut(counted, "\n"); counted == "" || counted == "0" {
		t.Errorf("%q are counted", counted)
	}
	if !strings.Contains(out.String(), "sink=tracing") {
		t.Errorf("no line of it in\n%s", out.String())
	}
}
