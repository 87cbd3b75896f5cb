package quorumtls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"crypto/tls"

	"electnode/internal/qcm"
)

// recordHead is the beginning of a TLS connection: a record of a hand-shake, of version 3 point something. No preamble
// and no packet begins so, but for that of a server whose id is above 1.5e18.
const recordHead = "\x16\x03"

// accepted is a connection whose first bytes decide whether it is TLS. Reading and writing belong to one goroutine
// each, as with any connection; the first of them does the hand-shake.
type accepted struct {
	net.Conn // below TLS
	server   *dual

	once    sync.Once
	settled atomic.Pointer[tls.Conn] // nil: not yet, or plain
	through net.Conn                 // TLS, or plain with the first bytes put back; set by once
	err     error                    // of the hand-shake; set by once

	mu     sync.Mutex // guards what follows
	readBy time.Time  // the owner's deadline
	limit  time.Time  // of the first bytes; zero: none
}

// HandshakeContext finds out which kind of connection this is and does the hand-shake of TLS, look-ups about the caller
// included, within the time of ctx. It is done once, with the ctx of who is first.
func (a *accepted) HandshakeContext(ctx context.Context) error {
	a.once.Do(func() { a.err = a.begin(ctx) })
	return a.err
}

// Handshake is HandshakeContext for those who bound it by deadlines alone.
func (a *accepted) Handshake() error { return a.HandshakeContext(context.Background()) }

func (a *accepted) begin(ctx context.Context) error {
	head, err := a.first()
	below := &resumed{Conn: a.Conn, head: head}
	switch {
	case err != nil && a.server.opt.AcceptPlain:
		return fmt.Errorf("TLS or not: %w", err)
	case err != nil:
		return acceptError(err)
	case string(head) != recordHead && a.server.opt.AcceptPlain:
		a.through = below
		return nil
	case string(head) != recordHead:
		return fmt.Errorf("%w: the caller does not speak TLS", qcm.ErrTLS)
	}
	secure := a.server.answer(ctx, below)
	a.settled.Store(secure)
	a.through = secure
	if err := secure.HandshakeContext(ctx); err != nil {
		return acceptError(err)
	}
	return nil
}

// first reads as much as decides: one byte, or two if the first is that of a TLS record.
func (a *accepted) first() ([]byte, error) {
	if err := a.bound(time.Now().Add(a.server.opt.Detection)); err != nil {
		return nil, err
	}
	head := make([]byte, 0, len(recordHead))
	for len(head) < len(recordHead) && string(head) == recordHead[:len(head)] {
		n, err := a.Conn.Read(head[len(head) : len(head)+1])
		head = head[:len(head)+n]
		if n == 0 && err != nil {
			return nil, err
		}
	}
	return head, a.bound(time.Time{})
}

// bound sets the limit of the first bytes.
func (a *accepted) bound(limit time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.limit = limit
	return a.Conn.SetReadDeadline(a.deadline())
}

// deadline is the earlier of the two that there may be. The caller holds the lock.
func (a *accepted) deadline() time.Time {
	if a.readBy.IsZero() || !a.limit.IsZero() && a.limit.Before(a.readBy) {
		return a.limit
	}
	return a.readBy
}

// SetReadDeadline bounds reading, the hand-shake too.
func (a *accepted) SetReadDeadline(t time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.readBy = t
	return a.Conn.SetReadDeadline(a.deadline())
}

// SetDeadline bounds reading and writing.
func (a *accepted) SetDeadline(t time.Time) error {
	return errors.Join(a.SetReadDeadline(t), a.SetWriteDeadline(t))
}

// Read reads what was said inside TLS, or plainly.
func (a *accepted) Read(b []byte) (int, error) {
	if err := a.Handshake(); err != nil {
		return 0, err
	}
	return a.through.Read(b)
}

// Write writes in the way that the caller has chosen, for which it must have said something.
func (a *accepted) Write(b []byte) (int, error) {
	if err := a.Handshake(); err != nil {
		return 0, err
	}
	return a.through.Write(b)
}

// ConnectionState is what the hand-shake came to: nothing for a connection that is plain, or has not done it.
func (a *accepted) ConnectionState() tls.ConnectionState {
	if secure := a.settled.Load(); secure != nil {
		return secure.ConnectionState()
	}
	return tls.ConnectionState{}
}

// Close ends the connection, with TLS's farewell if there is TLS.
func (a *accepted) Close() error {
	if secure := a.settled.Load(); secure != nil {
		return secure.Close()
	}
	return a.Conn.Close()
}

// NetConn is the connection below: closing it waits for nobody.
func (a *accepted) NetConn() net.Conn { return a.Conn }

// resumed is a connection of which head was read already.
type resumed struct {
	net.Conn
	head []byte
}

// Read gives what was read already, and then the rest.
func (r *resumed) Read(b []byte) (int, error) {
	if len(r.head) == 0 {
		return r.Conn.Read(b)
	}
	n := copy(b, r.head)
	r.head = r.head[n:]
	return n, nil
}

// acceptError says what err of an accepted connection's hand-shake means.
func acceptError(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("TLS hand-shake not done in time: %w", err)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("the TLS hand-shake was ended: %w", net.ErrClosed)
	case Refused(err):
		return fmt.Errorf("%w: the caller refuses: %w", qcm.ErrTLS, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return fmt.Errorf("the caller left before the end of the TLS hand-shake: %w", err)
	}
	return fmt.Errorf("%w: %w", qcm.ErrTLS, err)
}
