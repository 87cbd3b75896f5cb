package tracing

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"

	"go.opentelemetry.io/otel/trace"
)

// maxMessages bounds the messages of one election that wait to be shown.
const maxMessages = 4096

// maxSkew is how far the clocks of two servers may differ for their times to be compared.
const maxSkew = time.Second

// message is a notification that was sent or received, before it is a span.
type message struct {
	e     *election // that of the time
	at    time.Time
	id    traceid.Span
	under traceid.Span // the own round, or the receive that it answers; zero: the election
	far   bool         // under is another node's
	exact bool         // a receive whose send is in the same trace
	link  *link
	sent  *event.NotificationSent // one of the two
	got   *event.NotificationReceived
}

// notificationSent finds the place of a sent notification. A LOOKING node's stands in its round; a settled
// node's answers somebody.
func (b *builder) notificationSent(s event.Stamped, ev *event.NotificationSent) {
	e := b.find(s.Election)
	switch {
	case e == nil:
	case ev.State != quorum.Looking:
		b.answered(e, s.Time, ev)
	default:
		if b.member(ev.Peer) {
			c := e.with(ev.Peer)
			c.vote, c.round = ev.Vote, ev.Round
		}
		b.keep(e, message{e: e, at: s.Time, sent: ev, under: e.under})
	}
}

// notificationReceived finds the place of a received notification.
func (b *builder) notificationReceived(s event.Stamped, ev *event.NotificationReceived) {
	e := b.find(s.Election)
	if e == nil {
		return
	}
	m := message{e: e, at: s.Time, id: b.newID(), got: ev}
	looking := !e.settled() && e.endedAt.IsZero()
	if looking {
		m.under = e.under
	}
	known := b.member(ev.Peer)
	switch traced := known && ev.MessageID != 0 && !ev.ElectionAt.IsZero(); {
	case traced && ev.State == quorum.Looking:
		b.heard(m, looking)
	case traced: // a settled server's answer to this node's election
		if t := b.talks[ev.Peer]; t != nil && t.at.Before(ev.ElectionAt) {
			b.leave(t)
			delete(b.talks, ev.Peer)
		}
		b.answer(e, m)
	case !e.flushed && (looking || known):
		b.keep(e, m)
	}
}

// answer keeps a settled server's answer to this node's election. What was said well before it began is no
// answer but was sent again on a new connection; its send is elsewhere.
func (b *builder) answer(e *election, m message) {
	c := e.with(m.got.Peer)
	c.electnode = true
	if m.exact = !m.got.SentAt.Before(b.clock(e.start).Add(-maxSkew / 4)); m.exact && !m.got.SentAt.Before(c.replyAt) {
		c.replied, c.reply, c.replyAt = true, m.got.Vote.PeerEpoch, m.got.SentAt
	}
	b.keep(e, m)
}

// keep puts m among what waits with e, or shows it at once when that is past.
func (b *builder) keep(e *election, m message) {
	if e.flushed {
		if e.established() && m.at.Before(e.endedAt.Add(late)) {
			b.showBeside(e, m)
		}
		return
	}
	if len(e.msgs) >= maxMessages {
		const gone = maxMessages / 8 // at a time, so that it does not cost a copy of all each time
		b.drop(gone)
		e.msgs = append(e.msgs[:0], e.msgs[gone:]...)
	}
	e.msgs = append(e.msgs, m)
}

// show gives out the span of a message in a trace. A message that is sent again has an id of its own.
func (b *builder) show(m message, in traceid.Trace) {
	s := span{trace: in, id: m.id, parent: m.under, remote: m.far, start: m.at, end: m.at}
	if m.link != nil {
		s.links = []link{*m.link}
	}
	said := event.Notification{}
	if m.sent != nil {
		s.name, s.kind, said = nameSend, trace.SpanKindProducer, m.sent.Notification
		s.id = traceid.Message(m.sent.MessageID)
		if !b.sends.first(in, s.id) {
			s.id, s.parent, s.remote = b.newID(), s.id, false
		}
		s.add(peerOf(m.sent.Peer), word("cause", m.sent.Cause), messageID(m.sent.MessageID))
	} else {
		s.name, s.kind, said = nameReceive, trace.SpanKindConsumer, m.got.Notification
		b.showReceive(&s, m)
	}
	s.add(word("state", said.State.String()), roundOf(said.Round))
	s.add(voteAttrs("vote", said.Vote)...)
	b.emit(s)
}

func (b *builder) showReceive(s *span, m message) {
	got := m.got
	if m.exact {
		s.parent, s.remote = traceid.Message(got.MessageID), true
	}
	s.add(peerOf(got.Peer), word("outcome", got.Outcome))
	if got.MessageID != 0 {
		s.add(messageID(got.MessageID))
	}
	s.detail(got.Detail)
	if wait := b.clock(m.at).Sub(got.SentAt); !got.SentAt.IsZero() && wait >= 0 && wait < maxSkew {
		s.add(took("latency_ms", wait))
	}
	if got.Outcome == event.ReceivedMalformed || got.Outcome == event.ReceivedBadState {
		s.fail(string(got.Outcome), "not a valid notification: "+got.Detail)
	}
}

func (m *message) peer() quorum.SID {
	if m.sent != nil {
		return m.sent.Peer
	}
	return m.got.Peer
}

// maxSends is how many sends are remembered, so that what is sent again is known.
const maxSends = 2048

// sends are the sends that were shown last.
type sends struct {
	known map[sendKey]bool
	ring  []sendKey
	next  int
}

type sendKey struct {
	in traceid.Trace
	id traceid.Span
}

// first reports whether id was not shown in this trace before, and notes that it was now.
func (s *sends) first(in traceid.Trace, id traceid.Span) bool {
	k := sendKey{in, id}
	if id == (traceid.Span{}) || s.known[k] {
		return false
	}
	if len(s.ring) < maxSends {
		s.ring = append(s.ring, k)
	} else {
		delete(s.known, s.ring[s.next])
		s.ring[s.next] = k
		s.next = (s.next + 1) % maxSends
	}
	s.known[k] = true
	return true
}
