package zab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"electnode/internal/event"
)

// tcpNet is loopback TCP.
type tcpNet struct{}

func (tcpNet) Dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}
func (tcpNet) Listen(addr string) (net.Listener, error)                { return net.Listen("tcp", addr) }
func (tcpNet) Lookup(_ context.Context, host string) ([]string, error) { return []string{host}, nil }

// pipeNet is a network in memory, for bubbles: what is not listened on is refused, but hang takes for ever.
type pipeNet struct {
	hosts map[string][]string
	hang  map[string]bool

	mu        sync.Mutex
	listeners map[string]*pipeListener
}

var errRefused = errors.New("refused")

func (n *pipeNet) Lookup(_ context.Context, host string) ([]string, error) {
	if ips, ok := n.hosts[host]; ok {
		return ips, nil
	}
	return nil, fmt.Errorf("no such host %s", host)
}

func (n *pipeNet) Dial(ctx context.Context, addr string) (net.Conn, error) {
	n.mu.Lock()
	ln := n.listeners[addr]
	n.mu.Unlock()
	if n.hang[addr] {
		<-ctx.Done()
		return nil, fmt.Errorf("dial %s: %w", addr, ctx.Err())
	}
	if ln == nil {
		return nil, fmt.Errorf("dial %s: %w", addr, errRefused)
	}
	a, b := net.Pipe()
	select {
	case ln.conns <- b:
		return a, nil
	case <-ln.closed:
		return nil, fmt.Errorf("dial %s: %w", addr, errRefused)
	}
}

func (n *pipeNet) Listen(addr string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[addr] != nil {
		return nil, errors.New("address in use")
	}
	if n.listeners == nil {
		n.listeners = map[string]*pipeListener{}
	}
	ln := &pipeListener{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[addr] = ln
	return ln, nil
}

type pipeListener struct {
	addr   string
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
	broken bool
}

func (l *pipeListener) Accept() (net.Conn, error) {
	if l.broken {
		return nil, errTest
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return pipeAddr(l.addr) }

type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }

// recorded is a sink for tests.
type recorded struct {
	mu  sync.Mutex
	all []event.Event
}

func (r *recorded) Record(s event.Stamped) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, s.Event)
}

func (r *recorded) count(is func(event.Event) bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, ev := range r.all {
		if is(ev) {
			n++
		}
	}
	return n
}

// ends is a transport with its channel, and the other side's socket when there is one.
type ends struct {
	*Transport
	net    *pipeNet
	inputs chan Input
	events *recorded
	peer   net.Conn
}

// newEnds makes a transport in memory; the test must Close it.
func newEnds(o TransportOptions) *ends {
	e := &ends{net: &pipeNet{hosts: map[string][]string{"leader": {"10.0.0.1"}}}, inputs: make(chan Input),
		events: &recorded{}}
	o.Network, o.Inputs = e.net, e.inputs
	o.Events = event.NewEmitter(1, time.Now, e.events)
	e.Transport = NewTransport(o)
	return e
}

// accepted connects a socket to a listening transport and takes its Opened.
func (e *ends) accepted(t *testing.T) ConnID {
	t.Helper()
	if e.peer == nil {
		if bound, err := e.Listen([]string{"10.0.0.1:2888"}); err != nil || len(bound) != 1 {
			t.Fatal(bound, err)
		}
	}
	peer, err := e.net.Dial(context.Background(), "10.0.0.1:2888")
	if err != nil {
		t.Fatal(err)
	}
	e.peer = peer
	in := <-e.inputs
	if in.Kind != Opened {
		t.Fatalf("got %+v, want Opened", in)
	}
	return in.Conn
}

// dialled lets the transport dial a socket and takes its Opened.
func (e *ends) dialled(t *testing.T) ConnID {
	t.Helper()
	ln, err := e.net.Listen("10.0.0.1:2888")
	if err != nil {
		t.Fatal(err)
	}
	e.Dial(context.Background(), 1, []string{"leader:2888"})
	if e.peer, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	in := <-e.inputs
	if in.Kind != Opened {
		t.Fatalf("got %+v, want Opened", in)
	}
	return in.Conn
}

func readFrom(c net.Conn) (Packet, error) { return ReadPacket(bufio.NewReader(c), DefaultMaxData) }

// says sends a learner's first packet on the newest socket and takes it.
func (e *ends) says(t *testing.T) {
	t.Helper()
	peer := e.peer
	go func() { _, _ = peer.Write(AppendPacket(nil, info(TypeFollowerInfo, 2))) }() // ends with the write
	if in := <-e.inputs; in.Kind != Received {
		t.Fatalf("got %+v, want Received", in)
	}
}
