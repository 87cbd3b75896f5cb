package memnet

import (
	"net"
	"sync"
	"time"
)

// Net is one network. All methods are safe from any goroutine. Hosts are named by their IP literal.
type Net struct {
	mu        sync.Mutex
	listeners map[string]*listener // by host:port
	conns     map[*conn]struct{}   // both ends of every connection that is not closed at both
	names     map[string]name
	cut       map[way]bool
	refused   map[string]bool // hosts
	holes     map[string]bool // host:port
	latency   time.Duration
	lastPort  int
	changed   chan struct{} // closed and replaced when a fault changes, so that hanging dials look again
}

type way struct{ from, to string }

type name struct {
	ips   []string
	delay time.Duration
}

// New makes a network without hosts, names or faults.
func New() *Net {
	return &Net{
		listeners: map[string]*listener{}, conns: map[*conn]struct{}{}, names: map[string]name{},
		cut: map[way]bool{}, refused: map[string]bool{}, holes: map[string]bool{},
		lastPort: 40000, changed: make(chan struct{}),
	}
}

// Host is the network as the host with this IP literal sees it.
func (n *Net) Host(ip string) *Host { return &Host{net: n, ip: ip} }

// Name makes host lead to ips, after delay; no ips: the name does not exist.
func (n *Net) Name(host string, delay time.Duration, ips ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[host] = name{ips, delay}
}

// Latency makes every byte that is written from now on take d to arrive, and every new dial twice that.
func (n *Net) Latency(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.latency = d
}

// Cut holds back everything that goes from one host to another, as a router that drops packets does: what
// was written arrives after Mend, dials hang, writes succeed until the buffers are full, nobody is told.
func (n *Net) Cut(from, to string) { n.hold(way{from, to}, true) }

// Mend ends Cut.
func (n *Net) Mend(from, to string) { n.hold(way{from, to}, false) }

// CutBoth cuts both ways between two hosts.
func (n *Net) CutBoth(a, b string) { n.Cut(a, b); n.Cut(b, a) }

// MendBoth mends both ways between two hosts.
func (n *Net) MendBoth(a, b string) { n.Mend(a, b); n.Mend(b, a) }

func (n *Net) hold(w way, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[w] = on
	for c := range n.conns {
		if c.way == w {
			c.out.change(func(p *pipe) { p.held = on })
		}
	}
	n.wake()
}

// Refuse makes host answer every dial with "connection refused" while on.
func (n *Net) Refuse(ip string, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refused[ip] = on
}

// BlackHole makes dials to the address host:port hang while on.
func (n *Net) BlackHole(addr string, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.holes[addr] = on
	n.wake()
}

// Break resets every connection between two hosts.
func (n *Net) Break(a, b string) {
	n.reset(func(w way) bool { return w == way{a, b} || w == way{b, a} })
}

// Crash does what killing a host's only process does: its listeners are gone, its connections reset.
func (n *Net) Crash(ip string) {
	n.mu.Lock()
	for _, l := range n.listeners {
		if l.host == ip {
			l.closeLocked()
		}
	}
	n.mu.Unlock()
	n.reset(func(w way) bool { return w.from == ip || w.to == ip })
}

func (n *Net) reset(hit func(way) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		if hit(c.way) {
			c.broken = true
			c.out.change(func(p *pipe) { p.rst = true })
		}
	}
}

// Conns counts the ends of connections that are neither closed nor reset.
func (n *Net) Conns() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for c := range n.conns {
		if !c.closed && !c.broken {
			count++
		}
	}
	return count
}

// wake makes hanging dials look again. The caller holds mu.
func (n *Net) wake() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// link makes a connection from a host to an address; the first end is the dialler's. The caller holds mu.
func (n *Net) link(from string, to *listener) (*conn, *conn) {
	n.lastPort++
	there, back := newPipe(n.latency), newPipe(n.latency)
	there.held, back.held = n.cut[way{from, to.host}], n.cut[way{to.host, from}]
	near, far := address(from, n.lastPort), to.Addr()
	a := &conn{net: n, way: way{from, to.host}, in: back, out: there, local: near, remote: far}
	b := &conn{net: n, way: way{to.host, from}, in: there, out: back, local: far, remote: near}
	a.other, b.other = b, a
	n.conns[a], n.conns[b] = struct{}{}, struct{}{}
	return a, b
}

// closed notes that this end is closed. The connection is kept until both are: a cut may still be mended,
// and only then does the other end learn of it.
func (n *Net) closed(c *conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c.closed = true
	if c.other.closed {
		delete(n.conns, c)
		delete(n.conns, c.other)
	}
}

func address(ip string, port int) net.Addr {
	return &net.TCPAddr{IP: net.ParseIP(ip), Port: port}
}
