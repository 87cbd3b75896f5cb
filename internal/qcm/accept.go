package qcm

import (
	"context"
	"net"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// receive reads the preamble of one accepted connection and makes it a link, or not. Its goroutine is
// owned by Run and ends within HandshakeTimeout; accepted is the connection's place among all accepted.
func (m *Manager) receive(conn net.Conn, accepted uint64) {
	start := time.Now()
	ctx, h := newHandshake(conn, start.Add(m.opt.HandshakeTimeout))
	defer h.cancel()
	m.mu.Lock()
	if m.phase == stopped {
		m.mu.Unlock()
		closeNow(conn)
		return
	}
	victim := m.half.add(h)
	m.mu.Unlock()
	if victim != nil {
		victim.end()
	}
	asOf := m.asOf()
	p, err := m.greet(ctx, conn)
	m.mu.Lock()
	m.half.remove(h)
	over := m.phase == stopped
	m.mu.Unlock()
	switch {
	case over:
		closeNow(conn)
	case err != nil && h.evicted:
		m.reject(conn, start, event.RejectTooMany, "more incomplete hand-shakes than are kept")
	case err != nil:
		m.reject(conn, start, rejectReason(err), err.Error())
	case p.SID == m.opt.Self:
		// Differs from ZooKeeper: there such a connection stays open, unread, until it is collected.
		m.reject(conn, start, event.RejectOwnSID, "a peer calls itself "+p.SID.String())
	default:
		m.meet(conn, p, start, accepted, asOf)
	}
}

// greet hears who the other side says it is, and asks whether it may; ctx has a deadline.
// Differs from ZooKeeper, which takes everybody's word for it.
func (m *Manager) greet(ctx context.Context, conn net.Conn) (Preamble, error) {
	limit, _ := ctx.Deadline()
	if err := conn.SetDeadline(limit); err != nil {
		return Preamble{}, err
	}
	if secure, ok := conn.(interface{ HandshakeContext(context.Context) error }); ok { // reading would do it, but without ctx
		if err := secure.HandshakeContext(ctx); err != nil {
			return Preamble{}, err
		}
	}
	p, err := ReadPreamble(conn)
	if err == nil && p.SID != m.opt.Self {
		err = m.vouch(ctx, conn, p.SID)
	}
	return p, err
}

func (m *Manager) reject(conn net.Conn, start time.Time, reason, detail string) {
	closeNow(conn)
	m.opt.Events.Emit(event.HandshakeRejected{Port: event.PortElection, Remote: conn.RemoteAddr().String(), Reason: reason,
		Detail: detail, Duration: time.Since(start)})
}

// meet makes what the tie-break says of a connection that a peer dialled, and that was judged asOf a configuration.
func (m *Manager) meet(conn net.Conn, pre Preamble, start time.Time, accepted, asOf uint64) {
	if err := conn.SetDeadline(time.Time{}); err != nil {
		m.reject(conn, start, event.RejectClosed, err.Error())
		return
	}
	m.mu.Lock()
	if m.misjudged(pre.SID, asOf) {
		m.mu.Unlock()
		m.reject(conn, start, event.RejectIdentity, viewsChanged)
		return
	}
	if pre.SID == quorum.AnonymousSID {
		pre.SID = m.nextAnonymous()
	}
	r := m.judge(pre, accepted)
	var p *peer
	var l, old, evicted *link
	host, often := hostOf(conn), false
	if r.keep || r.dialBack {
		if often = m.tooOften(pre.SID, host); !often {
			p, evicted = m.admit(pre.SID, host)
		}
	}
	full := p == nil && (r.keep || r.dialBack)
	if r.keep && !full {
		l, old = m.install(p, conn, false, accepted)
		if p.dial != nil {
			p.dial.cancel()
		}
	}
	m.mu.Unlock()
	if evicted != nil {
		evicted.cut(event.DropEvicted, "")
	}
	if often {
		m.reject(conn, start, event.RejectTooMany, "strangers of this address come too often")
		return
	}
	if full {
		m.reject(conn, start, event.RejectTooMany, "more strangers than are kept")
		return
	}
	m.opt.Events.Emit(event.HandshakeCompleted{Peer: pre.SID, Form: string(pre.Form), Duration: time.Since(start)})
	if l != nil {
		m.launch(l, old, event.Acceptor, r.outcome)
		return
	}
	closeNow(conn)
	m.opt.Events.Emit(event.ConnectionTieBreak{Peer: pre.SID, Side: event.Acceptor, Outcome: r.outcome})
	if r.dialBack {
		m.answer(pre, host)
	}
}

// judge gathers what the tie-break asks for. The caller holds the lock.
func (m *Manager) judge(pre Preamble, accepted uint64) ruling {
	if m.phase == stopped || m.faults[pre.SID]&FaultRefuse != 0 {
		return ruling{outcome: event.TieDropped}
	}
	at := meeting{side: event.Acceptor, self: m.opt.Self, peer: pre.SID,
		dialable: len(pre.Addresses) > 0 || m.known(pre.SID)}
	p := m.peers[pre.SID]
	if p != nil && p.link != nil {
		at.linked, at.stale = true, p.link.accepted >= accepted
	}
	if at.stale && pre.SID < m.opt.Self {
		p.link.doubt = m.targets(pre.SID, pre.Addresses)
	}
	return decide(at)
}

// answer dials a smaller peer back.
func (m *Manager) answer(pre Preamble, host string) {
	m.mu.Lock()
	p, evicted := m.admit(pre.SID, host)
	if p != nil {
		m.dialBack(p, pre.Addresses)
		m.release(p)
	}
	m.mu.Unlock()
	if evicted != nil {
		evicted.cut(event.DropEvicted, "")
	}
}

// nextAnonymous is a sid for an observer without one: -1, -2 and so on, members' left out. The caller
// holds the lock. Rule: QuorumCnxManager.receiveConnection, observerCounter.
func (m *Manager) nextAnonymous() quorum.SID {
	for m.anonymous--; m.known(m.anonymous); m.anonymous-- {
	}
	return m.anonymous
}
