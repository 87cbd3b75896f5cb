package sim

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/quorum"
)

// link is the election connection of a pair, as the connection manager keeps it: newest message wins,
// the last one is sent again on a new connection.
type link struct {
	w    *World
	pair pair
	up   bool
	gen  int // number of the connection; what was under way on an older one is lost
	side [2]linkEnd
}

// linkEnd is what one server keeps for the other.
type linkEnd struct {
	queued  *fle.Send
	last    *fle.Send
	dialing bool
	arrives time.Time // when the last message on its way to the other end arrives
}

func (w *World) link(a, b quorum.SID) *link {
	key := unordered(a, b)
	l := w.links[key]
	if l == nil {
		l = &link{w: w, pair: key}
		w.links[key] = l
	}
	return l
}

func (l *link) end(sid quorum.SID) *linkEnd {
	if sid == l.pair.from {
		return &l.side[0]
	}
	return &l.side[1]
}

func (l *link) other(sid quorum.SID) quorum.SID {
	if sid == l.pair.from {
		return l.pair.to
	}
	return l.pair.from
}

// send queues a message of from and, without a connection, dials.
func (l *link) send(from quorum.SID, m fle.Send) {
	e := l.end(from)
	if e.queued != nil {
		l.w.server(from).record(event.NotificationReplaced{Peer: l.other(from), MessageID: e.queued.Sent.MessageID})
	}
	e.queued = &m
	if l.up {
		l.flush(from)
		return
	}
	l.dial(from)
}

// dial tries to connect; a dead peer refuses, a cut network says nothing for the connect time-out.
func (l *link) dial(from quorum.SID) {
	e, w := l.end(from), l.w
	if e.dialing {
		return
	}
	e.dialing = true
	me, peer := w.server(from), w.server(l.other(from))
	boot := me.boots
	wait := w.upTo(w.opt.DelayMax)
	reach := w.bothWays(from, peer.sid)
	if !reach {
		wait = 5 * time.Second
	}
	w.after(wait, func() {
		e.dialing = false
		if me.boots != boot || me.core == nil || l.up {
			return
		}
		if peer.core != nil && w.bothWays(from, peer.sid) {
			l.connect()
			return
		}
		me.input(fle.Input{Kind: fle.DialFailed, Peer: peer.sid})
	})
}

// connect brings the link up at both ends and sends what waits, or the last message again.
func (l *link) connect() {
	l.up = true
	l.gen++
	for _, sid := range []quorum.SID{l.pair.from, l.pair.to} {
		l.w.server(sid).input(fle.Input{Kind: fle.LinkUp, Peer: l.other(sid)})
	}
	for _, sid := range []quorum.SID{l.pair.from, l.pair.to} {
		e := l.end(sid)
		if e.queued == nil && e.last != nil {
			again := *e.last
			again.Sent.Cause = event.SendReconnect
			e.queued = &again
		}
		l.flush(sid)
	}
}

// flush writes the waiting message; the network may lose, delay, reorder or repeat it.
func (l *link) flush(from quorum.SID) {
	e, w := l.end(from), l.w
	if e.queued == nil || !l.up {
		return
	}
	m := *e.queued
	e.last, e.queued = &m, nil
	w.server(from).record(&m.Sent)
	copies := 1
	if w.chance(w.opt.Duplicate) {
		copies = 2
	}
	for range copies {
		if w.chance(w.opt.Loss) || !w.reaches(from, l.other(from)) {
			continue
		}
		gen, to := l.gen, w.server(l.other(from))
		wait := w.upTo(w.opt.DelayMax)
		if w.opt.InOrder {
			wait = max(wait, e.arrives.Sub(w.now))
			e.arrives = w.now.Add(wait)
		}
		w.after(wait, func() {
			if l.up && l.gen == gen && to.core != nil && w.reaches(from, to.sid) {
				to.input(fle.Input{Kind: fle.Frame, Peer: from, Frame: m.Frame})
			}
		})
	}
}

// breakDown ends the connection at both ends.
func (l *link) breakDown() {
	if !l.up {
		return
	}
	l.up = false
	for _, sid := range []quorum.SID{l.pair.from, l.pair.to} {
		s := l.w.server(sid)
		gen := l.gen
		l.w.after(l.w.upTo(l.w.opt.DelayMax), func() {
			if s.core != nil && (l.gen == gen) {
				s.input(fle.Input{Kind: fle.LinkDown, Peer: l.other(sid)})
			}
		})
	}
}
