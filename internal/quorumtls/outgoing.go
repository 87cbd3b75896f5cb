package quorumtls

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"electnode/internal/qcm"
)

// outgoing is a connection that was dialled. With TLS 1.3 a server looks at the client's certificate when the client is
// done: a refusal then comes in place of the server's first word, and belongs to the hand-shake all the same.
type outgoing struct {
	*tls.Conn

	in      sync.Mutex // guards what follows; held while reading
	heard   bool       // the server has said something
	held    []byte     // of that, what Write has read
	refused error      // the refusal
}

// Read reads what the server says.
func (o *outgoing) Read(b []byte) (int, error) {
	o.in.Lock()
	defer o.in.Unlock()
	if n := copy(b, o.held); n > 0 {
		o.held = o.held[n:]
		return n, nil
	}
	return o.read(b)
}

// read notes how the first read ends. The caller holds the lock.
func (o *outgoing) read(b []byte) (int, error) {
	n, err := o.Conn.Read(b)
	switch {
	case n > 0:
		o.heard = true
	case err != nil && !o.heard && Refused(err):
		o.refused = fmt.Errorf("%w: the server refuses: %w", qcm.ErrTLS, err)
		return 0, o.refused
	}
	return n, err
}

// Write writes. Who refuses closes the connection: writing may fail before anybody has read why.
func (o *outgoing) Write(b []byte) (int, error) {
	n, err := o.Conn.Write(b)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		if why := o.refusal(); why != nil {
			return n, why
		}
	}
	return n, err
}

// refusal is the refusal on a connection that is broken, of which reading waits no more; nil: there was none.
func (o *outgoing) refusal() error {
	o.in.Lock()
	defer o.in.Unlock()
	if !o.heard && o.refused == nil {
		var first [1]byte
		if n, _ := o.read(first[:]); n > 0 {
			o.held = first[:n]
		}
	}
	return o.refused
}
