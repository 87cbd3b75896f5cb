package qcm

import (
	"errors"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// Fault is what an operator does to the traffic with one peer, for demonstrations and tests: a set of the
// bits below, 0 for none.
type Fault uint32

const (
	// FaultRefuse allows no link in either direction: what exists is cut, dials fail as refused, accepted
	// connections are closed.
	FaultRefuse Fault = 1 << iota
	// FaultDropOut loses the frames to the peer on their way; they are reported as sent.
	FaultDropOut
	// FaultDropIn loses the frames from the peer on their way.
	FaultDropIn
)

var errRefused = errors.New("links with this peer are refused on request")

// SetFault sets the faults of the traffic with sid, in place of those that were set. Lifting FaultRefuse
// dials a member.
func (m *Manager) SetFault(sid quorum.SID, f Fault) {
	m.mu.Lock()
	lifted := m.faults[sid]&FaultRefuse != 0 && f&FaultRefuse == 0
	if m.faults[sid] = f; f == 0 {
		delete(m.faults, sid)
	}
	var l *link
	if p := m.peers[sid]; p != nil {
		p.fault.Store(uint32(f))
		switch {
		case f&FaultRefuse != 0:
			l = p.link
		case lifted && p.link == nil && m.known(sid):
			m.demand(p)
		}
	}
	m.mu.Unlock()
	if l != nil {
		l.cut(event.DropFault, errRefused.Error())
	}
}

// Drop cuts the link with sid and reports whether there was one. Nothing keeps it from coming back.
func (m *Manager) Drop(sid quorum.SID) bool {
	m.mu.Lock()
	var l *link
	if p := m.peers[sid]; p != nil {
		l = p.link
	}
	m.mu.Unlock()
	if l != nil {
		l.cut(event.DropFault, "cut on request")
	}
	return l != nil
}

// has reports whether a fault of the traffic with p is set.
func (p *peer) has(f Fault) bool { return Fault(p.fault.Load())&f != 0 }
