package recorder

import (
	"sync"
	"time"

	"electnode/internal/event"
	"electnode/internal/queue"
)

// pump takes events from a queue on a goroutine of its own.
type pump struct {
	queue *queue.Queue
	asked chan chan struct{}
	taken chan struct{} // of who asked, for the goroutine to close when the queue is empty; nil: nobody
	quit  chan struct{}
	done  chan struct{}
	once  sync.Once
}

// batchSize is how many events are taken from the queue at once.
const batchSize = 64

// newPump starts the goroutine, which calls take for each event and dropped for those that were lost.
func newPump(size int, take func(event.Stamped), dropped func(uint64)) *pump {
	p := &pump{queue: queue.New(size), asked: make(chan chan struct{}), quit: make(chan struct{}), done: make(chan struct{})}
	// Owned by the pump, ended by Close.
	go p.run(take, dropped)
	return p
}

// Record implements event.Sink.
func (p *pump) Record(s event.Stamped) { p.queue.Record(s) }

// Sync returns when what was recorded before the call can be asked for.
func (p *pump) Sync() {
	taken := make(chan struct{})
	select {
	case p.asked <- taken:
	case <-p.done:
		return
	}
	select {
	case <-taken:
	case <-p.done:
	}
}

// Close records what waits and ends the goroutine, within limit. What was recorded can still be asked for;
// events that come later are lost. It may be called again.
func (p *pump) Close(limit time.Duration) {
	p.once.Do(func() { close(p.quit) })
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	}
}

func (p *pump) run(take func(event.Stamped), dropped func(uint64)) {
	defer close(p.done)
	buf := make([]event.Stamped, batchSize)
	for left := -1; left != 0; { // what may still be taken; -1: no end yet
		n, lost := p.queue.Take(buf)
		if lost > 0 {
			dropped(lost)
		}
		for i := range n {
			take(buf[i])
			buf[i] = event.Stamped{}
		}
		if n == 0 && p.taken != nil {
			close(p.taken)
			p.taken = nil
		}
		switch {
		case left > 0 && n > 0:
			left = max(0, left-n)
		case left > 0:
			left = 0
		default:
			left = p.wait(n > 0)
		}
	}
}

// wait waits for events, unless there may be more already, and says how many may still be taken: at the end no
// more than the queue holds, lest a storm keeps the goroutine.
func (p *pump) wait(more bool) int {
	if more {
		select {
		case <-p.quit:
			return p.queue.Size()
		default:
			return -1
		}
	}
	select {
	case <-p.queue.Ready():
		return -1
	case p.taken = <-p.asked:
		return -1
	case <-p.quit:
		return p.queue.Size()
	}
}

// Stream keeps the last events of all, of one node or of many, for those who listen. Its memory is bounded by
// Options.Bytes.
type Stream struct {
	*pump
	*tape
	lines encoder
}

// NewStream makes a stream and starts its goroutine; Close ends it.
func NewStream(opt Options) *Stream {
	opt = opt.withDefaults()
	s := &Stream{tape: newTape(opt.Token, opt.Bytes), lines: encoder{base: opt.Base, max: opt.shares().line}}
	s.pump = newPump(opt.Queue, s.take, opt.Dropped)
	return s
}

func (s *Stream) take(st event.Stamped) { s.write(s.lines.line(st)) }

func newTape(token string, size int) *tape { return &tape{token: token, lines: ring{max: size}} }

// encoder writes the lines of one goroutine into memory that is used again.
type encoder struct {
	base time.Time
	max  int
	buf  []byte
}

// line is valid until the next call. What would be longer than max is an EventsDropped of one event.
func (e *encoder) line(s event.Stamped) []byte {
	e.buf = event.AppendJSON(e.buf[:0], s, e.base)
	if len(e.buf) > e.max {
		s.Event = event.EventsDropped{Sink: sinkName, Count: 1}
		e.buf = event.AppendJSON(nil, s, e.base)
	}
	return e.buf
}

// sinkName is what the events that are left out of a recording are said to be dropped by.
const sinkName = "recorder"
