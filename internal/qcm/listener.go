package qcm

import (
	"context"
	"fmt"
	"time"

	"electnode/internal/event"
)

// bindPause is the time between two tries to listen. Rule: QuorumCnxManager.ListenerHandler.acceptConnections.
const bindPause = time.Second

// listen serves one address until ctx ends, which is no error, or until BindRetry tries in a row have
// failed. A name is resolved again at each try. tried is called after each try to bind.
func (m *Manager) listen(ctx context.Context, addr string, tried func()) error {
	for tries := 0; ; {
		handled, err := m.serve(ctx, addr, tried)
		if ctx.Err() != nil {
			return nil
		}
		if handled {
			tries = 0
		}
		tries++
		final := m.opt.BindRetry > 0 && tries >= m.opt.BindRetry
		m.opt.Events.Emit(event.ListenFailed{Address: addr, Port: event.PortElection, Detail: err.Error(), Final: final})
		if final {
			return fmt.Errorf("listen on %s, %d tries: %w", addr, tries, err)
		}
		hold(ctx, nil, bindPause)
	}
}

// serve binds addr and accepts until that fails or ctx ends; the socket is closed when it returns. It
// reports whether a connection came. Larger peers that could not dial back before are told again.
func (m *Manager) serve(ctx context.Context, addr string, tried func()) (handled bool, err error) {
	ln, err := m.opt.Network.Listen(addr)
	tried()
	if err != nil {
		return false, err
	}
	closed := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		ln.Close()
		close(closed)
	})
	defer func() {
		if unhook() {
			ln.Close()
		} else {
			<-closed // Accept returns before the socket is gone
		}
	}()
	m.ConnectAll()
	for {
		conn, err := ln.Accept()
		if err != nil {
			return handled, err
		}
		handled = true
		m.mu.Lock()
		m.accepted++
		n := m.accepted
		m.mu.Unlock()
		// Owned by Run; ends within HandshakeTimeout.
		m.wg.Go(func() { m.receive(conn, n) })
	}
}
