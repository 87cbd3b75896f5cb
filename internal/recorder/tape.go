package recorder

import (
	"sort"
	"sync"
)

// tape is the last events of all, numbered from 1 without gaps. Safe for use by many goroutines.
type tape struct {
	token string

	mu      sync.Mutex // held for a copy of one batch at most
	last    uint64     // number of the newest event
	lines   ring
	marks   []mark        // where every markEvery-th line begins, so that nobody looks through all of them
	changed chan struct{} // closed with the next event; nil: nobody waits
}

// mark says where a line begins, in bytes since the first.
type mark struct{ seq, at uint64 }

const markEvery = 16

// Batch is what a reader of a stream gets at once.
type Batch struct {
	First  uint64   // number of the first line
	Lines  [][]byte // events in the form of event.AppendJSON, numbered one after the other
	Missed uint64   // events before First that are gone already
	Next   uint64   // where to read on
	// Wait is closed when there is more; nil unless Lines is empty.
	Wait <-chan struct{}
}

// Token tells this process from others: a position means nothing elsewhere.
func (t *tape) Token() string { return t.token }

// Read gives the events from the number from on: about limit bytes, one event at least if there is one. 0
// stands for the next one that will happen, and so does what is higher than that. Nothing is kept for
// readers: who comes too late is told how many events are gone. Safe from any goroutine.
func (t *tape) Read(from uint64, limit int) Batch {
	t.mu.Lock()
	if from == 0 || from > t.last {
		defer t.mu.Unlock()
		if t.changed == nil {
			t.changed = make(chan struct{})
		}
		return Batch{First: t.last + 1, Next: t.last + 1, Wait: t.changed}
	}
	oldest := t.last + 1 - uint64(t.lines.n)
	packed := t.lines.after(from, limit, t.near(from))
	t.mu.Unlock()
	b := Batch{First: max(from, oldest)}
	b.Missed = b.First - from
	for e := range entries(packed) {
		b.Lines = append(b.Lines, e.text)
	}
	b.Next = b.First + uint64(len(b.Lines))
	return b
}

// near is a place in the ring at or before the line with a number. The caller holds the lock.
func (t *tape) near(seq uint64) int {
	i := sort.Search(len(t.marks), func(i int) bool { return t.marks[i].seq > seq })
	if i == 0 {
		return 0
	}
	return int(t.marks[i-1].at - (t.lines.end - uint64(t.lines.used)))
}

// write adds an event, which is short enough.
func (t *tape) write(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	if t.last%markEvery == 0 {
		t.marks = append(t.marks, mark{t.last, t.lines.end})
	}
	t.lines.push(t.last, line)
	for len(t.marks) > 0 && t.marks[0].seq+uint64(t.lines.n) <= t.last {
		t.marks = t.marks[1:]
	}
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}
