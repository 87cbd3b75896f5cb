package lab

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/invariant"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// grace is how much of its last time a process may not have told when it is killed: 50 ms by the program's own doing,
// the rest when the machine is busy.
const grace = time.Second

// History is what happened to an ensemble: the events of every life of every node, and when processes started and
// died with what on their disks. What was judged is in the file, in order of time, and not kept any more. Safe from
// any goroutine.
type History struct {
	t testing.TB

	mu      sync.Mutex // guards what follows
	entries []entry    // not judged yet
	newest  map[quorum.SID]time.Time
	checker *invariant.Checker
	file    *os.File
	out     *bufio.Writer
	bad     error // the first thing that a node told in a wrong way
	events  int
	gaps    int
}

// entryKind says what an entry tells.
type entryKind uint8

const (
	kindEvent entryKind = iota
	kindKilled
	kindDisk
)

// entry is one thing that happened.
type entry struct {
	at     time.Time
	kind   entryKind
	sid    quorum.SID
	epochs zab.Epochs    // kindDisk
	event  event.Stamped // kindEvent
	line   []byte        // kindEvent: as the node wrote it
}

func newHistory(t testing.TB, path string, view *quorum.View) *History {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return &History{t: t, newest: map[quorum.SID]time.Time{}, checker: invariant.New(view, grace), file: file,
		out: bufio.NewWriterSize(file, 1<<20)}
}

// listen takes in the events of a life that begins now.
func (h *History) listen(sid quorum.SID, client *http.Client, url string) *stream {
	return listen(client, url, func(line []byte) { h.take(sid, line) }, func(what string) { h.gap(sid, what) })
}

// take takes in one event.
func (h *History) take(sid quorum.SID, line []byte) {
	st, err := event.ParseJSON(line)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil:
		h.complain(fmt.Errorf("server %d: %w: %s", sid, err, line))
		return
	case st.Node != sid:
		h.complain(fmt.Errorf("server %d tells an event of server %d: %s", sid, st.Node, line))
		return
	}
	h.events++
	h.entries = append(h.entries, entry{at: st.Time, sid: sid, event: st, line: line})
	if st.Time.After(h.newest[sid]) {
		h.newest[sid] = st.Time
	}
}

// complain keeps the first thing that is wrong. The caller holds the lock.
func (h *History) complain(err error) {
	if h.bad == nil {
		h.bad = err
	}
}

// gap notes that events of a life are missing: what is known of it has a hole as if it had been killed there.
func (h *History) gap(sid quorum.SID, what string) {
	h.t.Logf("server %d: events are missing: %s", sid, what)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gaps++
	h.entries = append(h.entries, entry{at: h.newest[sid], kind: kindKilled, sid: sid})
}

// Booted says that a process starts with these epochs on its disk.
func (h *History) Booted(at time.Time, sid quorum.SID, e zab.Epochs) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.newest[sid] = at
	h.entries = append(h.entries, entry{at: at, kind: kindDisk, sid: sid, epochs: e})
}

// Killed says that a process is dead, or was stopped before it died: it may not have told what it did just before.
func (h *History) Killed(at time.Time, sid quorum.SID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries = append(h.entries, entry{at: at, kind: kindKilled, sid: sid})
}

// Durable says what a disk is known to have by now. After Killed it also says that all the process told is here.
func (h *History) Durable(at time.Time, sid quorum.SID, e zab.Epochs) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.newest, sid)
	h.entries = append(h.entries, entry{at: at, kind: kindDisk, sid: sid, epochs: e})
}

// Events lists the events of a server within a time, the oldest first, of those that were not judged yet.
func (h *History) Events(sid quorum.SID, from, to time.Time) []event.Stamped {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []event.Stamped
	for _, e := range h.entries {
		if e.kind == kindEvent && e.sid == sid && !e.at.Before(from) && !e.at.After(to) {
			all = append(all, e.event)
		}
	}
	slices.SortStableFunc(all, func(a, b event.Stamped) int { return a.Time.Compare(b.Time) })
	return all
}

// overtake is how much later than a newer event of the same process an event may come: its goroutines take the time
// first and record then.
const overtake = time.Second

// Judge judges what happened up to an instant of which all is known: every process that runs has told of something
// that came later. The error says what was not to happen.
func (h *History) Judge() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	until := time.Now()
	for _, at := range h.newest {
		if at.Before(until) {
			until = at
		}
	}
	return h.judgeUntil(until.Add(-overtake))
}

// judgeUntil judges and writes all entries before an instant. The caller holds the lock.
func (h *History) judgeUntil(until time.Time) error {
	slices.SortStableFunc(h.entries, func(a, b entry) int { return a.at.Compare(b.at) })
	n, _ := slices.BinarySearchFunc(h.entries, until, func(e entry, at time.Time) int { return e.at.Compare(at) })
	for _, e := range h.entries[:n] {
		if e.kind == kindEvent {
			// Write keeps the first error, which Flush gives.
			_, _ = h.out.Write(append(e.line, '\n'))
		}
		if err := h.judge(e); err != nil {
			h.complain(fmt.Errorf("%s: %w", e.at.UTC().Format(time.RFC3339Nano), err))
		}
	}
	h.entries = slices.Delete(h.entries, 0, n)
	return h.bad
}

// judge judges one entry. The caller holds the lock.
func (h *History) judge(e entry) error {
	switch e.kind {
	case kindKilled:
		return h.checker.Killed(e.at, e.sid)
	case kindDisk:
		return h.checker.Durable(e.at, e.sid, e.epochs)
	}
	return h.checker.Event(e.event)
}

// finish judges and writes the rest, when all processes are dead.
func (h *History) finish() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.judgeUntil(time.Now().Add(time.Hour)); err == nil {
		h.complain(h.checker.Settle())
	}
	if err := h.out.Flush(); err != nil {
		h.complain(err)
	}
	if err := h.file.Close(); err != nil {
		h.complain(err)
	}
	return h.bad
}

// Counts says how much was judged, how many events there were, and how many holes are known in what was told.
func (h *History) Counts() (judged invariant.Counts, events, gaps int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.checker.Counts(), h.events, h.gaps
}
