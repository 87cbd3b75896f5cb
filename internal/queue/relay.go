package queue

import (
	"sync"
	"time"

	"electnode/internal/event"
)

const (
	// relaySize is how many events may wait for the relay: it only hands them on, so a tenth of a second of the
	// worst storm, at 64 bytes each and what they point to.
	relaySize = 16384
	// patience is how long they wait: an election that is over by then has not shared its processors with those
	// who show it.
	patience = 50 * time.Millisecond
	// takenAtOnce is how many are handed on at a time.
	takenAtOnce = 64
)

// Relay hands events on to several sinks, 50 ms later and in its own goroutine, so that who emits pays for one
// queue whatever there is to see. The order is kept. Of a flood of rejected hand-shakes it hands on a few, which
// say how many they stand for.
type Relay struct {
	queue *Queue
	merge *merger
	sinks event.FanOut
	lost  func(count uint64)
	asked chan chan struct{}
	quit  chan struct{}
	once  sync.Once
	done  chan struct{}
}

// NewRelay makes a relay and starts its goroutine; Close ends it. lost is told of events that were lost because
// too many waited, from that goroutine; it may record an event.
func NewRelay(sinks event.FanOut, lost func(count uint64)) *Relay {
	q := newPatient(relaySize, patience)
	r := &Relay{queue: q, merge: newMerger(q), sinks: sinks, lost: lost, asked: make(chan chan struct{}),
		quit: make(chan struct{}), done: make(chan struct{})}
	// Owned by the relay, ended by Close.
	go r.run()
	return r
}

// Record implements event.Sink.
func (r *Relay) Record(s event.Stamped) {
	select {
	case <-r.done:
		r.sinks.Record(s)
		return
	default:
	}
	if ev, ok := s.Event.(event.HandshakeRejected); ok {
		r.merge.record(s, ev)
		return
	}
	r.queue.Record(s)
}

// Sync returns when the sinks have all that was recorded before the call.
func (r *Relay) Sync() {
	handed := make(chan struct{})
	select {
	case r.asked <- handed:
		<-handed
	case <-r.done:
	}
}

// Close hands on what waits and ends the goroutine. What is recorded afterwards goes to the sinks at once: it is what they
// lost at their own end. It may be called again.
func (r *Relay) Close() {
	r.once.Do(func() { close(r.quit) })
	<-r.done
}

func (r *Relay) run() {
	defer close(r.done)
	for {
		select {
		case <-r.queue.Ready():
			r.hand()
		case handed := <-r.asked:
			r.merge.flush()
			r.hand()
			close(handed)
		case <-r.quit:
			r.merge.close()
			r.hand()
			return
		}
	}
}

// hand hands on what waits, but no more than fits into the queue: in a storm others want to be heard, too.
func (r *Relay) hand() {
	var buf [takenAtOnce]event.Stamped
	for left := r.queue.Size(); left > 0; {
		n, lost := r.queue.Take(buf[:])
		if lost > 0 {
			r.lost(lost)
		}
		if n == 0 {
			return
		}
		for i := range n {
			r.sinks.Record(buf[i])
			buf[i] = event.Stamped{}
		}
		left -= n
	}
	r.queue.wake() // there may be more
}
