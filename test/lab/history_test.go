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

// starts has servers start, and tell so.
func (h *History) starts(at time.Time, all ...quorum.SID) {
	for _, sid := range all {
		h.Booted(at, sid, zab.Epochs{})
		h.told(sid, at.Add(time.Millisecond), event.NodeStarted{})
	}
}

// follower has server 2 tell of an election that establishes 1, a second from start on.
func (h *History) follower(start time.Time) {
	v := quorum.Vote{Leader: 1}
	for i, ev := range []event.Event{
		event.ElectionStarted{Round: 1, Vote: v},
		event.QuorumReached{Vote: v, Round: 1, Supporters: []quorum.SID{1, 2}},
		event.ElectionDecided{Vote: v, Round: 1, State: quorum.Following},
		nil, nil,
		event.DurableWritten{File: event.FileAccepted, Epoch: 1},
		event.EpochPromised{Leader: 1, Epoch: 1},
		event.DurableWritten{File: event.FileCurrent, Epoch: 1},
		nil,
		event.LeaderEstablished{Leader: 1, Epoch: 1},
	} {
		if ev != nil {
			h.told(2, start.Add(time.Duration(i)*100*time.Millisecond), ev)
		}
	}
}

// leader is the same election, told by 1.
func (h *History) leader(start time.Time) {
	v := quorum.Vote{Leader: 1}
	for i, ev := range []event.Event{
		event.ElectionStarted{Round: 1, Vote: v},
		event.QuorumReached{Vote: v, Round: 1, Supporters: []quorum.SID{1, 2}},
		event.ElectionDecided{Vote: v, Round: 1, State: quorum.Leading},
		event.EpochProposed{Epoch: 1, From: []quorum.SID{1, 2}},
		event.DurableWritten{File: event.FileAccepted, Epoch: 1},
		event.EpochPromised{Leader: 1, Epoch: 1},
		event.DurableWritten{File: event.FileCurrent, Epoch: 1},
		nil,
		event.LeaderEstablished{Leader: 1, Epoch: 1},
	} {
		if ev != nil {
			h.told(1, start.Add(time.Duration(i)*100*time.Millisecond), ev)
		}
	}
}

// TestHistoryOrder: what came late is judged in its place, and nothing is judged before all is there. The file, put in
// order, has all of it.
func TestHistoryOrder(t *testing.T) {
	h, file := book(t)
	start := time.Now().Add(-time.Minute)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	h.starts(at(0), 1, 2)
	h.leader(at(3))
	h.told(1, at(20), event.HeartbeatMissed{Peer: 2})
	if err := h.Judge(); err != nil { // of server 2 nothing is known yet
		t.Fatal(err)
	}
	h.follower(at(3))
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
	if err := arrange(file); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var times []time.Time
	for line := range strings.Lines(string(raw)) {
		if s, err := event.ParseJSON([]byte(line)); err == nil {
			times = append(times, s.Time)
		} else if !errors.Is(err, event.ErrUnknown) { // who reads events skips those
			t.Fatal(err)
		}
	}
	if len(times) != 19 || !slices.IsSortedFunc(times, time.Time.Compare) {
		t.Errorf("written: %d, %v", len(times), times)
	}
	judged, told := h.Counts()
	if want := (Told{Events: 19, Starts: 2}); told != want || judged.Established != 1 || judged.Waived != 0 {
		t.Errorf("counted %+v, want %+v; %+v", told, want, judged)
	}
}

