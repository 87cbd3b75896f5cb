package qcm

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// ErrTLS stands in every error of a Network with TLS whose hand-shake came to no secure connection, but for one that
// took too long and one that the other side left before it was told anything. So it does in that of the first read of a
// dialled connection, if the other side refuses only then.
var ErrTLS = errors.New("TLS hand-shake")

// identityError is what the Guard has against a connection. It hides what the Guard's reasons are made of.
type identityError struct{ reason string }

func (e *identityError) Error() string { return e.reason }

// vouch asks the Guard, if there is one; the error is an *identityError.
func (m *Manager) vouch(ctx context.Context, conn net.Conn, sid quorum.SID) error {
	if m.opt.Guard == nil {
		return nil
	}
	if err := m.opt.Guard.Admit(ctx, conn, sid); err != nil {
		return &identityError{err.Error()}
	}
	return nil
}

// viewsChanged says that who may speak as whom was judged by a configuration that is not in force any more.
const viewsChanged = "the configuration changed while it was asked who this is"

// asOf is which configuration is in force.
func (m *Manager) asOf() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.viewed
}

// misjudged reports whether sid is a member now, and the Guard was asked about it before that may have come to be: a
// stranger is asked for less. The caller holds the lock.
func (m *Manager) misjudged(sid quorum.SID, asOf uint64) bool {
	return m.opt.Guard != nil && asOf != m.viewed && m.known(sid)
}

// dialResult says which result of a ConnectionAttempt err is.
func dialResult(err error) string {
	var dns *net.DNSError
	var identity *identityError
	switch {
	case err == nil:
		return event.DialConnected
	case errors.As(err, &identity):
		return event.DialIdentity
	case errors.As(err, &dns):
		return event.DialUnresolved
	case errors.Is(err, ErrTLS):
		return event.DialTLS
	case errors.Is(err, syscall.ECONNREFUSED):
		return event.DialRefused
	case timedOut(err):
		return event.DialTimeout
	default:
		return event.DialError
	}
}

// dropReason says which reason of a ConnectionDown err is, err being what a read or a write of a link
// returned.
func dropReason(err error) string {
	switch {
	case errors.Is(err, ErrFrameLength):
		return event.DropBadFrame
	case errors.Is(err, ErrTLS):
		return event.DropTLS
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return event.DropClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return event.DropWriteTimeout // links have no other deadline
	default:
		return event.DropReset
	}
}

// rejectReason says which reason of a HandshakeRejected err is, err being what ReadPreamble or vouch returned.
func rejectReason(err error) string {
	var preamble *PreambleError
	var identity *identityError
	switch {
	case errors.As(err, &identity):
		return event.RejectIdentity
	case errors.As(err, &preamble):
		return preamble.Reason
	case errors.Is(err, ErrTLS):
		return event.RejectTLS
	case timedOut(err):
		return event.RejectSilent
	default:
		return event.RejectClosed
	}
}

func timedOut(err error) bool {
	var slow interface{ Timeout() bool }
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, syscall.ETIMEDOUT) || errors.As(err, &slow) && slow.Timeout()
}
