package tracing

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"
)

const (
	// hold is how long the messages of a LOOKING peer wait for a hint to which trace they belong: that of the
	// election that is running, that of the next one, or the peer's own.
	hold = time.Second
	// longHold is the same while this node has no established leader.
	longHold = 10 * time.Second
	// maxTalk bounds the messages that wait for one peer.
	maxTalk = 128
)

// talk is what a peer said in one election of its own, and what it was answered. The peer's spans are in the
// trace of that election, and what was received from it and answered belongs beside them.
type talk struct {
	peer   quorum.SID
	at     time.Time // when the peer's election began, by its clock
	clocks bool      // which can be compared with this node's
	heard  time.Time // when it last said something
	said   time.Time // the same by its clock
	words
	asked traceid.Span // the last receive, which replies stand under
	msgs  []message
	acks  []span // of a leader: the peer acknowledged the epoch of ackOf
	ackOf *election
	trace traceid.Trace // where the last of them went
}

// words are the last that a LOOKING server and another said to each other, which both of them know: so both
// find the same place for the spans of what they exchanged.
type words struct {
	vote    quorum.Vote // that the LOOKING one proposed
	round   quorum.Round
	replied bool // by the other one, when it was settled
	reply   quorum.Epoch
}

// verdict says how the LOOKING one, who, seems to have come to the leader of e: it took part in the election,
// as the leader does and whoever came to the decision by itself; or it joined, by answers that the leader was
// established. KindUnfinished: nothing tells.
func (w words) verdict(who quorum.SID, e *election) traceid.Kind {
	switch {
	case !e.established():
		return traceid.KindUnfinished
	case who == e.info.Leader || w.supports(e):
		return traceid.KindElection
	case !w.replied:
		return traceid.KindUnfinished
	case w.reply == e.info.Epoch:
		return traceid.KindJoining
	default:
		return traceid.KindElection
	}
}

func (w words) supports(e *election) bool {
	return e.decided != nil && w.vote.Leader == e.decided.Vote.Leader && w.round == e.decided.Round
}

// heard notes what a LOOKING member says. looking says whether this node is LOOKING too.
func (b *builder) heard(m message, looking bool) {
	got := m.got
	m.e.with(got.Peer).electnode = true
	t := b.talks[got.Peer]
	switch {
	case t != nil && got.ElectionAt.Before(t.at) && m.at.Before(t.heard.Add(late)):
		if looking { // a straggler of an election that the peer has left
			m.link = sentIn(m.e, got)
			b.keep(m.e, m)
		}
		return
	case t == nil || !got.ElectionAt.Equal(t.at):
		if t != nil {
			b.leave(t)
		}
		t = &talk{peer: got.Peer, at: got.ElectionAt}
		b.talks[got.Peer] = t
	}
	t.clocks = b.clock(m.at).Sub(got.SentAt).Abs() < maxSkew && !got.ElectionAt.After(got.SentAt)
	t.heard, t.asked = m.at, m.id
	if t.newer(got) {
		t.said, t.vote, t.round = got.SentAt, got.Vote, got.Round
	}
	m.exact = true
	b.hold(t, m)
}

// newer reports whether got was said after what the peer said last. Of what was said at the same instant
// the better vote is: votes only get better within a round.
func (t *talk) newer(got *event.NotificationReceived) bool {
	switch {
	case !got.SentAt.Equal(t.said):
		return got.SentAt.After(t.said)
	case got.Round != t.round:
		return got.Round > t.round
	default:
		return got.Vote.Beats(t.vote)
	}
}

// sentIn is a link to the send of got, where its sender showed it: as part of an unfinished election.
func sentIn(e *election, got *event.NotificationReceived) *link {
	return &link{traceid.Unfinished(e.info.Ensemble, got.Peer, got.ElectionAt), traceid.Message(got.MessageID), linkUnfinished}
}

// answered notes a notification that this node sent while settled. What answers no member is not shown.
func (b *builder) answered(e *election, at time.Time, ev *event.NotificationSent) {
	t := b.talks[ev.Peer]
	if t == nil || at.After(t.heard.Add(late)) {
		return
	}
	t.replied, t.reply = true, ev.Vote.PeerEpoch
	m := message{e: e, at: at, sent: ev, under: t.asked}
	if len(t.msgs) > 0 || t.trace == (traceid.Trace{}) {
		b.hold(t, m)
		return
	}
	b.show(m, t.trace)
}

