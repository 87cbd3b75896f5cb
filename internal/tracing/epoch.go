package tracing

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/traceid"

	"go.opentelemetry.io/otel/attribute"
)

// maxParts bounds what is kept of the establishment of an epoch, and of the connections of an election.
const maxParts = 512

// establishing is the way from a decision to an established leader.
type establishing struct {
	span
	parts      []span
	proposedAt time.Time
	promisedAt time.Time
	write      *span // of the promise
}

// takeEpoch is for what happens between a decision and the end of a leader.
func (b *builder) takeEpoch(s event.Stamped) bool {
	switch ev := s.Event.(type) {
	case event.EpochProposed:
		if x := b.establishing(s); x != nil {
			x.proposedAt = s.Time
			x.add(sids("from", ev.From))
		}
	case event.EpochPromised:
		b.promised(s, ev)
	case event.DurableWritten:
		b.written(s, ev)
	case event.SyncReceived:
		if x := b.establishing(s); x != nil {
			part := x.part(b, nameSynchronise, x.promisedAt, s.Time)
			part.add(leaderOf(ev.Leader), word("type", ev.Type), word("zxid", ev.Zxid.String()),
				number("nodes", ev.Nodes), number("bytes", ev.Bytes))
		}
	case event.FollowerJoined:
		b.followerJoined(s, ev)
	case event.LeaderEstablished:
		b.leaderEstablished(s, ev)
	case event.LeaderLost:
		b.leaderLost(s, ev)
	default:
		return false
	}
	return true
}

// establishing is the way to an established leader that s belongs to, nil if there is none.
func (b *builder) establishing(s event.Stamped) *establishing {
	if e := b.running(s); e != nil && e.decided != nil {
		return &e.epoch
	}
	return nil
}

// part adds a child. It begins with its parent at the earliest.
func (x *establishing) part(b *builder, name string, start, end time.Time) *span {
	if start.Before(x.start) {
		start = x.start
	}
	if len(x.parts) >= maxParts {
		b.drop(1)
		x.parts = append(x.parts[:0], x.parts[1:]...)
	}
	x.parts = append(x.parts, span{id: b.newID(), parent: x.id, name: name, start: start, end: end})
	return &x.parts[len(x.parts)-1]
}

// written shows a write to disk: that of currentEpoch is the acknowledgement, that of acceptedEpoch belongs
// to the promise that follows.
func (b *builder) written(s event.Stamped, ev event.DurableWritten) {
	x := b.establishing(s)
	if x == nil {
		return
	}
	w := span{id: b.newID(), name: nameWrite, start: s.Time.Add(-ev.Duration), end: s.Time}
	w.add(word("file", ev.File), epochOf(ev.Epoch))
	if ev.Error != "" {
		w.fail("storage", ev.Error)
	}
	switch {
	case ev.File == event.FileCurrent:
		ack := x.part(b, nameAcknowledge, w.start, s.Time)
		ack.add(epochOf(ev.Epoch), peerOf(b.self))
		x.child(b, *ack, w)
	case ev.Error != "":
		x.child(b, x.span, w)
	default:
		x.write = &w
	}
}

// child adds w under parent.
func (x *establishing) child(b *builder, parent, w span) {
	p := x.part(b, w.name, w.start, w.end)
	p.attrs, p.failed, p.parent = w.attrs, w.failed, parent.id
}

func (b *builder) promised(s event.Stamped, ev event.EpochPromised) {
	x := b.establishing(s)
	if x == nil {
		return
	}
	start := s.Time
	switch {
	case !x.proposedAt.IsZero():
		start = x.proposedAt
	case x.write != nil:
		start = x.write.start
	}
	if x.write != nil && x.write.start.Before(start) {
		x.write.start = start
	}
	x.promisedAt = s.Time
	part := x.part(b, namePromise, start, s.Time)
	part.add(epochOf(ev.Epoch), leaderOf(ev.Leader), attribute.Bool("electnode.repeated", ev.Repeated))
	if x.write != nil {
		x.child(b, *part, *x.write)
		x.write = nil
	}
}

