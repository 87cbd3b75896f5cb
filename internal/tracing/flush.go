package tracing

import (
	"maps"
	"slices"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/traceid"

	"go.opentelemetry.io/otel/attribute"
)

// finish shows the end of an election.
func (b *builder) finish(e *election) {
	if e.established() {
		b.final(e)
	} else {
		b.piece(e, e.endedAt, true)
	}
	e.flushed = true
}

// piece shows what there is of an election that has no established leader, up to until: under its
// provisional id, the first time as the root, later as children of that.
func (b *builder) piece(e *election, until time.Time, over bool) {
	s := b.describe(e, until)
	s.trace, s.id, s.start = e.info.Provisional(), b.newID(), e.shown
	root := traceid.Root(s.trace)
	if e.parted == 0 {
		s.id = root
		s.links = b.causes(e)
	} else {
		s.parent = root
	}
	e.trace, e.id, e.idFrom = s.trace, s.id, s.start
	e.cut(b, until)
	for _, t := range b.sortedTalks() {
		e.msgs = append(e.msgs, t.extract(e)...)
	}
	for i := range e.msgs {
		e.msgs[i].exact = false // nobody knows in which trace their senders show them
	}
	b.emit(s)
	b.contents(e)
	if over {
		b.epochSpans(e)
	}
	e.parted++
	e.shown = until
	e.step = min(2*e.step, longestStep)
	e.flushAt, e.postponed = until.Add(e.step), false
}

// final shows an election that led to an established leader, in the trace that all nodes know.
func (b *builder) final(e *election) {
	s := b.describe(e, e.endedAt)
	s.trace, s.id, s.links = e.info.Trace(), b.newID(), b.causes(e)
	root := traceid.Root(s.trace)
	if e.parted > 0 {
		s.links = append(s.links, link{e.info.Provisional(), traceid.Root(e.info.Provisional()), linkParts})
	}
	switch {
	case e.info.Kind == traceid.KindJoining:
		s.id = root
		to := traceid.Election(e.info.Ensemble, e.info.Epoch)
		s.links = append(s.links, link{to, traceid.Root(to), linkJoined})
	case e.info.Leader == b.self:
		s.id = root
		if heard := b.earliest(e); heard.Before(e.start) {
			s.add(word("looking_at", b.clock(e.start).UTC().Format(time.RFC3339Nano)))
			s.start = heard
		}
	default:
		s.parent, s.remote = root, true
	}
	e.trace, e.id, e.idFrom = s.trace, s.id, time.Time{}
	b.emit(s)
	b.contents(e)
	b.epochSpans(e)
}

// causes are the links to what the election followed.
func (b *builder) causes(e *election) []link {
	var links []link
	if c := e.info.Cause; c != nil {
		links = append(links, link{c.Trace, traceid.Lost(c.Trace, c.Node), linkCause})
	}
	if e.info.Before != (traceid.Trace{}) {
		links = append(links, link{e.info.Before, traceid.Root(e.info.Before), linkBefore})
	}
	return links
}

// contents shows the rounds, messages and connections of e under its span.
func (b *builder) contents(e *election) {
	for _, r := range e.rounds {
		b.under(e, r)
	}
	for _, m := range e.msgs {
		b.showBeside(e, m)
	}
	b.unlinked(e)
	for _, p := range e.parts {
		b.under(e, p)
	}
	e.rounds, e.msgs, e.parts = nil, nil, nil
}

// counterpart is a peer in an election of this node.
type counterpart struct {
	words
	replyAt   time.Time // by the peer's clock
	electnode bool      // it answered with a message id, so it may be traced
}

// with is the counterpart with this sid.
func (e *election) with(peer quorum.SID) *counterpart {
	c := e.peers[peer]
	if c == nil {
		c = &counterpart{}
		e.peers[peer] = c
	}
	return c
}

// showBeside shows a message of e in the trace of e; or, if the peer must have taken this node for a joiner
// where it took part, or the other way round, in the trace where the peer looks for it.
func (b *builder) showBeside(e *election, m message) {
	in, c := e.trace, e.peers[m.peer()]
	if m.under == (traceid.Span{}) {
		m.under = e.home(m.at)
	}
	if c != nil && c.electnode && e.established() && e.trace == e.info.Trace() && (m.sent != nil || m.exact) {
		switch kind := c.verdict(b.self, e); {
		case kind == traceid.KindJoining && e.info.Kind == traceid.KindElection:
			in = traceid.Joining(e.info.Ensemble, e.info.Epoch, b.self, e.info.Start)
			b.stub(e, in)
			m.under = traceid.Root(in)
		case kind == traceid.KindElection && e.info.Kind == traceid.KindJoining:
			in = traceid.Election(e.info.Ensemble, e.info.Epoch)
			m.under, m.far = traceid.Root(in), true
		}
	}
	b.show(m, in)
}

// stub makes a root for the spans of peers that took this node for a joiner.
func (b *builder) stub(e *election, in traceid.Trace) {
	if e.stubbed {
		return
	}
	e.stubbed = true
	s := b.describe(e, e.endedAt)
	s.trace, s.id = in, traceid.Root(in)
	s.links = []link{{e.trace, e.id, linkJoined}}
	b.emit(s)
}

// under gives out s in the trace of e; without a parent it stands under its election.
func (b *builder) under(e *election, s span) {
	s.trace = e.trace
	if s.parent == (traceid.Span{}) {
		s.parent = e.home(s.start)
	}
	b.emit(s)
}

// home is the span of e that something at that time stands under: the last part, or the first one if that
// begins too late.
func (e *election) home(at time.Time) traceid.Span {
	if at.Before(e.idFrom) {
		return traceid.Root(e.trace)
	}
	return e.id
}

// cut ends the open round at until, and begins its continuation.
func (e *election) cut(b *builder, until time.Time) {
	if e.round == nil {
		return
	}
	next := &span{id: b.newID(), name: nameRound, start: until, attrs: slices.Clone(e.round.attrs)}
	if !e.cutoff {
		next.add(attribute.Bool("electnode.continued", true))
	}
	e.cutoff = true
	e.endRound(until)
	e.round, e.under = next, next.id
}

// longBefore is how long before this node's own loss of a leader another may have begun to look for the next:
// limits of ticks are that long at most.
const longBefore = 30 * time.Second

// earliest is when the election began on the first of those that took part in it, as far as this leader
// knows and clocks agree: a root does not begin after its children.
func (b *builder) earliest(e *election) time.Time {
	first := e.start
	for _, t := range b.talks {
		switch {
		case !t.clocks || t.heard.Before(e.start.Add(-hold)) || t.heard.After(e.endedAt.Add(grace)) || t.verdict(t.peer, e) != traceid.KindElection:
		case !e.lostAt.IsZero() && t.at.Before(e.lostAt.Add(-longBefore)):
		case t.at.Before(first):
			first = t.at
		}
	}
	return first
}

// shownUntil is the instant up to which an election that began at start, and still ran at now, was shown
// under its provisional id; zero if it was not.
func shownUntil(start, now time.Time) time.Time {
	var shown time.Time
	at, step := start.Add(traceid.Patience), traceid.Patience
	for ; !at.After(now); at = at.Add(step) {
		shown = at
		if step = min(2*step, longestStep); step == longestStep {
			return at.Add(now.Sub(at) / longestStep * longestStep)
		}
	}
	return shown
}

// sortedTalks lists the talks by ascending sid, so that the same events always give the same spans.
func (b *builder) sortedTalks() []*talk {
	var all []*talk
	for _, sid := range slices.Sorted(maps.Keys(b.talks)) {
		all = append(all, b.talks[sid])
	}
	return all
}
