package tracing

import (
	"maps"
	"slices"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"

	"go.opentelemetry.io/otel/attribute"
)

// maxDials bounds the dials that are shown of one way to a connection: the first ones, and then a number.
const maxDials = 4

// connecting is the way to one connection with a member, from the first dial or hand-shake on.
type connecting struct {
	span
	parts  []span
	dials  int
	failed string // the last dial's result, if it was not a connection
}

// takeLink is for what happens to connections.
func (b *builder) takeLink(s event.Stamped) bool {
	switch ev := s.Event.(type) {
	case event.ConnectionAttempt:
		b.dialled(s, ev)
	case event.HandshakeCompleted:
		if c := b.connecting(ev.Peer, s.Time.Add(-ev.Duration)); c != nil {
			part := c.part(b, nameHandshake, s.Time.Add(-ev.Duration), s.Time)
			part.add(word("form", ev.Form))
		}
	case event.ConnectionTieBreak:
		if c := b.connecting(ev.Peer, s.Time); c != nil {
			part := c.part(b, nameTieBreak, s.Time, s.Time)
			part.add(word("side", ev.Side), word("outcome", ev.Outcome))
			if ev.Outcome == event.TieDropped || ev.Outcome == event.TieDroppedDialled {
				c.add(word("outcome", ev.Outcome))
				b.connected(s, ev.Peer, false)
			}
		}
	case event.ConnectionUp:
		if c := b.connecting(ev.Peer, s.Time); c != nil {
			c.add(word("outcome", "up"), attribute.Bool("electnode.dialled_by_us", ev.DialledByUs),
				attribute.String("network.peer.address", ev.Remote))
			b.connected(s, ev.Peer, true)
		}
	default:
		return false
	}
	return true
}

// connecting is the way to the next connection with peer, which begins at start if it is new. Strangers
// have none: they could come without end.
func (b *builder) connecting(peer quorum.SID, start time.Time) *connecting {
	if !b.member(peer) {
		return nil
	}
	c := b.conns[peer]
	e := b.last()
	stale := c != nil && (e == nil || e.flushed) && b.now.Sub(c.start) > late // a peer that is down, dialled again and again
	if c == nil || stale {
		c = &connecting{span: span{id: b.newID(), name: nameConnection, start: start}}
		c.add(peerOf(peer))
		b.conns[peer] = c
	}
	if start.Before(c.start) {
		c.start = start
	}
	c.end = b.now
	return c
}

func (c *connecting) part(b *builder, name string, start, end time.Time) *span {
	if len(c.parts) >= 4*maxDials {
		b.drop(1)
		c.parts = append(c.parts[:0], c.parts[1:]...)
	}
	c.parts = append(c.parts, span{id: b.newID(), parent: c.id, name: name, start: start, end: end})
	return &c.parts[len(c.parts)-1]
}

func (b *builder) dialled(s event.Stamped, ev event.ConnectionAttempt) {
	c := b.connecting(ev.Peer, s.Time.Add(-ev.Duration))
	if c == nil {
		return
	}
	c.dials++
	c.failed = ev.Result
	if ev.Result == event.DialConnected {
		c.failed = ""
	}
	if c.dials > maxDials && c.failed != "" {
		return
	}
	part := c.part(b, nameDial, s.Time.Add(-ev.Duration), s.Time)
	part.add(word("address", ev.Address), word("result", ev.Result))
	part.detail(ev.Detail)
	if c.failed != "" {
		part.fail(ev.Result, "dial: "+ev.Result)
	}
}

// connected shows the way to a connection that stands, or that gave way to another: under the election that
// runs, or else in a trace of its own if it stands.
func (b *builder) connected(s event.Stamped, peer quorum.SID, up bool) {
	c := b.conns[peer]
	delete(b.conns, peer)
	c.end = s.Time
	if e := b.last(); e != nil && !e.flushed {
		b.join(e, c)
		return
	}
	if !up {
		return
	}
	c.count()
	high, low := b.newID(), b.newID()
	own := traceid.Trace(append(high[:], low[:]...))
	c.trace = own
	b.emit(c.span)
	for _, p := range c.parts {
		p.trace = own
		b.emit(p)
	}
}

// join puts the way to a connection under e. What began before e is shown from its start on.
func (b *builder) join(e *election, c *connecting) {
	c.count()
	if len(e.parts) >= maxParts {
		b.drop(1)
		e.parts = append(e.parts[:0], e.parts[1:]...)
	}
	for _, p := range append([]span{c.span}, c.parts...) {
		if p.start.Before(e.start) {
			p.start = e.start
		}
		e.parts = append(e.parts, p)
	}
}

func (c *connecting) count() {
	if c.dials > 0 {
		c.add(number("dials", int64(c.dials)))
	}
}

// unlinked puts under e the peers that were dialled in vain so far.
func (b *builder) unlinked(e *election) {
	for _, peer := range slices.Sorted(maps.Keys(b.conns)) {
		c := b.conns[peer]
		if c.failed == "" {
			continue
		}
		c.add(word("outcome", "failed"))
		c.span.fail(c.failed, "dial: "+c.failed)
		b.join(e, c)
		delete(b.conns, peer)
	}
}
