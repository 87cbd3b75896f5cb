package memnet

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// backlog is how many dialled connections may wait for Accept; as many as Linux grants by default today
// would only hide a listener that does not accept.
const backlog = 128

// Host is a network as one of its hosts sees it; it has the methods of qcm.Network.
type Host struct {
	net *Net
	ip  string
}

// Dial connects to the address host:port, host an IP literal. It hangs while a fault says so, until ctx
// ends. Errors: syscall.ECONNREFUSED, the cause of ctx.
func (h *Host) Dial(ctx context.Context, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	n := h.net
	n.mu.Lock()
	travel := 2 * n.latency
	n.mu.Unlock()
	if err := wait(ctx, travel); err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	for {
		n.mu.Lock()
		if !n.holes[addr] && !n.cut[way{h.ip, host}] && !n.cut[way{host, h.ip}] {
			c, err := h.connect(addr, host)
			n.mu.Unlock()
			return c, err
		}
		changed := n.changed
		n.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("dial %s: %w", addr, context.Cause(ctx))
		}
	}
}

// connect makes the connection or refuses it. The caller holds the lock of the network.
func (h *Host) connect(addr, host string) (net.Conn, error) {
	l := h.net.listeners[addr]
	if l == nil || h.net.refused[host] || len(l.queue) == cap(l.queue) {
		return nil, &net.OpError{Op: "dial", Net: "mem", Err: syscall.ECONNREFUSED}
	}
	near, far := h.net.link(h.ip, l)
	l.queue <- far // has room: the lock is held
	return near, nil
}

// Listen binds host:port of this host. Errors: syscall.EADDRINUSE, syscall.EADDRNOTAVAIL for another
// host's address.
func (h *Host) Listen(addr string) (net.Listener, error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	port, err := strconv.Atoi(text)
	if err != nil || host != h.ip {
		return nil, &net.OpError{Op: "listen", Net: "mem", Err: syscall.EADDRNOTAVAIL}
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if h.net.listeners[addr] != nil {
		return nil, &net.OpError{Op: "listen", Net: "mem", Err: syscall.EADDRINUSE}
	}
	l := &listener{net: h.net, key: addr, host: host, addr: address(host, port),
		queue: make(chan *conn, backlog), closed: make(chan struct{})}
	h.net.listeners[addr] = l
	return l, nil
}

// Lookup answers what Net.Name said; an IP literal is its own answer. Errors: *net.DNSError, the cause of
// ctx.
func (h *Host) Lookup(ctx context.Context, host string) ([]string, error) {
	if net.ParseIP(host) != nil {
		return []string{host}, nil
	}
	h.net.mu.Lock()
	entry := h.net.names[host]
	h.net.mu.Unlock()
	if err := wait(ctx, entry.delay); err != nil {
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}
	if len(entry.ips) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return slices.Clone(entry.ips), nil
}

// wait lets d pass, unless ctx ends first.
func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

type listener struct {
	net    *Net
	key    string // host:port as bound
	host   string
	addr   net.Addr
	queue  chan *conn
	closed chan struct{}
	once   sync.Once
}

// Accept waits for the next connection; net.ErrClosed after Close.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close gives the address back and resets the connections that nobody accepted.
func (l *listener) Close() error {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	l.closeLocked()
	return nil
}

func (l *listener) closeLocked() {
	l.once.Do(func() {
		close(l.closed)
		delete(l.net.listeners, l.key)
		for len(l.queue) > 0 {
			c := <-l.queue
			c.closed, c.broken, c.other.broken = true, true, true
			c.out.change(func(p *pipe) { p.rst = true })
		}
	})
}

// Addr is the address that was bound.
func (l *listener) Addr() net.Addr { return l.addr }
