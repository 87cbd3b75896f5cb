package tracing

import (
	"strings"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"
)

const (
	// longestStep is the longest time between two looks at an election that does not end.
	longestStep = 30 * time.Second
	// postponement is how much longer an election that was decided may wait for its final trace.
	postponement = time.Second
	// maxRounds and maxNotes bound what is kept of one election between two flushes.
	maxRounds = 512
	maxNotes  = 128
)

// election is one election of this node, with what has not been shown of it yet.
type election struct {
	info   traceid.Info
	reason string
	start  time.Time    // LOOKING entered
	round  *span        // the open one
	rounds []span       // ended
	under  traceid.Span // the open round, or the last one
	number quorum.Round // its number
	cutoff bool         // the open round continues one that was shown
	msgs   []message
	parts  []span // connections
	peers  map[quorum.SID]*counterpart

	decided   *event.ElectionDecided
	decidedAt time.Time
	epoch     establishing
	lostAt    time.Time // when this node lost the leader before; zero: it had none
	endedAt   time.Time // established, or over without that; zero: it runs
	ended     string    // why it is over without an established leader

	flushAt   time.Time // when the next part is shown
	step      time.Duration
	postponed bool
	parted    int // parts that were shown under the provisional id
	shown     time.Time
	flushed   bool
	stubbed   bool         // a second root stands, see stub
	id        traceid.Span // of the last span that was shown of it
	idFrom    time.Time    // where that began, if it is only a part
	trace     traceid.Trace
}

func (e *election) established() bool { return e.info.Kind != traceid.KindUnfinished }

// settled reports whether the node is no longer LOOKING in e.
func (e *election) settled() bool { return e.decided != nil }

// takeElection is for what happens in an election.
func (b *builder) takeElection(s event.Stamped) bool {
	switch ev := s.Event.(type) {
	case event.ElectionStarted:
		b.electionStarted(s, ev)
	case event.RoundChanged:
		b.roundChanged(s, ev)
	case event.VoteChanged:
		attrs := append(voteAttrs("vote", ev.To), voteAttrs("from", ev.From)...)
		attrs = append(attrs, word("cause", ev.Cause), peerOf(ev.Peer))
		if ev.MessageID != 0 {
			attrs = append(attrs, messageID(ev.MessageID))
		}
		b.note(s, note{eventVote, s.Time, attrs})
	case event.QuorumReached:
		b.note(s, note{eventQuorum, s.Time, append(voteAttrs("vote", ev.Vote), sids("supporters", ev.Supporters))})
	case event.QuorumUndone:
		b.note(s, note{name: eventQuorumUndone, at: s.Time})
	case event.ElectionDecided:
		b.electionDecided(s, ev)
	case event.ElectionAborted:
		if e := b.running(s); e != nil {
			e.ended = ev.Reason
			b.end(s.Time)
		}
	case *event.NotificationSent:
		b.notificationSent(s, ev)
	case *event.NotificationReceived:
		b.notificationReceived(s, ev)
	default:
		return false
	}
	return true
}

func (b *builder) electionStarted(s event.Stamped, ev event.ElectionStarted) {
	if e := b.last(); e != nil && e.ended == "" {
		e.ended = ev.Reason
	}
	b.end(s.Time)
	b.settleSupporters()
	e := &election{info: b.tracker.Info(), reason: ev.Reason, start: ev.At, step: traceid.Patience,
		peers: map[quorum.SID]*counterpart{}, lostAt: b.lostAt}
	if ev.At.IsZero() || s.Time.Sub(ev.At).Abs() > time.Second {
		e.start = s.Time
	}
	b.base = e.start // to the nanosecond what the notifications tell the others
	e.shown, e.flushAt = e.start, e.start.Add(e.step)
	b.elections = append(b.elections, e)
}

// settleSupporters shows what waits with those who took part in the election before: what they say from now
// on belongs to the next.
func (b *builder) settleSupporters() {
	e := b.last()
	if e == nil || !e.established() {
		return
	}
	for _, t := range b.sortedTalks() {
		if len(t.msgs) > 0 && t.supports(e) {
			b.place(t, e)
		}
	}
}

// end notes that the last election is over, if it came to no established leader before.
func (b *builder) end(at time.Time) {
	if e := b.last(); e != nil && e.endedAt.IsZero() {
		e.endRound(at)
		e.endedAt, e.flushAt = at, at.Add(grace)
	}
}

func (b *builder) roundChanged(s event.Stamped, ev event.RoundChanged) {
	e := b.running(s)
	if e == nil {
		return
	}
	e.endRound(s.Time)
	if len(e.rounds) >= maxRounds {
		b.drop(1)
		e.rounds = append(e.rounds[:0], e.rounds[1:]...)
	}
	e.round = &span{id: b.newID(), name: nameRound, start: s.Time}
	e.round.add(roundOf(ev.To), word("cause", ev.Cause), peerOf(ev.Peer))
	e.under, e.number, e.cutoff = e.round.id, ev.To, false
}

func (e *election) endRound(at time.Time) {
	if e.round != nil {
		e.round.end = at
		e.rounds = append(e.rounds, *e.round)
		e.round = nil
	}
}

// note adds an event to the open round.
func (b *builder) note(s event.Stamped, n note) {
	e := b.running(s)
	switch {
	case e == nil || e.round == nil:
	case len(e.round.notes) >= maxNotes:
		b.drop(1)
	default:
		e.round.notes = append(e.round.notes, n)
	}
}

func (b *builder) electionDecided(s event.Stamped, ev event.ElectionDecided) {
	e := b.running(s)
	if e == nil {
		return
	}
	if e.round != nil {
		e.round.add(voteAttrs("vote", ev.Vote)...)
	}
	e.endRound(s.Time)
	e.decided, e.decidedAt = &ev, s.Time
	e.epoch = establishing{span: span{id: b.newID(), name: nameEstablish, start: s.Time}}
}

// describe is the span of e from its start to until, without ids.
func (b *builder) describe(e *election, until time.Time) span {
	s := span{name: nameElection, start: e.start, end: until}
	s.add(number("election", int64(e.info.Number)), word("reason", e.reason), roundOf(e.number),
		word("ensemble", e.info.Ensemble))
	if d := e.decided; d != nil {
		s.add(word("how", d.How), took("decided_after_ms", d.Phases.Decided),
			took("phase.first_vote_heard_ms", d.Phases.FirstVoteHeard), took("phase.quorum_ms", d.Phases.Quorum))
		s.add(voteAttrs("vote", d.Vote)...)
	}
	s.add(word("outcome", e.outcome()))
	switch {
	case e.established():
		s.add(leaderOf(e.info.Leader), epochOf(e.info.Epoch), took("established_after_ms", e.endedAt.Sub(e.start)))
	case e.endedAt.IsZero():
		s.fail("unfinished", "no established leader yet")
	case e.decided == nil:
		s.fail("aborted", "ended without a decision: "+e.ended)
	default:
		s.fail("not_established", "the elected leader was not established: "+e.ended)
	}
	if !e.endedAt.IsZero() && e.ended != "" && !e.established() {
		s.add(word("ended", e.ended))
	}
	return s
}

// outcome says what the node became, or what hinders it.
func (e *election) outcome() string {
	switch {
	case e.decided != nil:
		return strings.ToLower(e.decided.State.String())
	case !e.endedAt.IsZero():
		return "aborted"
	default:
		return "unfinished"
	}
}
