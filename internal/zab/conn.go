package zab

import (
	"fmt"
	"net"
	"sync"
	"time"

	"electnode/internal/crowd"
	"electnode/internal/event"
)

const (
	// maxQueue bounds the bytes that wait for one connection. The hand-shake and two heartbeats are a few
	// KiB; this is also room for the answers to 9000 clients that come back to one server at once.
	maxQueue = 256 << 10
	// keepQueue is how much memory a quiet connection keeps for its queue.
	keepQueue = 4 << 10
	// lastWrite bounds the writing of what is queued when a connection is closed.
	lastWrite = time.Second
)

// conn is one connection with its queue. Two goroutines own its socket: read (of the Transport) and write.
type conn struct {
	id      ConnID
	sock    net.Conn
	host    string // who stands behind the remote address
	dialled bool
	evicted bool          // gave way to another; the transport's lock guards it
	timeout time.Duration // for one write
	cancel  func()        // ends what is asked about it; called by write, at its end

	wake chan struct{} // one place: a token says that there is something to look at

	mu      sync.Mutex // guards what follows; never held while anything blocks
	queue   []byte     // encoded packets
	closing bool       // close when the queue is written
	ended   bool       // closed, or being closed without regard to the queue
	reason  string     // why this side ended it: one of event's Learner constants
	detail  string
}

func newConn(id ConnID, sock net.Conn, dialled bool, timeout time.Duration) *conn {
	return &conn{id: id, sock: sock, host: crowd.HostOf(sock.RemoteAddr().String()), dialled: dialled, timeout: timeout,
		wake: make(chan struct{}, 1)}
}

func (c *conn) enqueue(p Packet) {
	c.mu.Lock()
	if !c.closing && !c.ended {
		c.queue = AppendPacket(c.queue, p)
	}
	full := len(c.queue) > maxQueue
	c.mu.Unlock()
	if full {
		c.abort(event.LearnerSlow, fmt.Sprintf("%d bytes are waiting for it", maxQueue))
		return
	}
	c.rouse()
}

func (c *conn) rouse() {
	select {
	case c.wake <- struct{}{}:
	default: // a token is there already
	}
}

// finish closes the connection after its queue was written.
func (c *conn) finish() {
	c.mu.Lock()
	c.closing = true
	if c.reason == "" {
		c.reason, c.detail = event.LearnerClosed, "closed by this node"
	}
	_ = c.sock.SetWriteDeadline(time.Now().Add(lastWrite)) // fails only on a closed socket
	c.mu.Unlock()
	c.rouse()
}

// abort closes the connection without regard to its queue. The first reason counts.
func (c *conn) abort(reason, detail string) {
	c.mu.Lock()
	c.ended, c.queue = true, nil
	if c.reason == "" {
		c.reason, c.detail = reason, detail
	}
	c.mu.Unlock()
	_ = raw(c.sock).Close() // what waits in it fails, which is the purpose
	c.rouse()
}

// why says what this side closed the connection for; empty if it did not.
func (c *conn) why() (reason, detail string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason, c.detail
}

// write writes what is queued, all of it at once, until the connection ends.
func (c *conn) write() {
	defer c.cancel()
	defer c.sock.Close() // ends the reader too
	var out []byte
	for range c.wake {
		for {
			var open bool
			if out, open = c.take(out); !open {
				return
			}
			if len(out) == 0 {
				break
			}
			if _, err := c.sock.Write(out); err != nil {
				c.abort(writeFault(err))
				return
			}
		}
	}
}

// take exchanges the queue for the memory of the last one; false: there is nothing more to write, ever.
func (c *conn) take(last []byte) (queue []byte, open bool) {
	if cap(last) > keepQueue {
		last = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	queue, c.queue = c.queue, last[:0]
	if c.ended || c.closing && len(queue) == 0 {
		return nil, false
	}
	if len(queue) > 0 && !c.closing {
		_ = c.sock.SetWriteDeadline(time.Now().Add(c.timeout)) // the write will tell
	}
	return queue, true
}

func writeFault(err error) (reason, detail string) {
	if t, ok := err.(net.Error); ok && t.Timeout() {
		return event.LearnerSlow, err.Error()
	}
	return event.LearnerClosed, err.Error()
}

// raw is the connection below TLS, if there is TLS: closing that does not wait for the other side.
func raw(sock net.Conn) net.Conn {
	if layered, ok := sock.(interface{ NetConn() net.Conn }); ok {
		return layered.NetConn()
	}
	return sock
}

// tune sets what both sides want from TCP; other kinds of connections have neither switch.
func tune(sock net.Conn, keepAlive bool) {
	if tcp, ok := raw(sock).(*net.TCPConn); ok {
		_ = tcp.SetNoDelay(true) // without it heartbeats are a little later; nothing else depends on it
		_ = tcp.SetKeepAlive(keepAlive)
	}
}
