package tracing

import (
	"encoding/binary"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"
)

const (
	// grace is how long a finished election waits for events that links record a little late.
	grace = 50 * time.Millisecond
	// late is how long after that a straggler still finds its place.
	late = 5 * time.Second
	// keptElections bounds the elections that are remembered, finished ones included.
	keptElections = 8
)

// builder makes spans of the events of one node. It reads no clock: time comes with the events and with
// tick. One goroutine owns it.
type builder struct {
	self   quorum.SID
	put    func(span)     // takes each finished span
	drop   func(n uint64) // is told of spans that were given up
	random func() uint64

	tracker   traceid.Tracker
	view      *quorum.View
	now       time.Time   // the latest instant that was seen
	base      time.Time   // what times are told from, so that a clock that is set does not bend a trace
	elections []*election // oldest first; the last one is the running or last
	talks     map[quorum.SID]*talk
	conns     map[quorum.SID]*connecting
	sends     sends
	lostAt    time.Time     // when the last established leader was lost; zero while there is one, or never was
	lostIn    traceid.Trace // the trace that the last "leader lost" went to
}

// newBuilder makes a builder for the events of self. view is that of the start; the events bring later ones.
func newBuilder(self quorum.SID, view *quorum.View, random func() uint64, put func(span), drop func(uint64)) *builder {
	b := &builder{self: self, put: put, drop: drop, random: random,
		sends: sends{known: map[sendKey]bool{}}}
	b.reset(view)
	return b
}

// reset forgets everything but what is needed to name things.
func (b *builder) reset(view *quorum.View) {
	b.elections, b.talks, b.conns = nil, map[quorum.SID]*talk{}, map[quorum.SID]*connecting{}
	b.lostAt = time.Time{}
	b.view = view
	b.tracker.Observe(event.Stamped{Event: event.NodeStarted{View: view}})
}

// take applies the next event.
func (b *builder) take(s event.Stamped) bool {
	b.tick(s.Time)
	if ev, ok := s.Event.(event.NodeStarted); ok {
		b.flush(s.Time) // a process that was killed did not say goodbye
		b.reset(ev.View)
		return true
	}
	info := b.tracker.Observe(s)
	if e := b.last(); e != nil && e.info.Number == info.Number {
		e.info = info
	}
	return b.takeElection(s) || b.takeEpoch(s) || b.takeLink(s) || b.takeRest(s)
}

// takeRest is for what concerns the node itself, and for what leaves no trace.
func (b *builder) takeRest(s event.Stamped) bool {
	switch ev := s.Event.(type) {
	case event.NodeStopped:
		b.flush(s.Time)
	case event.ConfigSeen:
		if ev.View != nil {
			b.view = ev.View
		}
	case event.StateChanged, event.NotificationReplaced, event.ResendScheduled, event.EventsDropped, event.LinesLeftOut,
		event.ConnectionDown, event.HandshakeRejected, event.ListenFailed, event.PeerResolved, event.FollowerLost,
		event.HeartbeatMissed, event.HeartbeatAnswered, event.HistoryRefused, event.RequestRefused,
		event.CertificateRenewed:
		// Shown by metrics and logs. Each may come without end while no election runs.
	default:
		return false
	}
	return true
}

// tick does what is due at now. Going back does no harm.
func (b *builder) tick(now time.Time) {
	if now.After(b.now) {
		b.now = now
	}
	for _, e := range b.elections {
		for !e.flushed && !e.flushAt.After(b.now) {
			b.due(e)
		}
	}
	b.tickTalks()
	b.trim()
}

// due does what an election waited for.
func (b *builder) due(e *election) {
	switch {
	case !e.endedAt.IsZero():
		b.finish(e)
	case e.decided != nil && !e.postponed:
		e.flushAt, e.postponed = e.flushAt.Add(postponement), true
	default:
		b.piece(e, e.flushAt, false)
	}
}

// deadline is when tick has something to do; zero: nothing.
func (b *builder) deadline() time.Time {
	var first time.Time
	at := func(t time.Time) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	for _, e := range b.elections {
		if !e.flushed {
			at(e.flushAt)
		}
	}
	for _, t := range b.talks {
		if until := b.holdsUntil(t); !until.IsZero() {
			at(until)
		}
	}
	return first
}

// flush gives out everything there is.
func (b *builder) flush(now time.Time) {
	if now.After(b.now) {
		b.now = now
	}
	if e := b.last(); e != nil && e.ended == "" {
		e.ended = event.ReasonStopped
	}
	b.end(b.now)
	for _, e := range b.elections {
		if !e.flushed {
			b.finish(e)
		}
	}
	b.settleTalks()
}

// last is the running or last election, nil before the first.
func (b *builder) last() *election {
	if len(b.elections) == 0 {
		return nil
	}
	return b.elections[len(b.elections)-1]
}

// running is the election that s belongs to, if it has not ended.
func (b *builder) running(s event.Stamped) *election {
	if e := b.last(); e != nil && e.info.Number == s.Election && e.endedAt.IsZero() {
		return e
	}
	return nil
}

// find is the election with this number, nil if it is not remembered.
func (b *builder) find(number uint64) *election {
	for _, e := range b.elections {
		if e.info.Number == number {
			return e
		}
	}
	return nil
}

// trim forgets the oldest elections beyond the bound.
func (b *builder) trim() {
	for len(b.elections) > keptElections {
		if e := b.elections[0]; !e.flushed {
			b.finish(e)
		}
		b.elections = append(b.elections[:0], b.elections[1:]...)
	}
}

// newID is a span id that nobody has to guess.
func (b *builder) newID() traceid.Span {
	var id traceid.Span
	for id == (traceid.Span{}) {
		binary.BigEndian.PutUint64(id[:], b.random())
	}
	return id
}

// emit hands a span on, its times told from one clock.
func (b *builder) emit(s span) {
	s.start, s.end = b.clock(s.start), b.clock(s.end)
	if s.end.Before(s.start) {
		s.end = s.start
	}
	for i := range s.notes {
		s.notes[i].at = b.clock(s.notes[i].at)
	}
	s.add(number("sid", b.self))
	b.put(s)
}

// clock is the wall clock that t would have shown had nobody set it since the election began.
func (b *builder) clock(t time.Time) time.Time {
	if b.base.IsZero() || t.IsZero() {
		return t.Round(0)
	}
	return b.base.Round(0).Add(t.Sub(b.base))
}

// member reports whether sid stands in the configuration.
func (b *builder) member(sid quorum.SID) bool {
	if b.view == nil {
		return false
	}
	_, ok := b.view.Member(sid)
	return ok
}
