package metrics

import (
	"electnode/internal/event"
	"electnode/internal/quorum"
)

// The events here come from the goroutine that owns the node, in order; the lock is against those who
// scrape.

func (m *Metrics) nodeStarted(s event.Stamped, ev event.NodeStarted) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tracker.Observe(s)
	m.adopt(ev.View)
	m.leading.started(s.Time)
	m.node.setState(quorum.Looking, true)
	m.node.setLeader(&m.leading)
	m.node.accepted.Set(float64(ev.AcceptedEpoch))
	m.node.current.Set(float64(ev.CurrentEpoch))
	m.node.setZxid(ev.Zxid)
}

func (m *Metrics) nodeStopped(s event.Stamped) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flush()
	m.looking = election{}
	m.election.start.Set(0)
	m.election.wait.Set(0)
	m.leading.stopped(s.Time)
	m.node.setState(quorum.Looking, false)
	m.node.setLeader(&m.leading)
}

func (m *Metrics) stateChanged(ev event.StateChanged) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leading.changed(ev.To)
	m.node.setState(ev.To, true)
	m.node.setLeader(&m.leading)
}

func (m *Metrics) electionStarted(s event.Stamped, ev event.ElectionStarted) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flush()
	m.tracker.Observe(s)
	m.looking.start(s, ev.Reason)
	setTime(m.election.start, s.Time)
	m.node.round.Set(float64(ev.Round))
	m.node.setVote(ev.Vote)
}

func (m *Metrics) electionDecided(s event.Stamped, ev event.ElectionDecided) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tracker.Observe(s)
	m.election.start.Set(0)
	m.election.wait.Set(0)
	m.election.count(m.looking.reason, outcomeOf(ev.State))
	inc(m.election.decisions, ev.How)
	m.node.round.Set(float64(ev.Round))
	m.node.setVote(ev.Vote)
	m.looking.decide(ev.State, ev.Phases)
	if !m.opt.Exemplars {
		m.flush()
	}
}

func (m *Metrics) electionAborted(s event.Stamped) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.looking.running {
		return
	}
	m.looking.running = false
	m.election.start.Set(0)
	m.election.count(m.looking.reason, outcomeAborted)
	observe(m.election.duration, outcomeAborted, max(s.Time.Sub(m.looking.began), 0), m.trace())
}

// flush enters the durations of the election that waits for its trace, if one does.
func (m *Metrics) flush() {
	if d := m.looking.waiting; d != nil {
		m.looking.waiting = nil
		m.election.observe(*d, m.trace())
	}
}

// trace is the trace id of the running or last election, empty without exemplars.
func (m *Metrics) trace() string {
	if !m.opt.Exemplars {
		return ""
	}
	return m.tracker.Info().Trace().String()
}

func (m *Metrics) leaderEstablished(s event.Stamped, ev event.LeaderEstablished) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tracker.Observe(s)
	m.flush()
	if m.leading.established(s.Time, ev) {
		m.node.changes.Inc()
	}
	m.node.setLeader(&m.leading)
	trace := m.trace()
	observe(m.election.phase, phaseEstablish, ev.After, trace)
	observe(m.election.establishment, m.leading.role(), ev.After, trace)
}

func (m *Metrics) leaderLost(s event.Stamped) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tracker.Observe(s)
	m.leading.lost(s.Time)
	m.node.setLeader(&m.leading)
}

func (m *Metrics) configSeen(s event.Stamped, ev event.ConfigSeen) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tracker.Observe(s)
	m.adopt(ev.View)
	m.node.setLeader(&m.leading)
}

// followers changes who follows, and shows what that means for the tolerance.
func (m *Metrics) followers(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
	m.node.setLeader(&m.leading)
}
