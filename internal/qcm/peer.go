package qcm

import (
	"sync/atomic"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// peer is what the manager knows of one other server. Guarded by the manager's lock, fault excepted.
//
// Members of a view keep theirs for ever. A stranger's lives as long as its link, its dial and the calls
// to the handler, and there are at most MaxUnknown of them.
// Differs from ZooKeeper: there a stranger's queue and last message stay in memory for good, and a
// returning prober is sent the answer to its previous question first.
type peer struct {
	sid   quorum.SID
	host  string        // of a stranger that came by itself: who stands behind its address
	queue slot          // the message that waits
	last  slot          // the newest message that was taken off the queue
	link  *link         // the connection, nil without one
	dial  *dial         // the dial in progress, nil without one
	met   bool          // there was a link with it
	flaps int           // links in a row that broke young and without a frame; see holdBack
	vain  int           // dials that somebody answered and that came to nothing; see ways
	fault atomic.Uint32 // a Fault; read on the hot path without the lock

	turn    chan struct{} // closed at the end of the newest turn; nil before the first
	turns   int           // turns that have not ended
	evicted bool          // a stranger that gave way; only its turns are left
}

// slot holds one message or none.
type slot struct {
	msg   Message
	full  bool
	stale bool // out of date: not to be sent a second time
}

// nextTurn queues a turn of calls to the handler about p: a whole link, or one DialFailed. The turn may
// begin when prev is closed (nil: at once), and ends with endTurn. The caller holds the lock.
func (p *peer) nextTurn() (prev <-chan struct{}, done chan struct{}) {
	prev, done = p.turn, make(chan struct{})
	p.turn = done
	p.turns++
	return prev, done
}

// awaitTurn waits until the turn before has ended.
func awaitTurn(prev <-chan struct{}) {
	if prev != nil {
		<-prev
	}
}

// endTurn ends a turn of p.
func (m *Manager) endTurn(p *peer, done chan struct{}) {
	close(done)
	m.mu.Lock()
	defer m.mu.Unlock()
	p.turns--
	m.release(p)
}

// take takes the message that waits off the queue; when none waits and again is true, at the start of a
// link, it is the last message once more. Rule: the start of QuorumCnxManager.SendWorker.run. The caller
// holds the lock.
func (p *peer) take(again bool) (Message, bool) {
	if p.queue.full {
		taken := p.queue
		p.last, p.queue = taken, slot{}
		if taken.stale {
			p.last = slot{}
		}
		return taken.msg, true
	}
	if !again || !p.last.full {
		return Message{}, false
	}
	msg := p.last.msg
	msg.Sent.Cause = event.SendReconnect
	return msg, true
}

// known reports whether sid is a member of a view. The caller holds the lock.
func (m *Manager) known(sid quorum.SID) bool { return quorum.HasMember(sid, m.committed, m.lastSeen) }

// admit is the peer with this sid, made if need be. A new stranger, of host, takes the place of another when
// there are MaxUnknown; that one's link, if it has one, is returned for the caller to cut after unlocking. It is
// nil when even that must wait for calls to the handler to return. The caller holds the lock.
func (m *Manager) admit(sid quorum.SID, host string) (p *peer, evicted *link) {
	if p = m.peers[sid]; p != nil && !p.evicted {
		return p, nil
	}
	if !m.known(sid) {
		room, cut := m.makeRoom(host)
		if !room {
			return nil, cut
		}
		evicted = cut
	}
	if p != nil {
		p.evicted, p.host = false, host
		return p, evicted
	}
	p = &peer{sid: sid, host: host}
	p.fault.Store(uint32(m.faults[sid]))
	m.peers[sid] = p
	return p, evicted
}

// release forgets a stranger of whom nothing is left. The caller holds the lock.
func (m *Manager) release(p *peer) {
	if p.link == nil && p.dial == nil && p.turns == 0 && m.phase != idle && !m.known(p.sid) &&
		m.peers[p.sid] == p {
		delete(m.peers, p.sid)
	}
}
