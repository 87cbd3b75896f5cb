package logging

import (
	"context"
	"log/slog"
	"time"

	"electnode/internal/event"
	"electnode/internal/queue"
	"electnode/internal/quorum"
	"electnode/internal/traceid"
)

// queueSize is how many events may wait to be written: a second of a stormy election, at about 200 bytes
// each.
const queueSize = 4096

// maxHeld bounds the lines of one node that wait for their trace id.
const maxHeld = 1024

// Sink writes a line for every event that a person would want, at the level that fits. The lines of an
// election carry its trace id, which is known when its leader is established: they wait for that,
// traceid.Patience at most, and keep the time at which things happened. Record never blocks: when the queue
// is full the oldest event is lost and counted, and a line says so.
type Sink struct {
	log   *slog.Logger
	opt   SinkOptions
	lost  uint64    // lines and events, not told yet
	told  time.Time // when the last loss was told
	queue *queue.Queue
	nodes map[quorum.SID]*waiting // owned by the goroutine, and so is limit
	limit limiter
	done  chan struct{}
	quit  chan struct{}
}

// SinkOptions says who is told of losses.
type SinkOptions struct {
	// Dropped is told how many events were lost since the last call, at most once a second, from the sink's
	// goroutine. It may record an event. Nil: only a line says so.
	Dropped func(count uint64)
	// LeftOut is told of lines that were left out because there were too many of their kind, from the sink's
	// goroutine. It may record the event, which makes a line. Nil: only the line says so.
	LeftOut func(event.LinesLeftOut)
	// Pipe is where the logger writes; what it loses counts as well. Nil: the logger may block, and what is lost
	// then is told when it does no longer.
	Pipe *Pipe
}

// reportEvery is the shortest time between two reports of loss.
const reportEvery = time.Second

// waiting are the lines of one node's running election.
type waiting struct {
	view    *quorum.View // nil: not known yet
	tracker traceid.Tracker
	held    []event.Stamped
	until   time.Time // of the oldest
}

// NewSink makes a sink that writes to log and starts its goroutine; Close ends it.
func NewSink(log *slog.Logger, opt SinkOptions) *Sink {
	s := &Sink{log: log, opt: opt, queue: queue.New(queueSize), nodes: map[quorum.SID]*waiting{},
		limit: limiter{kinds: map[lineKind]*kindState{}}, done: make(chan struct{}), quit: make(chan struct{})}
	// Owned by the sink, ended by Close.
	go s.run()
	return s
}

// Record implements event.Sink.
func (s *Sink) Record(st event.Stamped) {
	level, ok := levelOf(st.Event)
	if !ok || !enabled(s.log, level) && !tracked(st.Event) {
		return
	}
	s.queue.Record(st)
}

// tracked are the events that tell which trace an election belongs to: needed whatever the level is.
func tracked(ev event.Event) bool {
	switch ev.(type) {
	case event.NodeStarted, event.ConfigSeen, event.ElectionStarted, event.ElectionDecided,
		event.LeaderEstablished, event.LeaderLost, event.NodeStopped:
		return true
	}
	return false
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

// run owns the lines.
func (s *Sink) run() {
	defer close(s.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-s.queue.Ready():
			s.drain()
		case <-timer.C:
			s.release(time.Now())
		case <-s.quit:
			s.drain()
			for _, w := range s.nodes {
				s.flush(w)
			}
			s.told = time.Time{}
			s.limit.report(time.Now(), true, s.tellLeft)
			s.report(time.Now())
			s.drain() // the report
			return
		}
		s.report(time.Now())
		s.limit.report(time.Now(), false, func(node quorum.SID, ev event.LinesLeftOut) {
			if s.opt.LeftOut != nil {
				s.opt.LeftOut(ev) // comes back here and makes a line
				return
			}
			s.tellLeft(node, ev)
		})
		if next, ok := s.next(); ok {
			timer.Reset(time.Until(next))
		}
	}
}

// drain takes all that is in the queue.
func (s *Sink) drain() {
	var buf [64]event.Stamped
	for {
		n, lost := s.queue.Take(buf[:])
		s.lost += lost
		if n == 0 {
			return
		}
		for _, st := range buf[:n] {
			s.take(st)
		}
	}
}

// report tells what was lost, unless something was told a moment ago.
func (s *Sink) report(now time.Time) {
	if s.opt.Pipe != nil {
		s.lost += s.opt.Pipe.Lost()
	}
	if s.lost == 0 || now.Sub(s.told) < reportEvery {
		return
	}
	n := s.lost
	s.lost, s.told = 0, now
	if s.opt.Dropped != nil {
		s.opt.Dropped(n) // an event that comes back here and makes a line
		return
	}
	s.write(event.Stamped{Time: now, Event: event.EventsDropped{Sink: "log", Count: n}}, traceid.Trace{})
}

