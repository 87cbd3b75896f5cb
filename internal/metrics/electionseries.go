package metrics

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"

	"github.com/prometheus/client_golang/prometheus"
)

// electionSeries are what elections leave behind.
type electionSeries struct {
	start         prometheus.Gauge
	wait          prometheus.Gauge
	elections     byWord[string, byWord[string, prometheus.Counter]] // by reason, then outcome
	duration      byWord[string, prometheus.Observer]                // by outcome
	phase         byWord[string, prometheus.Observer]
	establishment byWord[string, prometheus.Observer] // by role
	rounds        byWord[event.RoundCause, prometheus.Counter]
	votes         byWord[event.VoteCause, prometheus.Counter]
	decisions     byWord[event.How, prometheus.Counter]
}

func newElectionSeries(k maker, strange prometheus.Counter) electionSeries {
	elections := k.counters("electnode_elections_total",
		"Elections that ended, by why they began and what came of them.", "reason", "outcome")
	duration := k.histograms("electnode_election_duration_seconds",
		"From LOOKING to a decision, or to the end without one.", electionBounds(), "outcome")
	phase := k.histograms("electnode_election_phase_duration_seconds",
		"Parts of elections, one after the other.", electionBounds(), "phase")
	establishment := k.histograms("electnode_leader_establishment_seconds",
		"From the decision to an established leader.", electionBounds(), "role")
	rounds := k.counters("electnode_round_transitions_total", "Changes of the logical clock.", "cause")
	votes := k.counters("electnode_vote_changes_total", "Changes of this node's vote.", "cause")
	decisions := k.counters("electnode_decisions_total", "Elections that were decided.", "how")
	return electionSeries{
		start: k.gauge("electnode_election_start_timestamp_seconds",
			"When the election that is running began, 0 when none is."),
		wait: k.gauge("electnode_notification_wait_seconds",
			"Present wait until the vote is sent again, 0 when settled."),
		elections: makeByWord(strange, event.Reasons(), func(reason string) byWord[string, prometheus.Counter] {
			return countersByWord(strange, outcomes(),
				elections.MustCurryWith(prometheus.Labels{"reason": reason}))
		}),
		duration:      histogramsByWord(strange, outcomes(), duration),
		phase:         histogramsByWord(strange, phases(), phase),
		establishment: histogramsByWord(strange, roles(), establishment),
		rounds:        countersByWord(strange, event.RoundCauses(), rounds),
		votes:         countersByWord(strange, event.VoteCauses(), votes),
		decisions:     countersByWord(strange, event.Hows(), decisions),
	}
}

// count counts an election that began for reason.
func (s *electionSeries) count(reason, outcome string) {
	if by, ok := s.elections.with(reason); ok {
		inc(by, outcome)
	}
}

// observe enters how long a decided election and its parts took. What did not happen has no duration.
func (s *electionSeries) observe(d decided, trace string) {
	p := d.phases
	observe(s.duration, d.outcome, p.Decided, trace)
	if p.FirstVoteHeard > 0 {
		observe(s.phase, phaseFirstVote, p.FirstVoteHeard, trace)
	}
	if p.Quorum > 0 {
		observe(s.phase, phaseQuorum, max(p.Quorum-p.FirstVoteHeard, 0), trace)
		observe(s.phase, phaseFinalize, max(p.Decided-p.Quorum, 0), trace)
	}
}

// election is the election that runs, and the one whose durations wait for their trace. The owner's lock
// guards it.
type election struct {
	running bool
	reason  string
	began   time.Time
	waiting *decided
}

// decided is an election that was decided. Its trace is named after the epoch that it leads to, which is
// known later: its durations wait for that, or for the end of its leader's attempt.
type decided struct {
	outcome string
	phases  event.Phases
}

func (e *election) start(s event.Stamped, reason string) {
	e.running, e.reason, e.began = true, reason, s.Time
}

// decide notes the decision; its durations wait.
func (e *election) decide(state quorum.State, p event.Phases) {
	e.running = false
	e.waiting = &decided{outcome: outcomeOf(state), phases: p}
}
