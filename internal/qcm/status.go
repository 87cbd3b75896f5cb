package qcm

import (
	"cmp"
	"slices"
	"time"

	"electnode/internal/quorum"
)

// LinkStatus is what there is to say of one peer.
type LinkStatus struct {
	Peer        quorum.SID
	Known       bool      // a member of a view
	Connected   bool      // there is a link; the next four fields are zero without one
	DialledByUs bool      //
	Since       time.Time // when the link began
	Heard       time.Time // when the last frame came; zero before the first
	Remote      string    // address of the other end
	Dialling    bool      // a dial is in progress, or the peer is expected to dial back
	Waiting     bool      // a message waits in the queue
	Fault       Fault
}

// Links lists the peers by ascending sid: every member that there was a message or a connection for, and
// the strangers of now.
func (m *Manager) Links() []LinkStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]LinkStatus, 0, len(m.peers))
	for sid, p := range m.peers {
		s := LinkStatus{Peer: sid, Known: m.known(sid), Dialling: p.dial != nil, Waiting: p.queue.full,
			Fault: Fault(p.fault.Load())}
		if l := p.link; l != nil {
			s.Connected, s.DialledByUs, s.Since, s.Remote = true, l.byUs, l.since, l.conn.RemoteAddr().String()
			if at := l.heard.Load(); at != 0 {
				s.Heard = time.Unix(0, at)
			}
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b LinkStatus) int { return cmp.Compare(a.Peer, b.Peer) })
	return all
}
