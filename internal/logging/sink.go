package logging

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"electnode/internal/event"
)

// queueSize is how many events may wait to be written: a second of a stormy election, at about 200 bytes
// each.
const queueSize = 4096

// Sink writes a line for every event that a person would want, at the level that fits. Record never
// blocks: when the queue is full the newest event is lost and counted, and a line says so later.
type Sink struct {
	log     *slog.Logger
	queue   chan event.Stamped
	dropped atomic.Uint64
	done    chan struct{}
	quit    chan struct{}
}

// NewSink makes a sink that writes to log and starts its goroutine; Close ends it.
func NewSink(log *slog.Logger) *Sink {
	s := &Sink{log: log, queue: make(chan event.Stamped, queueSize), done: make(chan struct{}),
		quit: make(chan struct{})}
	// Owned by the sink, ended by Close.
	go s.write()
	return s
}

// Record implements event.Sink.
func (s *Sink) Record(st event.Stamped) {
	if level, ok := levelOf(st.Event); !ok || !s.log.Enabled(context.Background(), level) {
		return
	}
	select {
	case s.queue <- st:
	default:
		s.dropped.Add(1)
	}
}

// Close writes what waits and ends the goroutine, within limit. Events recorded afterwards are lost.
func (s *Sink) Close(limit time.Duration) {
	close(s.quit)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
	}
}

func (s *Sink) write() {
	defer close(s.done)
	for {
		select {
		case st := <-s.queue:
			s.line(st)
		case <-s.quit:
			for {
				select {
				case st := <-s.queue:
					s.line(st)
				default:
					return
				}
			}
		}
	}
}

func (s *Sink) line(st event.Stamped) {
	if n := s.dropped.Swap(0); n > 0 {
		s.emit(event.Stamped{Time: st.Time, Node: st.Node, Event: event.EventsDropped{Sink: "log", Count: n}})
	}
	s.emit(st)
}

func (s *Sink) emit(st event.Stamped) {
	level, _ := levelOf(st.Event)
	msg, attrs := describe(st.Event)
	r := slog.NewRecord(st.Time, level, msg, 0)
	r.AddAttrs(slog.Int64("sid", int64(st.Node)))
	if st.Election > 0 {
		r.AddAttrs(slog.Uint64("election", st.Election))
	}
	r.AddAttrs(attrs...)
	// There is nobody to tell that a line could not be written.
	_ = s.log.Handler().Handle(context.Background(), r)
}
