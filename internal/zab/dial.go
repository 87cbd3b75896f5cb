package zab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"electnode/internal/event"
	"electnode/internal/names"
	"electnode/internal/quorum"
)

// stagger is how much later each further address of a leader is tried: addresses are given in order of
// preference, and one that is down must not cost an election.
const stagger = 100 * time.Millisecond

// maxResolved is how many addresses of one name are tried.
const maxResolved = 16

// Dial connects to the first of the addresses, host:port, at which leader answers; Opened or DialError is delivered.
// It does not wait for that. A new Dial ends the one before.
func (t *Transport) Dial(ctx context.Context, leader quorum.SID, addrs []string) {
	ctx, cancel := context.WithTimeout(ctx, t.opt.DialTimeout)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		cancel()
		return
	}
	if t.cancelDial != nil {
		t.cancelDial()
	}
	t.cancelDial = cancel
	// Ends when an address answered, all were tried, or the context is over, at the latest by Close.
	t.wg.Go(func() {
		defer cancel()
		sock, err := t.race(ctx, leader, addrs)
		if err != nil {
			t.deliver(Input{Kind: DialError, Detail: err.Error()})
			return
		}
		t.adopt(sock, true)
	})
}

// dialled is the outcome of one address.
type dialled struct {
	sock net.Conn
	err  error
}

// race tries all addresses, each a little later than the one before, and returns the first connection.
// All attempts have ended then.
func (t *Transport) race(ctx context.Context, leader quorum.SID, addrs []string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan dialled, len(addrs)) // each attempt reports once
	for i, addr := range addrs {
		// The race's own: ends with its attempt, which the context bounds; race waits for its result.
		go func() {
			sock, err := t.attempt(ctx, time.Duration(i)*stagger, leader, addr)
			results <- dialled{sock, err}
		}()
	}
	var won net.Conn
	var errs []string
	for range addrs {
		switch r := <-results; {
		case r.err != nil:
			errs = append(errs, r.err.Error())
		case won == nil:
			won = r.sock
			cancel()
		default:
			_ = r.sock.Close() // came second
		}
	}
	if won == nil && len(addrs) == 0 {
		errs = []string{"no address"}
	}
	if won == nil {
		return nil, errors.New(strings.Join(errs, "; "))
	}
	return won, nil
}

// attempt waits, looks the host up and tries its addresses one after another.
func (t *Transport) attempt(ctx context.Context, wait time.Duration, leader quorum.SID, addr string) (net.Conn, error) {
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w", addr, ctx.Err())
		}
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ips, err := t.opt.Network.Lookup(ctx, host)
	if len(ips) == 0 && err != nil {
		return nil, fmt.Errorf("%s: %w", addr, err)
	}
	ips = ips[:min(len(ips), maxResolved)]
	if len(ips) == 0 {
		return nil, fmt.Errorf("%s: no address", addr)
	}
	var errs []string
	for i, ip := range ips {
		var sock net.Conn
		if sock, err = t.dialIP(names.For(ctx, host), leader, net.JoinHostPort(ip, port), len(ips)-i); err == nil {
			return sock, nil
		}
		if text := err.Error(); !slices.Contains(errs, text) {
			errs = append(errs, text)
		}
	}
	return nil, errors.New(strings.Join(errs, "; "))
}

// dialIP tries one address with its share of the time that is left: one that swallows packets must not
// use up what the next one needs. One where somebody else answers is as bad.
func (t *Transport) dialIP(ctx context.Context, leader quorum.SID, addr string, left int) (net.Conn, error) {
	begun, whole := time.Now(), ctx
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(left))
		defer cancel()
	}
	sock, err := t.opt.Network.Dial(ctx, addr)
	result := event.DialTLS
	switch {
	case err != nil && (t.opt.IsTLS == nil || !t.opt.IsTLS(err)):
		return nil, err // a leader's port may open a little later
	case err == nil && t.opt.Guard == nil:
		return sock, nil
	case err == nil:
		if err = t.opt.Guard.Admit(ctx, sock, leader); err == nil {
			return sock, nil
		}
		result = event.DialIdentity
		_ = raw(sock).Close() // nobody is to be told good-bye
	}
	if whole.Err() == nil { // else another address was faster, or nobody waits any more
		t.opt.Events.Emit(event.ConnectionAttempt{Peer: leader, Address: addr, Result: result,
			Detail: err.Error(), Duration: time.Since(begun)})
	}
	return nil, err
}
