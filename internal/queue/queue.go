package queue

import (
	"sync"
	"time"

	"electnode/internal/event"
)

// Queue is a Sink between those who emit and the one goroutine of a slower sink that takes from it. When
// it is full the oldest event is lost and counted; those who emit never wait.
type Queue struct {
	mu       sync.Mutex // held for a few assignments, or for as many copies as Take has room for
	ring     []event.Stamped
	head, n  int
	lost     uint64
	ready    chan struct{}
	timer    *time.Timer // nil: who takes is woken at once
	patience time.Duration
}

// New makes a queue for size events: 64 bytes each, and what they point to.
func New(size int) *Queue {
	return &Queue{ring: make([]event.Stamped, size), ready: make(chan struct{}, 1)}
}

// newPatient makes a queue whose events are to be taken a while after the first of them, or when it is half full.
func newPatient(size int, patience time.Duration) *Queue {
	q := New(size)
	q.timer, q.patience = time.AfterFunc(time.Hour, q.wake), patience
	q.timer.Stop()
	return q
}

// wake gives a token unless one is there.
func (q *Queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// Record implements event.Sink.
func (q *Queue) Record(s event.Stamped) {
	q.mu.Lock()
	first := q.n == 0
	at := q.head + q.n
	if at >= len(q.ring) {
		at -= len(q.ring)
	}
	q.ring[at] = s
	if q.n < len(q.ring) {
		q.n++
	} else {
		q.head = (q.head + 1) % len(q.ring)
		q.lost++
	}
	half := q.n == len(q.ring)/2
	q.mu.Unlock()
	switch {
	case half, first && q.timer == nil:
		q.wake()
	case first:
		q.timer.Reset(q.patience)
	}
}

// Ready gives a token when there is something to take. Whoever gets it must call Take until that returns 0
// events.
func (q *Queue) Ready() <-chan struct{} { return q.ready }

// Take moves the oldest events into buf and returns how many, and how many older ones were lost since the
// last call.
func (q *Queue) Take(buf []event.Stamped) (n int, lost uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(len(buf), q.n)
	for i := range n {
		buf[i], q.ring[q.head] = q.ring[q.head], event.Stamped{}
		q.head = (q.head + 1) % len(q.ring)
	}
	q.n -= n
	lost, q.lost = q.lost, 0
	return n, lost
}
