package zab

import (
	"errors"
	"fmt"
	"net"
	"time"

	"electnode/internal/event"
)

// A listener that cannot accept tries again after a pause that doubles; a busy machine without a free file
// descriptor recovers within these 10 tries, about 4 s.
const (
	acceptTries      = 10
	acceptPauseFirst = 10 * time.Millisecond
	acceptPauseLast  = time.Second
)

// BindError is why one address of the quorum port could not be bound.
type BindError struct {
	Address string
	Err     error
}

// Error implements error.
func (e *BindError) Error() string { return fmt.Sprintf("quorum port %s: %v", e.Address, e.Err) }

// Unwrap is for errors.Is.
func (e *BindError) Unwrap() error { return e.Err }

// BindErrors lists those that an error of Listen joins.
func BindErrors(err error) []*BindError {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var all []*BindError
	for _, e := range joined.Unwrap() {
		var one *BindError
		if errors.As(e, &one) {
			all = append(all, one)
		}
	}
	return all
}

// Listen binds the addresses, host:port, and accepts connections on them from now on. It returns the bound
// addresses, and a BindError for each of the others, joined; ZooKeeper leads as long as one address is bound. Rule: Leader's
// constructor, which binds all quorum addresses.
func (t *Transport) Listen(addrs []string) ([]net.Addr, error) {
	var bound []net.Addr
	var errs []error
	for _, addr := range addrs {
		ln, err := t.opt.Network.Listen(addr)
		if err != nil {
			errs = append(errs, &BindError{addr, err})
			continue
		}
		t.mu.Lock()
		open := !t.closed
		if open {
			t.listeners = append(t.listeners, ln)
			// The listener's own: ends when Close closes it, and Close waits for it.
			t.wg.Go(func() { t.accept(ln) })
		}
		t.mu.Unlock()
		if !open {
			_ = ln.Close() // bound a moment too late
			return bound, errors.Join(append(errs, errClosing)...)
		}
		bound = append(bound, ln.Addr())
	}
	return bound, errors.Join(errs...)
}

// accept takes connections until the listener is closed or does not recover.
func (t *Transport) accept(ln net.Listener) {
	tries, pause := 0, acceptPauseFirst
	for {
		sock, err := ln.Accept()
		if err == nil {
			tries, pause = 0, acceptPauseFirst
			t.taken(sock)
			continue
		}
		if tries++; tries > acceptTries {
			t.deliver(Input{Kind: PortLost, Detail: err.Error()})
			return
		}
		if !t.sleep(pause) {
			return
		}
		pause = min(2*pause, acceptPauseLast)
	}
}

func (t *Transport) taken(sock net.Conn) {
	begun := time.Now()
	if !t.enter() {
		_ = sock.Close() // Close was called
		return
	}
	if t.adopt(sock, false) != nil {
		return
	}
	t.leave()
	t.opt.Events.Emit(event.HandshakeRejected{
		Port:   event.PortQuorum,
		Remote: sock.RemoteAddr().String(), Reason: event.RejectTooMany,
		Detail: fmt.Sprintf("%d connections", t.opt.MaxConns), Duration: time.Since(begun),
	})
}

// enter waits for a place among those that come and go; false: Close was called.
func (t *Transport) enter() bool {
	select {
	case t.places <- struct{}{}:
		return true
	case <-t.done:
		return false
	}
}

// leave gives the place back.
func (t *Transport) leave() { <-t.places }

// sleep waits for d; false: Close was called.
func (t *Transport) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.done:
		return false
	}
}
