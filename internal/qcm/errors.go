package qcm

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"electnode/internal/event"
)

// dialResult says which result of a ConnectionAttempt err is.
func dialResult(err error) string {
	var dns *net.DNSError
	switch {
	case err == nil:
		return event.DialConnected
	case errors.As(err, &dns):
		return event.DialUnresolved
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
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return event.DropClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return event.DropWriteTimeout // links have no other deadline
	default:
		return event.DropReset
	}
}

// rejectReason says which reason of a HandshakeRejected err is, err being what ReadPreamble returned.
func rejectReason(err error) string {
	var preamble *PreambleError
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	switch {
	case errors.As(err, &preamble):
		return preamble.Reason
	case errors.As(err, &record), errors.As(err, &certificate), errors.As(err, &alert):
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
