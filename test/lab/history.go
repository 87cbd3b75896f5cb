package lab

import (
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

// grace is how much later than an event its causes may be on record: links tell of what they sent when it is sent.
const grace = time.Second

// overtaking is how much later than a newer event of the same process an event may come on record: its goroutines take
// the time first and record then. Between those of one goroutine, as all that the election and the disk tell, it is 0.
const overtaking = 100 * time.Millisecond

// History is what happened to an ensemble: the events of every life of every node, and when processes started and
// died with what on their disks. All of it is in the file at once, as it came; what was judged is not kept any more.
// Safe from any goroutine.
type History struct {
	t testing.TB

	mu      sync.Mutex // guards what follows
	entries []entry    // not judged yet
	lives   map[quorum.SID]*life
	checker *invariant.Checker
	file    *os.File
	bad     error // the first thing that a node told in a wrong way
	tally   Told
}

// Told is how much was heard of an ensemble.
type Told struct {
	Events  int
	Gaps    int // holes in what a life told, but for its end
	Starts  int // of processes
	Unheard int // of which nothing was heard: killed before anybody could listen
}

// life is what is known of a process that runs.
type life struct {
	newest time.Time // of its events; before the first one when it was started
	heard  bool
}

func newHistory(t testing.TB, path string, view *quorum.View) *History {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	h := &History{t: t, lives: map[quorum.SID]*life{}, checker: invariant.New(view, grace), file: file}
	h.write(configLine(view))
	return h
}

// write writes a line. The caller holds the lock, or is alone.
func (h *History) write(line []byte) {
	if _, err := h.file.Write(append(line, '\n')); err != nil {
		h.complain(err)
	}
}

// add takes an entry. The caller holds the lock.
func (h *History) add(e entry) {
	h.entries = append(h.entries, e)
	h.write(e.line())
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
		h.write(line)
		return
	case st.Node != sid:
		h.complain(fmt.Errorf("server %d tells an event of server %d: %s", sid, st.Node, line))
		return
	}
	h.tally.Events++
	if l := h.lives[sid]; l != nil {
		if _, start := st.Event.(event.NodeStarted); !l.heard && !start {
			h.hole(sid, "its first event is "+st.Event.Name())
		}
		l.heard = true
		if st.Time.After(l.newest) {
			l.newest = st.Time
		}
	}
	h.add(entry{at: st.Time, kind: kindEvent, sid: sid, event: st, raw: line})
}

// Heard reports whether the present life of a server has told anything.
func (h *History) Heard(sid quorum.SID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.lives[sid]
	return l != nil && l.heard
}

// complain keeps the first thing that is wrong. The caller holds the lock.
func (h *History) complain(err error) {
	if h.bad == nil {
		h.bad = err
	}
}

// gap notes that events of a life are missing.
func (h *History) gap(sid quorum.SID, what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hole(sid, what)
}

// hole is gap. The caller holds the lock.
func (h *History) hole(sid quorum.SID, what string) {
	h.t.Logf("server %d: events are missing: %s", sid, what)
	h.tally.Gaps++
	if l := h.lives[sid]; l != nil {
		h.add(entry{at: l.newest.Add(-overtaking), kind: kindMissing, sid: sid, until: now()})
	}
}

// now is the time without its monotonic reading: as times come back from the file.
func now() time.Time { return time.Now().UTC().Round(0) }

// Booted says that a process starts now with these epochs on its disk.
func (h *History) Booted(at time.Time, sid quorum.SID, e zab.Epochs) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tally.Starts++
	h.lives[sid] = &life{newest: at}
	h.add(entry{at: at, kind: kindDisk, sid: sid, epochs: e})
}

// Died says that a process is dead since an instant, that all it told is here, and what is on its disk. What it did
// after the last event that it told is missing.
func (h *History) Died(at time.Time, sid quorum.SID, e zab.Epochs) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.lives[sid]
	delete(h.lives, sid)
	if !l.heard {
		h.tally.Unheard++
		h.t.Logf("server %d: nothing was heard of the life from %s to %s", sid, l.newest.Format(time.TimeOnly), at.Format(time.TimeOnly))
	}
	h.add(entry{at: l.newest.Add(-overtaking), kind: kindMissing, sid: sid, until: at, looked: true, epochs: e})
	h.add(entry{at: now(), kind: kindDisk, sid: sid, epochs: e})
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

// overtake is overtaking, and what a busy machine adds.
const overtake = time.Second

// Judge judges what happened up to an instant of which all is known: every process that runs has told of something
// that came later. The error says what was not to happen.
func (h *History) Judge() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	until := time.Now()
	for _, l := range h.lives {
		if l.newest.Before(until) {
			until = l.newest
		}
	}
	return h.judgeUntil(until.Add(-overtake))
}

// judgeUntil judges all entries before an instant. The caller holds the lock.
func (h *History) judgeUntil(until time.Time) error {
	sortEntries(h.entries)
	n, _ := slices.BinarySearchFunc(h.entries, until, func(e entry, at time.Time) int { return e.at.Compare(at) })
	for _, e := range h.entries[:n] {
		if err := e.tell(h.checker); err != nil {
			h.complain(err)
		}
	}
	h.entries = slices.Delete(h.entries, 0, n)
	return h.bad
}

// finish judges the rest, when all processes are dead.
func (h *History) finish() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.add(entry{at: now(), kind: kindEnd})
	_ = h.judgeUntil(time.Now().Add(time.Hour)) // the first error is kept, also of what follows
	if err := h.file.Close(); err != nil {
		h.complain(err)
	}
	return h.bad
}

// Counts says how much was judged, and how much was heard.
func (h *History) Counts() (invariant.Counts, Told) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.checker.Counts(), h.tally
}
