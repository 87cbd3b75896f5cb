package zab

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// Network is how connections are made: TCP or TLS in production, memory in tests. Lookup turns a host name
// into IP literals, newest answer each time; an IP literal is returned as it is. Addresses beside an error are older
// ones, good enough for a dial (package names). Dial and Lookup return soon after their context is cancelled.
type Network interface {
	Dial(ctx context.Context, addr string) (net.Conn, error)
	Listen(addr string) (net.Listener, error)
	Lookup(ctx context.Context, host string) ([]string, error)
}

// Guard judges who may speak as whom, on connections of either direction.
type Guard interface {
	// Admit says why the other side of conn may not speak as sid, in one line for people with both in it; nil: it may.
	// It is called after a TLS hand-shake, by many goroutines at once, and ends soon after ctx does. It leaves conn alone.
	Admit(ctx context.Context, conn net.Conn, sid quorum.SID) error
}

// TransportOptions is what a transport needs to know. Zero values mean the defaults in brackets.
type TransportOptions struct {
	Network Network
	// Inputs takes what the connections bring. A send may block: that connection is then not read, the
	// others are. For one connection: Opened, its packets in order, Closed. One channel for one role, so
	// that nothing of an earlier role is left in it.
	Inputs chan<- Input
	Events *event.Emitter
	// Guard is asked before a learner's first packet is delivered, and before a leader's connection is
	// [everybody may speak as anybody].
	Guard Guard
	// Member says whether a server is in the configuration; others are read more slowly [all are]. Safe from any goroutine.
	Member func(quorum.SID) bool
	// IsTLS says whether an error of Network's Dial came out of a TLS hand-shake: such a dial is told by itself, because
	// nothing mends it but a person [none did].
	IsTLS func(error) bool
	// IDs is the last ConnID that was given out, shared by all transports of a node [its own].
	IDs *atomic.Uint64

	Members      int           // servers of the configuration: the bounds on connections grow with them
	MaxConns     int           // accepted connections at a time [4 for each of Members, and 96]
	MaxData      int           // bytes of one buffer of a packet [DefaultMaxData]
	DialTimeout  time.Duration // for one Dial, all addresses [5 s]
	WriteTimeout time.Duration // for what is written at once; a peer that does not read is dropped [5 s]
	ProgressTime time.Duration // between two Progress inputs of one snapshot stream [1 s]
	// HandshakeTimeout is how long an accepted connection may take for its first packet, a TLS hand-shake and the
	// Guard included [5 s]. Learners send it at once; only then they may have to wait.
	HandshakeTimeout time.Duration
	KeepAlive        bool // SO_KEEPALIVE
}

// Transport moves the packets of one role over real connections. Two goroutines for each connection, one
// for each listener and those of a running Dial; all have ended when Close returns. Its methods are safe
// from any goroutine and do not wait for the network; Close does, briefly.
type Transport struct {
	opt    TransportOptions
	done   chan struct{} // closed by Close
	places chan struct{} // one of each accepted connection, until its end was delivered
	wg     sync.WaitGroup

	mu         sync.Mutex // guards what follows; never held while anything blocks
	closed     bool
	conns      map[ConnID]*conn
	accepted   int // of conns; those that gave way do not count
	unheard    unheard
	listeners  []net.Listener
	cancelDial context.CancelFunc // of the last Dial; nil before the first
}

// The defaults of TransportOptions.
const (
	// connsBeside is how many connections are taken beside four for each member: silent ones, and strangers.
	connsBeside    = 96
	defaultTimeout = 5 * time.Second
)

// NewTransport makes a transport with no connection and no goroutine yet.
func NewTransport(o TransportOptions) *Transport {
	if o.IDs == nil {
		o.IDs = new(atomic.Uint64)
	}
	setDefault(&o.MaxConns, 4*o.Members+connsBeside)
	setDefault(&o.MaxData, DefaultMaxData)
	setDefault(&o.DialTimeout, defaultTimeout)
	setDefault(&o.WriteTimeout, defaultTimeout)
	setDefault(&o.ProgressTime, time.Second)
	setDefault(&o.HandshakeTimeout, defaultTimeout)
	return &Transport{opt: o, done: make(chan struct{}), conns: map[ConnID]*conn{},
		places: make(chan struct{}, o.MaxConns+maxLeaving)}
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Send queues a packet; it keeps nothing of it. One for a connection that is gone is dropped. A connection
// whose queue is full is closed: Closed follows with Reason LearnerSlow.
func (t *Transport) Send(s Send) {
	if c := t.find(s.Conn); c != nil {
		c.enqueue(s.Packet)
	}
}

// CloseConn closes a connection after what is queued for it was written, at most a second later. Closed
// follows.
func (t *Transport) CloseConn(id ConnID) {
	if c := t.find(id); c != nil {
		c.finish()
	}
}

// Close ends everything at once and returns when all goroutines have ended. Nothing is delivered any more
// after that. It may be called more than once.
func (t *Transport) Close() {
	t.mu.Lock()
	if !t.closed {
		t.closed = true
		close(t.done)
		if t.cancelDial != nil {
			t.cancelDial()
		}
		for _, ln := range t.listeners {
			_ = ln.Close() // nothing can be done about an error
		}
		for _, c := range t.conns {
			c.abort(event.LearnerClosed, "this node ends the role")
		}
	}
	t.mu.Unlock()
	t.wg.Wait()
}

func (t *Transport) find(id ConnID) *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conns[id]
}

// deliver hands an input to the role; false: the transport is closing.
func (t *Transport) deliver(in Input) bool {
	select {
	case t.opt.Inputs <- in:
		return true
	case <-t.done:
		return false
	}
}

// adopt makes a connection of a socket and starts its goroutines; nil: there is no room, or Close was
// called, and the socket is closed.
func (t *Transport) adopt(sock net.Conn, dialled bool) *conn {
	tune(sock, t.opt.KeepAlive)
	ctx, cancel := context.WithCancel(context.Background())
	c := newConn(ConnID(t.opt.IDs.Add(1)), sock, dialled, t.opt.WriteTimeout)
	c.cancel = cancel
	t.mu.Lock()
	var victim *conn
	room := !t.closed
	if room && !dialled {
		victim, room = t.makeRoom(c.host)
	}
	if room {
		t.conns[c.id] = c
		if !dialled {
			t.accepted++
			t.unheard = append(t.unheard, c)
		}
		// Both are the connection's own: they end when its socket is closed, by the other side, by
		// CloseConn or by Close, which waits for them.
		t.wg.Go(c.write)
		t.wg.Go(func() { t.read(ctx, c) })
	}
	t.mu.Unlock()
	if victim != nil {
		victim.abort("", "")
	}
	if !room {
		cancel()
		_ = sock.Close() // nothing was promised to the other side
		return nil
	}
	return c
}

// forget makes room for another connection.
func (t *Transport) forget(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, c.id)
	t.heard(c)
	if !c.dialled && !c.evicted {
		t.accepted--
	}
}
