package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"electnode/internal/event"
	"electnode/internal/qcm"
	"electnode/internal/quorumtls"
)

// Reason says why a server could not be asked, or gave no answer.
type Reason string

// Reasons of a failure: a closed set, fit for a label.
const (
	FailUnresolved Reason = "unresolved" // its name has no address
	FailRefused    Reason = "refused"    // nobody listens there
	FailTimeout    Reason = "timeout"    // no connection in time
	// It closed or broke the connection: it ended, or it is a client port, or a real server with sslQuorum that is
	// asked without TLS, which says no word before it closes.
	FailClosed        Reason = "closed"
	FailNoAnswer      Reason = "no_answer"      // it accepts and says nothing
	FailTLS           Reason = "tls"            // TLS where plain was expected, or the reverse, or a certificate
	FailBadFrame      Reason = "bad_frame"      // no election port: a web server's for example
	FailMalformed     Reason = "malformed"      // a frame that is no notification
	FailFlood         Reason = "flood"          // more frames than questions
	FailOtherEnsemble Reason = "other_ensemble" // a server of another ensemble answers there, or another one of this
	FailSID           Reason = "sid"            // its sid is not below the watcher's, or the watcher's is a member's
	FailNoAddress     Reason = "no_address"     // its line names every address or port 0
	FailError         Reason = "error"          // anything else
)

// Reasons lists every Reason.
func Reasons() []Reason {
	return []Reason{FailUnresolved, FailRefused, FailTimeout, FailClosed, FailNoAnswer, FailTLS, FailBadFrame,
		FailMalformed, FailFlood, FailOtherEnsemble, FailSID, FailNoAddress, FailError}
}

// errSpeaksTLS says that a port expects TLS, which the watcher does not use.
var errSpeaksTLS = errors.New("the port speaks TLS, and the watcher asks without: it needs the servers' ssl.quorum settings")

// errSpeaksHTTP says that a web server answers.
var errSpeaksHTTP = errors.New("the port speaks HTTP: it is a web server's and no election port (3888 by convention)")

// speaksTLS reports whether bytes begin a record of TLS, an alert or a hand-shake. A frame begins with 0: it is
// shorter than 16 MiB.
func speaksTLS(head []byte) bool {
	return len(head) >= 3 && (head[0] == 0x15 || head[0] == 0x16) && head[1] == 3 && head[2] <= 4
}

// atFirst explains a failure before anything was heard on a connection.
func (f *failure) atFirst() *failure {
	if f.reason == FailClosed {
		f.err = fmt.Errorf("%w before its first answer: this is no election port (a client port?), or it wants TLS (sslQuorum)", f.err)
		f.mute = true
	}
	return f
}

// failure is why a dial or a question came to nothing.
type failure struct {
	reason Reason
	err    error
	keep   bool // the connection is in order
	mute   bool // it closed the connection without a word
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
	case errors.Is(err, qcm.ErrTLS):
		f.reason = FailTLS
	case timedOut(err):
		f.reason = FailTimeout
	}
	return f
}

// talkFailure says what err of reading or writing is.
func talkFailure(err error) *failure {
	f := &failure{reason: FailError, err: err}
	switch {
	case errors.Is(err, errSpeaksTLS):
		f.reason = FailTLS
	case errors.Is(err, qcm.ErrTLS):
		f.reason = FailTLS
	case quorumtls.Refused(err): // later than at the first word
		f.reason, f.err = FailTLS, fmt.Errorf("the server refuses: %w", err)
	case errors.Is(err, errSpeaksHTTP):
		f.reason = FailBadFrame
	case errors.Is(err, qcm.ErrFrameLength):
		f.reason, f.err = FailBadFrame, fmt.Errorf("%w: this is no election port", err)
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
	case FailTLS:
		return event.DialTLS
	default:
		return event.DialError
	}
}

// dropReason is the reason as a ConnectionDown has it.
func (f *failure) dropReason() string {
	switch {
	case f.reason == FailBadFrame, errors.Is(f.err, errSpeaksTLS):
		return event.DropBadFrame
	case errors.Is(f.err, io.EOF), errors.Is(f.err, io.ErrUnexpectedEOF):
		return event.DropClosed
	case f.reason == FailClosed:
		return event.DropReset
	default:
		return event.DropEvicted // the watcher's decision
	}
}
