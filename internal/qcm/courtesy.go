package qcm

import "time"

// When a large ensemble starts as a whole, everybody dials everybody. Half of the dials find no port open yet, many of the
// others end in a tie-break, since the larger one dials too, and all of them take time from the election. So a server that
// has just started dials a few of the larger ones and leaves the first move to the others, which dial by themselves if
// they start as well, until it is told that the ensemble runs already, or some time has passed.
const (
	// fewMembers is up to how many members everybody is dialled at once.
	fewMembers = 16
	// scouts is how many dials to larger peers are made at once all the same.
	scouts = 8
	// courtesy is how long after its start, for each member, a server leaves others the first move.
	courtesy = 10 * time.Millisecond
)

// Hurry ends the courtesy of the start: the ensemble runs already, and who is larger knows nothing of this server.
// Later than that it does nothing.
func (m *Manager) Hurry() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.patient.IsZero() {
		return
	}
	m.patient = time.Time{}
	for _, p := range m.peers {
		if p.dial == nil || p.sid < m.opt.Self {
			continue
		}
		select {
		case p.dial.hurry <- struct{}{}:
		default:
		}
	}
}

// holdBack is how long p is not to be dialled of this node's own accord. The caller holds the lock.
func (m *Manager) holdBack(p *peer) time.Duration { return max(p.holdBack(), m.yield(p)) }

// yield is how long p is left the first move, which one that was here has had. The caller holds the lock.
func (m *Manager) yield(p *peer) time.Duration {
	left := time.Until(m.patient)
	switch {
	case left <= 0 || p.sid < m.opt.Self || p.met:
		return 0
	case m.scouts > 0:
		m.scouts--
		return 0
	}
	return left
}

// beCourteous begins the courtesy of the start, if the ensemble is large. The caller holds the lock.
func (m *Manager) beCourteous() {
	if m.committed == nil {
		return
	}
	if n := len(m.committed.Members()); n > fewMembers {
		m.patient, m.scouts = time.Now().Add(time.Duration(n)*courtesy), scouts
	}
}
