package recorder

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"
)

// Summary is what is to be told of an election in a line. Numbers that may pass 2^53 are strings.
type Summary struct {
	// ID is its number in this recorder: that of its events, unless the node was restarted within one process.
	ID       string     `json:"id"`
	SID      quorum.SID `json:"sid"`
	Election uint64     `json:"election"` // the number that its events carry
	Running  bool       `json:"running"`  // no established leader yet, and no other end
	Ensemble string     `json:"ensemble"`
	// TraceID is final when the election is over; until then, and without a leader, it is the provisional one.
	TraceID            string      `json:"trace_id"`
	ProvisionalTraceID string      `json:"provisional_trace_id"`
	Start              time.Time   `json:"start"`
	Decided            *time.Time  `json:"decided"`     // last decision; null: none
	Established        *time.Time  `json:"established"` // null: no leader was established
	End                *time.Time  `json:"end"`         // the established leader was lost, or the node stopped; null: not yet
	Reason             string      `json:"reason"`      // why it began
	Outcome            string      `json:"outcome"`     // leading, following, observing or aborted; empty while there is none
	How                string      `json:"how"`         // how it was decided
	Leader             *quorum.SID `json:"leader"`      // elected; null: nobody
	Epoch              *string     `json:"epoch"`       // established; null: none
	Round              string      `json:"round"`       // the last
	Rounds             int         `json:"rounds"`      // that it went through
	VoteChanges        int         `json:"vote_changes"`
	Sent               uint64      `json:"notifications_sent"`     // until the leader was established
	Received           uint64      `json:"notifications_received"` // until the leader was established
	Phases             Phases      `json:"phases"`
	// Duration is from the start to the decision or, without one, to the last event.
	Duration time.Duration `json:"duration_ns"`
	Events   uint64        `json:"events"`   // that happened
	LeftOut  uint64        `json:"left_out"` // of these, to keep within the bounds
	Lost     uint64        `json:"lost"`     // that came too fast to be counted among them
	Bytes    int           `json:"bytes"`    // of memory that the recording takes
	Bad      []string      `json:"bad"`      // why it went badly, some of the Bad constants; empty: it did not
}

// Phases are durations of an election, each from its start; 0 for what did not happen.
type Phases struct {
	FirstVoteHeard time.Duration `json:"first_vote_heard_ns"`
	Quorum         time.Duration `json:"quorum_ns"`
	Decided        time.Duration `json:"decided_ns"`
	Established    time.Duration `json:"established_ns"`
}

// Why an election went badly: a closed set.
const (
	BadAborted        = "aborted"         // it ended without a decision, and not because the node was stopped
	BadNotEstablished = "not_established" // another election began before a leader was established
	BadSlow           = "slow"            // no established leader within Options.Slow
	BadRounds         = "rounds"          // more rounds than Options.Rounds
)

// The outcome of an election without a decision.
const outcomeAborted = "aborted"

func outcomeOf(state quorum.State) string {
	switch state {
	case quorum.Leading:
		return "leading"
	case quorum.Observing:
		return "observing"
	default:
		return "following"
	}
}

// tally follows the events of one election.
type tally struct {
	sum     Summary
	last    time.Time // of its events
	over    bool      // another election, or another life of the node, has begun
	stopped bool      // by its operator
	failed  bool      // aborted, and not stopped
}

// newTally makes the tally of the election that s starts. Without a number in info nothing is known of its trace.
func newTally(id string, s event.Stamped, ev event.ElectionStarted, info traceid.Info) tally {
	t := tally{last: s.Time, sum: Summary{ID: id, SID: s.Node, Election: s.Election, Running: true,
		Ensemble: info.Ensemble, Start: s.Time.UTC(), Reason: ev.Reason, Round: ev.Round.String()}}
	if info.Number > 0 {
		t.sum.TraceID, t.sum.ProvisionalTraceID = info.Trace().String(), info.Provisional().String()
	}
	return t
}

// follow enters an event of the election. Every change makes new values: copies of the summary share the old.
func (t *tally) follow(s event.Stamped, tracker *traceid.Tracker) {
	t.last = s.Time
	sum := &t.sum
	switch ev := s.Event.(type) {
	case event.RoundChanged:
		sum.Rounds++
		sum.Round = ev.To.String()
	case event.VoteChanged:
		sum.VoteChanges++
	case *event.NotificationSent:
		if sum.Established == nil {
			sum.Sent++
		}
	case *event.NotificationReceived:
		if sum.Established == nil {
			sum.Received++
		}
	case event.ElectionDecided:
		sum.Decided, sum.Leader = new(s.Time.UTC()), new(ev.Vote.Leader)
		sum.Outcome, sum.How, sum.Round = outcomeOf(ev.State), string(ev.How), ev.Round.String()
		sum.Phases = Phases{FirstVoteHeard: ev.Phases.FirstVoteHeard, Quorum: ev.Phases.Quorum, Decided: ev.Phases.Decided}
	case event.ElectionAborted:
		sum.Outcome, sum.Running = outcomeAborted, false
		t.failed = ev.Reason != event.ReasonStopped
		sum.End = new(s.Time.UTC())
	case event.LeaderEstablished:
		info := tracker.Info()
		sum.Established, sum.Leader, sum.Epoch = new(s.Time.UTC()), new(ev.Leader), new(ev.Epoch.String())
		sum.Ensemble, sum.TraceID, sum.Running = info.Ensemble, info.Trace().String(), false
		sum.Phases.Established = s.Time.Sub(sum.Start)
	case event.LeaderLost:
		sum.End = new(s.Time.UTC())
	case event.NodeStopped:
		t.stopped = ev.Error == ""
		sum.Running, sum.End = false, new(s.Time.UTC())
	}
}

// summary is a copy of what is known; the caller adds what it takes in memory.
func (t *tally) summary(opt Options) Summary {
	sum := t.sum
	until := t.last
	if sum.Decided != nil {
		until = *sum.Decided
	}
	sum.Duration = until.Sub(sum.Start)
	if t.over {
		sum.Running = false
	}
	sum.Bad = t.bad(opt)
	return sum
}

// bad lists why the election went badly, as far as is known.
func (t *tally) bad(opt Options) []string {
	why := []string{} // [] in JSON, not null
	if t.failed {
		why = append(why, BadAborted)
	}
	if t.over && t.sum.Established == nil && !t.stopped {
		why = append(why, BadNotEstablished)
	}
	until := t.last
	if t.sum.Established != nil {
		until = *t.sum.Established
	}
	if until.Sub(t.sum.Start) > opt.Slow {
		why = append(why, BadSlow)
	}
	if t.sum.Rounds > opt.Rounds {
		why = append(why, BadRounds)
	}
	return why
}