// followerJoined shows that a learner acknowledged the epoch to this leader: in the election, or in the trace
// of the learner that came later.
func (b *builder) followerJoined(s event.Stamped, ev event.FollowerJoined) {
	ack := span{id: b.newID(), name: nameAcknowledge, start: s.Time, end: s.Time}
	ack.add(peerOf(ev.Peer), attribute.Bool("electnode.observer", ev.Observer), word("zxid", ev.Zxid.String()))
	if x := b.establishing(s); x != nil {
		p := x.part(b, nameAcknowledge, x.promisedAt, s.Time)
		p.attrs = ack.attrs
		return
	}
	e := b.find(s.Election)
	if e == nil || !e.established() {
		return
	}
	if t := b.talks[ev.Peer]; t != nil && len(t.msgs) > 0 && len(t.acks) < maxTalk {
		t.acks, t.ackOf = append(t.acks, ack), e
		return
	}
	if s.Time.Before(e.endedAt.Add(late)) {
		b.placeAck(nil, e, ack)
	}
}

// placeAck shows an acknowledgement that came after the leader was established.
func (b *builder) placeAck(t *talk, e *election, ack span) {
	switch {
	case e == nil || !e.established():
		return
	case t != nil && t.verdict(t.peer, e) == traceid.KindJoining:
		ack.trace = traceid.Joining(e.info.Ensemble, e.info.Epoch, t.peer, t.at)
		ack.parent, ack.remote = traceid.Root(ack.trace), true
		b.emit(ack)
		return
	case e.flushed:
		ack.trace, ack.parent = e.trace, e.epoch.id
		b.emit(ack)
	default:
		p := e.epoch.part(b, ack.name, ack.start, ack.end)
		p.attrs = ack.attrs
	}
}

func (b *builder) leaderEstablished(s event.Stamped, ev event.LeaderEstablished) {
	b.lostAt = time.Time{}
	e := b.running(s)
	if e == nil {
		return
	}
	e.endRound(s.Time)
	e.endedAt, e.flushAt = s.Time, s.Time.Add(grace)
	e.epoch.end = s.Time
	e.epoch.add(leaderOf(ev.Leader), epochOf(ev.Epoch))
}

// epochSpans shows how the epoch of e was established, or was not.
func (b *builder) epochSpans(e *election) {
	if e.decided == nil {
		return
	}
	s := e.epoch.span
	if !e.established() {
		s.end = e.endedAt
		s.fail("not_established", "the elected leader was not established: "+e.ended)
	}
	s.attrs = append(s.attrs, roundOf(e.number))
	b.under(e, s)
	for _, p := range e.epoch.parts {
		b.under(e, p)
	}
	if w := e.epoch.write; w != nil {
		w.parent = s.id
		b.under(e, *w)
	}
	e.epoch.parts, e.epoch.write = nil, nil
}

// leaderLost shows, in the trace of its election, that the established leader is no more.
func (b *builder) leaderLost(s event.Stamped, ev event.LeaderLost) {
	b.lostAt = s.Time
	info := b.tracker.Info()
	if info.Kind == traceid.KindUnfinished {
		return
	}
	out := span{trace: info.Trace(), name: nameLost, start: s.Time, end: s.Time}
	out.id, out.parent = traceid.Lost(out.trace, b.self), traceid.Root(out.trace)
	out.remote = info.Kind == traceid.KindElection && info.Leader != b.self
	if b.lostIn == out.trace {
		out.id = b.newID() // a second time; the first loss has the id that is known
	}
	b.lostIn = out.trace
	out.add(leaderOf(ev.Leader), epochOf(ev.Epoch), word("reason", ev.Reason), number("election", int64(info.Number)))
	out.detail(ev.Detail)
	if ev.Reason != event.ReasonStopped && ev.Reason != event.ReasonResigned {
		out.fail(ev.Reason, "lost the established leader: "+ev.Reason)
	}
	b.emit(out)
}