// tellLeft writes the line of what was left out.
func (s *Sink) tellLeft(node quorum.SID, ev event.LinesLeftOut) {
	s.write(event.Stamped{Time: time.Now(), Node: node, Event: ev}, traceid.Trace{})
}

// take writes the line of st, or holds it until its trace is known.
func (s *Sink) take(st event.Stamped) {
	w := s.nodes[st.Node]
	if w == nil {
		w = &waiting{}
		s.nodes[st.Node] = w
	}
	switch ev := st.Event.(type) {
	case event.ElectionStarted, event.NodeStopped:
		s.flush(w) // the election before came to nothing
	case event.NodeStarted:
		s.flush(w)
		w.view = ev.View
	case event.ConfigSeen:
		if ev.View != nil {
			w.view = ev.View
		}
	}
	was := w.tracker.Info()
	info := w.tracker.Observe(st)
	settled := was.Kind != traceid.KindUnfinished || was.Number == 0
	if info.Kind == traceid.KindUnfinished && info.Number != 0 {
		if _, stopped := st.Event.(event.NodeStopped); !stopped && s.hold(w, st, info) {
			return
		}
	}
	s.flush(w)
	if settled && !ofElection(st.Event) {
		s.write(st, traceid.Trace{})
		return
	}
	s.write(st, info.Trace())
}

// ofElection are the events after an election that belong to its outcome.
func ofElection(ev event.Event) bool {
	switch ev.(type) {
	case event.ElectionStarted, event.LeaderEstablished, event.LeaderLost, event.FollowerJoined:
		return true
	}
	return false
}

// hold keeps st until the trace of its election is known; false: it has waited long enough.
func (s *Sink) hold(w *waiting, st event.Stamped, info traceid.Info) bool {
	until := info.Start.Add(traceid.Patience)
	if !st.Time.Before(until) {
		return false
	}
	if len(w.held) == 0 {
		w.until = until
	}
	if len(w.held) == maxHeld {
		s.flush(w)
	}
	w.held = append(w.held, st)
	return true
}

// next is when the oldest lines have waited long enough, or a loss is to be told.
func (s *Sink) next() (time.Time, bool) {
	var first time.Time
	if s.lost > 0 {
		first = s.told.Add(reportEvery)
	}
	if at := s.limit.next(); !at.IsZero() && (first.IsZero() || at.Before(first)) {
		first = at
	}
	for _, w := range s.nodes {
		if len(w.held) > 0 && (first.IsZero() || w.until.Before(first)) {
			first = w.until
		}
	}
	return first, !first.IsZero()
}

// release writes the lines that have waited long enough at now.
func (s *Sink) release(now time.Time) {
	for _, w := range s.nodes {
		if !now.Before(w.until) {
			s.flush(w)
		}
	}
}

// flush writes the lines that wait, with what is known of their trace now.
func (s *Sink) flush(w *waiting) {
	trace := w.tracker.Info().Trace()
	for _, st := range w.held {
		s.write(st, trace)
	}
	clear(w.held)
	w.held = w.held[:0]
}

func (s *Sink) write(st event.Stamped, trace traceid.Trace) {
	level, _ := levelOf(st.Event)
	if !enabled(s.log, level) {
		return
	}
	if ev, own := st.Event.(event.EventsDropped); own && ev.Sink == "log" && s.opt.Pipe != nil && s.opt.Pipe.Stuck() {
		return // a line about lost lines would cost another
	}
	msg, attrs := describe(st.Event)
	if s.limit.leftOut(st, msg, s.member(st.Node)) {
		return
	}
	r := slog.NewRecord(st.Time, level, msg, 0)
	r.AddAttrs(slog.Int64("sid", int64(st.Node)))
	if st.Election > 0 {
		r.AddAttrs(slog.Uint64("election", st.Election))
	}
	if id := trace.String(); id != "" {
		r.AddAttrs(slog.String("trace_id", id))
	}
	r.AddAttrs(attrs...)
	// There is nobody to tell that a line could not be written.
	_ = s.log.Handler().Handle(context.Background(), r)
}

// member says who belongs to the ensemble of node; everybody as long as that is not known.
func (s *Sink) member(node quorum.SID) func(quorum.SID) bool {
	w := s.nodes[node]
	return func(sid quorum.SID) bool {
		if w == nil || w.view == nil {
			return true
		}
		_, ok := w.view.Member(sid)
		return ok
	}
}

func enabled(log *slog.Logger, level slog.Level) bool {
	return log.Enabled(context.Background(), level)
}
