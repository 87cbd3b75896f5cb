package event

import (
	"sync/atomic"
	"time"

	"electnode/internal/quorum"
)

// Event is one thing that happened. The concrete types are the vocabulary of this package: structs that
// are passed by value, but for the two of notifications.
type Event interface {
	// Name is the event's name in recordings and metrics: the name of its type.
	Name() string
}

// Stamped is an event with its circumstances.
type Stamped struct {
	// Time is when it happened: wall clock and, within this process, the monotonic clock.
	Time time.Time
	// Node is the server it happened on.
	Node quorum.SID
	// Election numbers the elections of one process from 1; it is that of the running election or, while
	// settled, of the last one. 0 is before the first.
	Election uint64
	Event    Event
}

// Sink takes events. Record is safe from any goroutine, never blocks and returns no error: a sink that
// cannot keep up loses events and counts them.
type Sink interface {
	Record(Stamped)
}

// SinkFunc makes a function a Sink.
type SinkFunc func(Stamped)

// Record calls f.
func (f SinkFunc) Record(s Stamped) { f(s) }

// FanOut hands every event to each of its sinks in order.
type FanOut []Sink

// Record hands s to every sink.
func (f FanOut) Record(s Stamped) {
	for _, sink := range f {
		sink.Record(s)
	}
}

// Emitter stamps the events of one node. Safe from any goroutine.
type Emitter struct {
	node     quorum.SID
	sink     Sink
	now      func() time.Time
	election atomic.Uint64
	sent     sentSlab
}

// NewEmitter makes an emitter for the events of node. now is the clock, time.Now in production.
func NewEmitter(node quorum.SID, now func() time.Time, sink Sink) *Emitter {
	return &Emitter{node: node, sink: sink, now: now}
}

// Emit records ev as happening now.
func (e *Emitter) Emit(ev Event) { e.EmitAt(e.now(), ev) }

// EmitAt records ev as having happened at t. An ElectionStarted is the first event of the next election.
func (e *Emitter) EmitAt(t time.Time, ev Event) {
	if _, next := ev.(ElectionStarted); next {
		e.election.Add(1)
	}
	e.sink.Record(Stamped{Time: t, Node: e.node, Election: e.election.Load(), Event: ev})
}

// Sent records ev as happening now. It takes no memory of its own for most calls.
func (e *Emitter) Sent(ev NotificationSent) {
	p := e.sent.take()
	*p = ev
	e.Emit(p)
}
