package lab

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
	"electnode/test/proc"
)

// teller answers for a node: each connection gets the next of its answers and is then broken off.
type teller struct {
	mu      sync.Mutex
	answers []string
	asked   []string // what each connection asked for
}

func (s *teller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.Query().Get("from")+r.Header.Get("Last-Event-ID"))
	if len(s.answers) == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte(s.answers[0])) // whoever does not read it fails the test
	s.answers = s.answers[1:]
}

func (s *teller) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// TestStream: a connection that breaks off is made again behind the last event, gaps are told, and the end comes when
// the process is over.
func TestStream(t *testing.T) {
	node := &teller{answers: []string{
		"retry: 1000\nid: a-0\n\nid: a-1\ndata: {1}\n\n: alive\n\nid: a-2\ndata: {2}\n\nid: a-3\ndata: {cut off",
		"id: a-3\ndata: {3}\n\nevent: gap\ndata: {\"missed\":4}\n\nid: a-8\ndata: {8}\n\n",
	}}
	server := httptest.NewServer(node)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var told []string
	s := listen(client, server.URL, func(line []byte) { told = append(told, string(line)) },
		func(what string) { told = append(told, "gap "+what) })
	proc.Eventually(t, patience, "a third question", func() error {
		if n := len(node.questions()); n < 3 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	s.end()
	if want := []string{"{1}", "{2}", "{3}", `gap {"missed":4}`, "{8}"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	if got := node.questions()[:3]; !slices.Equal(got, []string{"kept", "a-2", "a-8"}) {
		t.Errorf("asked %q", got)
	}
}

// book is a history for three servers, and its file.
func book(t *testing.T) (h *History, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "events.jsonl")
	_, view := configuration(t, Options{Servers: 3})
	return newHistory(t, file, view), file
}

// told has a server tell an event of an instant.
func (h *History) told(sid quorum.SID, at time.Time, ev event.Event) {
	h.take(sid, event.AppendJSON(nil, event.Stamped{Time: at, Node: sid, Event: ev}, at))
}

// TestHistoryOrder: what came late is judged and written in its place, and nothing is judged before all is there.
func TestHistoryOrder(t *testing.T) {
	h, file := book(t)
	start := time.Now().Add(-time.Minute)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	for sid := quorum.SID(1); sid <= 2; sid++ {
		h.Booted(at(0), sid, zab.Epochs{})
	}
	h.told(1, at(3), event.LeaderEstablished{Leader: 1, Epoch: 1})
	h.told(1, at(20), event.HeartbeatMissed{Peer: 2})
	if err := h.Judge(); err != nil { // of server 2 nothing is known yet
		t.Fatal(err)
	}
	for sid := quorum.SID(1); sid <= 2; sid++ {
		h.told(sid, at(1), event.DurableWritten{File: event.FileAccepted, Epoch: 1})
		h.told(sid, at(2), event.DurableWritten{File: event.FileCurrent, Epoch: 1})
	}
	h.told(2, at(21), event.HeartbeatMissed{Peer: 1})
	if err := h.Judge(); err != nil {
		t.Fatal(err)
	}
	if len(h.Events(1, at(0), at(60))) != 1 {
		t.Errorf("%d events of server 1 are left", len(h.Events(1, at(0), at(60))))
	}
	if err := h.finish(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var times []time.Time
	for line := range strings.Lines(string(raw)) {
		s, err := event.ParseJSON([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, s.Time)
	}
	if len(times) != 7 || !slices.IsSortedFunc(times, time.Time.Compare) {
		t.Errorf("written: %v", times)
	}
}

// TestHistoryRefuses tells what must not happen, and what no node may tell.
func TestHistoryRefuses(t *testing.T) {
	at := time.Now().Add(-time.Minute)
	for name, c := range map[string]struct {
		tell func(*History)
		want string
	}{
		"two leaders": {func(h *History) {
			h.told(1, at, event.LeaderEstablished{Leader: 1, Epoch: 1})
			h.told(2, at, event.LeaderEstablished{Leader: 2, Epoch: 1})
		}, "two established leaders"},
		"a disk that forgets": {func(h *History) {
			h.Durable(at, 1, zab.Epochs{Accepted: 2, Current: 1})
			h.Booted(at.Add(time.Second), 1, zab.Epochs{Accepted: 1, Current: 1})
		}, "had written"},
		"no event": {func(h *History) { h.take(1, []byte("{}")) }, "server 1"},
		"another's event": {func(h *History) {
			h.take(2, event.AppendJSON(nil, event.Stamped{Time: at, Node: 1, Event: event.NodeStopped{}}, at))
		}, "server 2 tells"},
		"no quorum of disks": {func(h *History) { h.told(1, at, event.LeaderEstablished{Leader: 1, Epoch: 1}) }, "without a quorum's disks"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := book(t)
			c.tell(h)
			if err := h.finish(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("judged: %v, want %q", err, c.want)
			}
		})
	}
}

// TestBadStream: an answer that is no stream of events is a hole in the history, not a reason to ask for ever.
func TestBadStream(t *testing.T) {
	node := &teller{answers: []string{"event: nonsense\ndata: {}\n\n"}}
	server := httptest.NewServer(node)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	holes := make(chan string, 1)
	s := listen(client, server.URL, func([]byte) {}, func(what string) { holes <- what })
	if what := <-holes; !strings.Contains(what, "nonsense") {
		t.Error(what)
	}
	s.end()
	if n := len(node.questions()); n != 1 {
		t.Error(errors.New("asked again"), n)
	}
}
