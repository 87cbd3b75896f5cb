package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipeSize is how many bytes may be on their way in one direction before a write waits: small enough for
// a test to fill, large enough for many frames.
const pipeSize = 64 << 10

// conn is one end of a connection.
type conn struct {
	net           *Net
	way           way // from this end to the other
	in, out       *pipe
	local, remote net.Addr
	other         *conn
	closed        bool // guarded by the network's lock, as is broken
	broken        bool
}

func (c *conn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *conn) Write(b []byte) (int, error) { return c.out.write(b) }
func (c *conn) LocalAddr() net.Addr         { return c.local }
func (c *conn) RemoteAddr() net.Addr        { return c.remote }

// Close ends both directions at this end; the other end reads what was written, then io.EOF.
func (c *conn) Close() error {
	c.out.change(func(p *pipe) { p.writerClosed = true })
	c.in.change(func(p *pipe) { p.readerClosed = true })
	c.net.closed(c)
	return nil
}

func (c *conn) SetDeadline(t time.Time) error {
	c.in.change(func(p *pipe) { p.readBy = t })
	c.out.change(func(p *pipe) { p.writeBy = t })
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.change(func(p *pipe) { p.readBy = t })
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.change(func(p *pipe) { p.writeBy = t })
	return nil
}

// pipe is one direction of a connection.
type pipe struct {
	latency time.Duration

	mu                         sync.Mutex
	segments                   []segment
	size                       int // bytes in segments
	writerClosed, readerClosed bool
	rst                        bool // broken: both ends fail, the reader at once
	held                       bool // nothing passes, neither bytes nor news of a close
	readBy, writeBy            time.Time
	changed                    chan struct{} // closed and replaced at every change
}

type segment struct {
	data []byte
	due  time.Time
}

func newPipe(latency time.Duration) *pipe {
	return &pipe{latency: latency, changed: make(chan struct{})}
}

func (p *pipe) change(f func(*pipe)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
	p.wake()
}

func (p *pipe) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *pipe) read(b []byte) (int, error) {
	for {
		p.mu.Lock()
		n, err, until := p.tryRead(b)
		changed := p.changed
		p.mu.Unlock()
		if n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
		pause(changed, until)
	}
}

// tryRead takes what is there, or says until when nothing can come but by a change.
func (p *pipe) tryRead(b []byte) (int, error, time.Time) {
	now := time.Now()
	switch {
	case p.readerClosed:
		return 0, net.ErrClosed, now
	case p.rst && !p.held:
		return 0, &net.OpError{Op: "read", Net: "mem", Err: syscall.ECONNRESET}, now
	case past(p.readBy, now):
		return 0, &net.OpError{Op: "read", Net: "mem", Err: os.ErrDeadlineExceeded}, now
	case p.held:
		return 0, nil, p.readBy
	case len(p.segments) == 0 && p.writerClosed:
		return 0, io.EOF, now
	case len(p.segments) == 0:
		return 0, nil, p.readBy
	}
	first := &p.segments[0]
	if first.due.After(now) {
		return 0, nil, earlier(first.due, p.readBy)
	}
	n := copy(b, first.data)
	first.data = first.data[n:]
	if len(first.data) == 0 {
		p.segments = p.segments[1:]
	}
	p.size -= n
	p.wake()
	return n, nil, now
}

func (p *pipe) write(b []byte) (int, error) {
	written := 0
	for {
		p.mu.Lock()
		n, err := p.tryWrite(b[written:])
		changed, until := p.changed, p.writeBy
		p.mu.Unlock()
		written += n
		if written == len(b) || err != nil {
			return written, err
		}
		if n == 0 {
			pause(changed, until)
		}
	}
}

func (p *pipe) tryWrite(b []byte) (int, error) {
	switch {
	case p.writerClosed:
		return 0, net.ErrClosed
	case p.rst:
		return 0, &net.OpError{Op: "write", Net: "mem", Err: syscall.ECONNRESET}
	case p.readerClosed && !p.held:
		return 0, &net.OpError{Op: "write", Net: "mem", Err: syscall.EPIPE}
	case past(p.writeBy, time.Now()):
		return 0, &net.OpError{Op: "write", Net: "mem", Err: os.ErrDeadlineExceeded}
	}
	n := min(len(b), pipeSize-p.size)
	if n == 0 {
		return 0, nil
	}
	p.segments = append(p.segments, segment{append([]byte(nil), b[:n]...), time.Now().Add(p.latency)})
	p.size += n
	p.wake()
	return n, nil
}

// pause waits for a change, or until the given time unless that is zero.
func pause(changed <-chan struct{}, until time.Time) {
	if until.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

func past(deadline, now time.Time) bool { return !deadline.IsZero() && !deadline.After(now) }

func earlier(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}
