package metrics

import (
	"electnode/internal/event"
)

// Record implements event.Sink.
func (m *Metrics) Record(s event.Stamped) {
	if s.Event == nil {
		return
	}
	inc(m.node.events, s.Event.Name())
	m.enter(s)
}

// enter shows s in the series it belongs to, and reports whether it is a known event.
func (m *Metrics) enter(s event.Stamped) bool {
	return m.enterElection(s) || m.enterLink(s) || m.enterNode(s)
}

// enterElection is for what happens to the election.
func (m *Metrics) enterElection(s event.Stamped) bool {
	switch ev := s.Event.(type) {
	case event.ElectionStarted:
		m.electionStarted(s, ev)
	case event.ElectionDecided:
		m.electionDecided(s, ev)
	case event.ElectionAborted:
		m.electionAborted(s)
	case event.RoundChanged:
		m.node.round.Set(float64(ev.To))
		inc(m.election.rounds, ev.Cause)
	case event.VoteChanged:
		m.node.setVote(ev.To)
		inc(m.election.votes, ev.Cause)
	case event.ResendScheduled:
		m.election.wait.Set(ev.Wait.Seconds())
	case event.QuorumReached, event.QuorumUndone, event.EpochProposed, event.EpochPromised,
		event.SyncReceived, event.HistoryRefused, event.RequestRefused:
		// electnode_events_total says how often; nothing else is to be measured.
	default:
		return false
	}
	return true
}

// enterLink is for what happens between two nodes. It takes no lock but for the beginning and the end of a link.
func (m *Metrics) enterLink(s event.Stamped) bool {
	switch ev := s.Event.(type) {
	case *event.NotificationSent:
		p := m.peer(ev.Peer)
		inc(p.sent, ev.Cause)
		setTime(p.lastSent, s.Time)
	case *event.NotificationReceived:
		p := m.peer(ev.Peer)
		inc(p.received, ev.Outcome)
		setTime(p.lastReceived, s.Time)
		p.took(ev.SentAt, s.Time)
	case event.NotificationReplaced:
		m.peer(ev.Peer).replaced.Inc()
	case event.ConnectionAttempt:
		inc(m.peer(ev.Peer).attempts, ev.Result)
	case event.ConnectionTieBreak:
		if by, ok := m.peer(ev.Peer).ties.with(ev.Side); ok {
			inc(by, ev.Outcome)
		}
	case event.ConnectionUp:
		m.linked(ev.Peer, true)
	case event.ConnectionDown:
		m.linked(ev.Peer, false)
		inc(m.peer(ev.Peer).drops, ev.Reason)
	case event.HandshakeCompleted:
		observe(m.link.handshake, handshakeCompleted, ev.Duration, "")
	case event.HandshakeRejected:
		m.handshakeRejected(ev)
	case event.PeerResolved:
		m.peerResolved(s, ev)
	case event.HeartbeatAnswered:
		m.peer(ev.Peer).heartbeat.Observe(ev.RTT.Seconds())
	case event.HeartbeatMissed, event.ListenFailed:
		// electnode_events_total says how often.
	default:
		return false
	}
	return true
}

// enterNode is for what happens to the node and its leader.
func (m *Metrics) enterNode(s event.Stamped) bool {
	switch ev := s.Event.(type) {
	case event.NodeStarted:
		m.nodeStarted(s, ev)
	case event.NodeStopped:
		m.nodeStopped(s)
	case event.StateChanged:
		m.stateChanged(ev)
	case event.LeaderEstablished:
		m.leaderEstablished(s, ev)
	case event.LeaderLost:
		m.leaderLost(s)
	case event.FollowerJoined:
		m.followers(func() { m.leading.joined(ev) })
	case event.FollowerLost:
		m.followers(func() { m.leading.left(ev) })
	case event.DurableWritten:
		m.durableWritten(ev)
	case event.ConfigSeen:
		m.configSeen(s, ev)
	case event.EventsDropped:
		m.eventsDropped(ev)
	case event.CertificateRenewed:
		m.certificateRenewed(ev)
	case event.LinesLeftOut:
		m.node.leftOut.Add(float64(ev.Count))
	default:
		return false
	}
	return true
}

// handshakeRejected enters a rejection; those that were never timed have no duration.
func (m *Metrics) handshakeRejected(ev event.HandshakeRejected) {
	add(m.link.rejected, ev.Reason, 1+ev.More)
	if port, ok := m.link.rejectedAt.with(ev.Port); ok {
		add(port, ev.Reason, 1+ev.More)
	}
	add(m.node.events, ev.Name(), ev.More) // Record has counted one
	if ev.Duration > 0 {
		observe(m.link.handshake, handshakeRejected, ev.Duration, "")
	}
}

func (m *Metrics) peerResolved(s event.Stamped, ev event.PeerResolved) {
	p := m.peer(ev.Peer)
	if len(ev.Addresses) == 0 {
		p.resolveFailures.Inc()
		return
	}
	setTime(p.resolved, s.Time)
}

// durableWritten enters a write, and the epoch if it is on disk now.
func (m *Metrics) durableWritten(ev event.DurableWritten) {
	observe(m.node.writes, ev.File, ev.Duration, "")
	switch {
	case ev.Error != "":
	case ev.File == event.FileAccepted:
		m.node.accepted.Set(float64(ev.Epoch))
	case ev.File == event.FileCurrent:
		m.node.current.Set(float64(ev.Epoch))
	}
}

// eventsDropped counts for a sink that has a name here, and else for the others.
func (m *Metrics) eventsDropped(ev event.EventsDropped) {
	c, ok := m.node.dropped.of[ev.Sink]
	if !ok {
		c = m.node.dropped.of[otherSink]
	}
	c.Add(float64(ev.Count))
}

// certificateRenewed enters a reading of the stores, and the end of the certificate that is in force after it.
func (m *Metrics) certificateRenewed(ev event.CertificateRenewed) {
	switch {
	case ev.Start:
	case ev.OK:
		inc(m.node.reloads, reloadOK)
	default:
		inc(m.node.reloads, reloadFailed)
	}
	m.node.expiry.Set(0)
	setTime(m.node.expiry, ev.NotAfter)
}
