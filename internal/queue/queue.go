package queue

import (
	"sync"
	"time"

	"electnode/internal/event"
)

// Queue is a Sink between those who emit and the one goroutine of a slower sink that takes from it. Each of
// event's lanes has places of its own; when there is none left the oldest event of that lane is lost and counted.
// Those who emit never wait. The order is kept.
type Queue struct {
	mu       sync.Mutex // held for a few assignments, or for as many copies as Take has room for
	lanes    [event.Lanes]lane
	size, n  int
	seq      uint64 // of the newest event
	lost     uint64
	ready    chan struct{}
	timer    *time.Timer // nil: who takes is woken at once
	patience time.Duration
}

// lane is a ring of events of one lane.
type lane struct {
	ring    []place
	head, n int
}

// place is an event with its number among all.
type place struct {
	seq uint64
	s   event.Stamped
}

// share is the part of the places for chatter that each other lane has: elections are few.
const share = 4

// New makes a queue for size events of chatter and half as many others: 72 bytes each, and what they point to.
func New(size int) *Queue {
	q := &Queue{size: size, ready: make(chan struct{}, 1)}
	for i := range q.lanes {
		n := size
		if event.Lane(i) != event.LaneChatter {
			n = max(1, size/share)
		}
		q.lanes[i].ring = make([]place, n)
	}
	return q
}

// Size is how many events it can hold, of all lanes together.
func (q *Queue) Size() int {
	n := 0
	for i := range q.lanes {
		n += len(q.lanes[i].ring)
	}
	return n
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
	of := event.LaneOf(s.Event)
	q.mu.Lock()
	first := q.n == 0
	q.seq++
	l := &q.lanes[of]
	if l.push(place{q.seq, s}) {
		q.n++
	} else {
		q.lost++
	}
	half := q.n == q.size/2 || l.n == len(l.ring)/2
	q.mu.Unlock()
	switch {
	case half, first && q.timer == nil:
		q.wake()
	case first:
		q.timer.Reset(q.patience)
	}
}

// push adds p; false: in the place of the oldest.
func (l *lane) push(p place) bool {
	at := l.head + l.n
	if at >= len(l.ring) {
		at -= len(l.ring)
	}
	l.ring[at] = p
	if l.n < len(l.ring) {
		l.n++
		return true
	}
	l.head = (l.head + 1) % len(l.ring)
	return false
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
		l := q.oldest()
		buf[i], l.ring[l.head] = l.ring[l.head].s, place{}
		if l.head++; l.head == len(l.ring) {
			l.head = 0
		}
		l.n--
	}
	q.n -= n
	lost, q.lost = q.lost, 0
	return n, lost
}

// oldest is the lane with the oldest event; there is one. The caller holds the lock.
func (q *Queue) oldest() *lane {
	var first *lane
	for i := range q.lanes {
		l := &q.lanes[i]
		if l.n > 0 && (first == nil || l.ring[l.head].seq < first.ring[first.head].seq) {
			first = l
		}
	}
	return first
}