// hold lets m wait.
func (b *builder) hold(t *talk, m message) {
	if len(t.msgs) >= maxTalk {
		b.drop(maxTalk / 8)
		t.msgs = append(t.msgs[:0], t.msgs[maxTalk/8:]...)
	}
	t.msgs = append(t.msgs, m)
}

// holdsUntil is when what waits with t must go; zero: nothing waits for its time.
func (b *builder) holdsUntil(t *talk) time.Time {
	e := b.last()
	if e != nil && e.flushed && len(t.msgs) > 0 {
		// A LOOKING server repeats itself, each time after about as long as it has been looking.
		return t.heard.Add(min(max(hold, t.said.Sub(t.at)+hold/2), longHold))
	}
	if len(t.msgs) > 0 && t.msgs[0].e.flushed { // else the oldest goes with its election, and so do the others
		return t.msgs[0].at.Add(longHold)
	}
	return time.Time{}
}

func (b *builder) tickTalks() {
	due := func(t *talk) bool {
		at := b.holdsUntil(t)
		return !at.IsZero() && !at.After(b.now)
	}
	for _, t := range b.talks {
		if due(t) { // seldom: then in order
			for _, t := range b.sortedTalks() {
				if due(t) {
					b.settle(t)
				}
			}
			return
		}
	}
}

func (b *builder) settleTalks() {
	for _, t := range b.sortedTalks() {
		b.settle(t)
	}
}

// settle shows what waits with t: beside the last election with an established leader, or that of the time.
func (b *builder) settle(t *talk) {
	if len(t.msgs) == 0 {
		return
	}
	e := b.last()
	if !e.flushed || !e.established() {
		e = t.msgs[0].e
	}
	b.place(t, e)
}

// place shows what waits with t in the trace that the peer's election belongs to, as far as e tells. If
// nothing tells, it stands among this node's own.
func (b *builder) place(t *talk, e *election) {
	var left []message
	kind, waits, own := t.verdict(t.peer, e), false, false
	for _, m := range t.msgs {
		if m.got != nil {
			waits = m.e != e && !m.e.flushed
			if own = kind == traceid.KindUnfinished && e.established(); !waits && !own {
				t.trace = b.traceOf(t, m, e, kind)
			}
		}
		switch {
		case waits:
			left = append(left, m) // with the election that runs
		case own:
			m.exact = false
			b.keep(m.e, m)
		case t.trace == (traceid.Trace{}):
			b.drop(1) // an answer whose question was dropped
		default:
			b.show(m, t.trace)
		}
	}
	for _, ack := range t.acks {
		b.placeAck(t, t.ackOf, ack)
	}
	t.msgs, t.acks = left, nil
}

// traceOf is the trace of the send of m.
func (b *builder) traceOf(t *talk, m message, e *election, kind traceid.Kind) traceid.Trace {
	ensemble := e.info.Ensemble
	lasted := e.decidedAt.Add(m.got.SentAt.Sub(b.clock(m.at))) // the peer's election, by its clock
	if t.said.After(lasted) {
		lasted = t.said
	}
	switch {
	case kind == traceid.KindUnfinished || m.got.SentAt.Before(shownUntil(t.at, lasted)):
		return traceid.Unfinished(ensemble, t.peer, t.at)
	case kind == traceid.KindJoining:
		return traceid.Joining(ensemble, e.info.Epoch, t.peer, t.at)
	default:
		return traceid.Election(ensemble, e.info.Epoch)
	}
}

// leave shows what waits with t because the peer is in another election now.
func (b *builder) leave(t *talk) {
	e := b.last()
	if !e.flushed {
		e.msgs = append(e.msgs, t.extract(e)...)
	}
	b.settle(t)
	for _, m := range t.msgs { // of the election that runs, after its decision
		m.exact = false
		b.keep(m.e, m)
	}
}

// extract takes out what was received in e while this node was LOOKING, to be shown in its own rounds.
func (t *talk) extract(e *election) []message {
	var out, left []message
	for _, m := range t.msgs {
		if m.got != nil && m.e == e && m.under != (traceid.Span{}) {
			m.exact, m.link = false, sentIn(e, m.got)
			out = append(out, m)
		} else {
			left = append(left, m)
		}
	}
	t.msgs = left
	return out
}
