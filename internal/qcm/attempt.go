package qcm

import (
	"context"
	"net"
	"time"

	"electnode/internal/event"
	"electnode/internal/names"
	"electnode/internal/quorum"
)

// attempt tries one address, host:port, of a peer: the name is resolved now, and all that it leads to is
// tried, beginning with the one that has the number turn.
func (m *Manager) attempt(sid quorum.SID, addr string, turn int) attempt {
	return func(ctx context.Context) (*dialled, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		start := time.Now()
		ips, err := m.resolve(ctx, sid, host)
		if err != nil {
			if ctx.Err() == nil {
				m.opt.Events.Emit(event.ConnectionAttempt{Peer: sid, Address: addr,
					Result: event.DialUnresolved, Detail: err.Error(), Duration: time.Since(start)})
			}
			return nil, err
		}
		ctx = names.For(ctx, host)
		attempts := make([]attempt, 0, len(ips))
		for _, ip := range turned(ips, turn) {
			attempts = append(attempts, m.dialOne(sid, net.JoinHostPort(ip, port)))
		}
		if len(attempts) == 1 {
			return attempts[0](ctx)
		}
		return race(ctx, &m.wg, attempts, nil)
	}
}

// dialOne tries one address with an IP literal for ConnectTimeout at most. One where somebody else answers is as bad as
// one where nobody does: the others are tried.
func (m *Manager) dialOne(sid quorum.SID, addr string) attempt {
	return func(ctx context.Context) (*dialled, error) {
		start, asOf := time.Now(), m.asOf()
		limited, cancel := context.WithTimeout(ctx, m.opt.ConnectTimeout)
		defer cancel()
		conn, err := m.opt.Network.Dial(limited, addr)
		if err == nil {
			if err = m.vouch(limited, conn, sid); err == nil {
				return &dialled{conn, addr, start, asOf}, nil
			}
			closeNow(conn)
		}
		if ctx.Err() == nil { // else another address was faster, or nobody waits any more
			m.opt.Events.Emit(event.ConnectionAttempt{Peer: sid, Address: addr, Result: dialResult(err),
				Detail: err.Error(), Duration: time.Since(start)})
		}
		return nil, err
	}
}
