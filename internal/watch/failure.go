package watch

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"electnode/internal/event"
	"electnode/internal/qcm"
)

// Reason says why a server could not be asked, or gave no answer.
type Reason string

// Reasons of a failure: a closed set, fit for a label.
const (
	FailUnresolved    Reason = "unresolved"     // its name has no address
	FailRefused       Reason = "refused"        // nobody listens there
	FailTimeout       Reason = "timeout"        // no connection in time
	FailClosed        Reason = "closed"         // it closed or broke the connection
	FailNoAnswer      Reason = "no_answer"      // it accepts and says nothing
	FailBadFrame      Reason = "bad_frame"      // no election port: a client's, a web server's, or TLS
	FailMalformed     Reason = "malformed"      // a frame that is no notification
	FailFlood         Reason = "flood"          // more frames than questions
	FailOtherEnsemble Reason = "other_ensemble" // a server of another ensemble answers there
	FailSID           Reason = "sid"            // its sid is not below the watcher's
	FailNoAddress     Reason = "no_address"     // its line names every address or port 0
	FailError         Reason = "error"          // anything else
)

// Reasons lists every Reason.
func Reasons() []Reason {
	return []Reason{FailUnresolved, FailRefused, FailTimeout, FailClosed, FailNoAnswer, FailBadFrame,
		FailMalformed, FailFlood, FailOtherEnsemble, FailSID, FailNoAddress, FailError}
}

// failure is why a dial or a question came to nothing.
type failure struct {
	reason Reason
	err    error
	keep   bool // the connection is in order
}

// dialFailure says what err of a dial or a look-up is.
func dialFailure(err error) *failure {
	var dns *net.DNSError
	f := &failure{reason: FailError, err: err}
	switch {
	case errors.As(err, &dns) && !dns.IsTimeout:
		f.reason = FailUnresolved
	case errors.Is(err, syscall.ECONNREFUSED):
		f.reason = FailRefused
	case timedOut(err):
		f.reason = FailTimeout
	}
	return f
}

// talkFailure says what err of reading or writing is.
func talkFailure(err error) *failure {
	f := &failure{reason: FailError, err: err}
	switch {
	case errors.Is(err, qcm.ErrFrameLength):
		f.reason = FailBadFrame
		f.err = errors.Join(err, errors.New("is this an election port, and is it without TLS?"))
	case timedOut(err):
		f.reason = FailNoAnswer
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		f.reason = FailClosed
	}
	return f
}

func timedOut(err error) bool {
	var slow net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &slow) && slow.Timeout()
}

// dialResult is the reason as a ConnectionAttempt has it.
func (f *failure) dialResult() string {
	switch f.reason {
	case FailUnresolved:
		return event.DialUnresolved
	case FailRefused:
		return event.DialRefused
	case FailTimeout:
		return event.DialTimeout
	default:
		return event.DialError
	}
}

// dropReason is the reason as a ConnectionDown has it.
func (f *failure) dropReason() string {
	switch {
	case f.reason == FailBadFrame:
		return event.DropBadFrame
	case errors.Is(f.err, io.EOF), errors.Is(f.err, io.ErrUnexpectedEOF):
		return event.DropClosed
	case f.reason == FailClosed:
		return event.DropReset
	default:
		return event.DropEvicted // the watcher's decision
	}
}