// TestJudgeAgain: what was judged good is good again from its file, and what was not is not, for the same reason; also when
// the file ends in the middle of a line, as that of a test that was ended does.
func TestJudgeAgain(t *testing.T) {
	start := time.Now().Add(-time.Minute)
	late := start.Add(10 * time.Second)
	for name, c := range map[string]struct {
		tell func(*History)
		want string
	}{
		"good": {func(*History) {}, ""},
		"another leader": {func(h *History) { h.told(2, late, event.LeaderEstablished{Leader: 2, Epoch: 1}) },
			"two established leaders"},
		"a lower epoch on disk": {func(h *History) { h.Died(late, 2, zab.Epochs{Accepted: 1}) }, "had written"},
		"no event":              {func(h *History) { h.take(1, []byte("{}")) }, "no time in it"},
	} {
		t.Run(name, func(t *testing.T) {
			h, file := book(t)
			h.starts(start, 1, 2)
			h.follower(start.Add(time.Second)) // in the file it stands before those that it answers
			h.leader(start.Add(time.Second))
			c.tell(h)
			judged := h.finish()
			sorted := file + ".sorted"
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(sorted, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := arrange(sorted); err != nil && c.want == "" {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, append(raw, `{"time":"20`...), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{file, sorted} {
				counts, again := JudgeAgain(file)
				for _, err := range []error{judged, again} {
					if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
						t.Errorf("%s: judged: %v, want %q", file, err, c.want)
					}
				}
				if first, _ := h.Counts(); c.want == "" && counts != first {
					t.Errorf("%s: counted %+v, and %+v before", file, counts, first)
				}
			}
		})
	}
}

// TestJudgeUnfinished: what the last claim of a history stands on may not have come yet, unless the history has an end.
func TestJudgeUnfinished(t *testing.T) {
	h, file := book(t)
	h.starts(time.Now().Add(-3*time.Second), 1)
	h.leader(time.Now().Add(-900 * time.Millisecond))
	if _, err := JudgeAgain(file); err != nil {
		t.Errorf("unfinished: %v", err)
	}
	if err := h.finish(); err == nil {
		t.Error("judged good with nobody to support it")
	}
	if _, err := JudgeAgain(file); err == nil || !strings.Contains(err.Error(), "only [1] voted so") {
		t.Errorf("finished: %v", err)
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
			h.Booted(at, 1, zab.Epochs{Accepted: 2, Current: 1})
			h.Booted(at.Add(time.Second), 1, zab.Epochs{Accepted: 1, Current: 1})
		}, "had written"},
		"no event": {func(h *History) { h.take(1, []byte("{}")) }, "server 1"},
		"another's event": {func(h *History) {
			h.take(2, event.AppendJSON(nil, event.Stamped{Time: at, Node: 1, Event: event.NodeStopped{}}, at))
		}, "server 2 tells"},
		"a leader by itself": {func(h *History) {
			h.starts(at, 1)
			h.leader(at)
		}, "only [1] voted so"},
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

// TestHistoryHoles: what a killed process did not tell is waived for it alone, one that told nothing is counted, and one
// whose record does not begin with its start has a gap.
func TestHistoryHoles(t *testing.T) {
	start := time.Now().Add(-time.Minute)
	disk := zab.Epochs{Accepted: 1, Current: 1}
	for name, c := range map[string]struct {
		tell   func(*History)
		want   string
		told   Told
		waived int
	}{
		"killed at once": {func(h *History) {
			h.leader(start)
			h.Died(start.Add(2*time.Second), 2, disk)
		}, "", Told{Events: 10, Starts: 2}, 2},
		"killed before it wrote": {func(h *History) {
			h.leader(start)
			h.Died(start.Add(2*time.Second), 2, zab.Epochs{Accepted: 1})
		}, "without a quorum's disks", Told{Events: 10, Starts: 2}, 2},
		"killed unheard": {func(h *History) {
			h.Booted(start, 3, zab.Epochs{})
			h.Died(start.Add(time.Second), 3, zab.Epochs{})
		}, "", Told{Events: 2, Starts: 3, Unheard: 1}, 0},
		"not from its start on": {func(h *History) {
			h.Booted(start, 3, zab.Epochs{})
			h.told(3, start.Add(time.Second), event.HeartbeatMissed{Peer: 2})
		}, "", Told{Events: 3, Starts: 3, Gaps: 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := book(t)
			h.starts(start, 1, 2)
			c.tell(h)
			err := h.finish()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("judged: %v, want %q", err, c.want)
			}
			if judged, told := h.Counts(); told != c.told || judged.Waived != c.waived {
				t.Errorf("%+v, want %+v; waived %d, want %d", told, c.told, judged.Waived, c.waived)
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
