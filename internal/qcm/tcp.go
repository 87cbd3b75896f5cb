package qcm

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// listenLookup is how long the name of an address to bind may take to resolve; Listen cannot be cancelled.
const listenLookup = 2 * time.Second

// TCP is the Network of production: plain TCP with TCP_NODELAY and, for listeners, SO_REUSEADDR, both of
// which are Go's defaults, and the resolver of the system. Its zero value is what ZooKeeper does by
// default.
type TCP struct {
	// KeepAlive probes idle connections, by Go's defaults: after 15 s, every 15 s, gone after 9 probes
	// without an answer. Go would do so unasked.
	KeepAlive bool
	// AckTimeout ends a connection whose peer leaves data unacknowledged for so long, in whole
	// milliseconds; 0 leaves it to the system. Only Linux has it (TCP_USER_TIMEOUT).
	// Differs from ZooKeeper: there a link into a broken network stays for a quarter of an hour, and after
	// the repair its messages wait for the next retransmission, which may be a minute away.
	AckTimeout time.Duration
}

func (t TCP) keepAlive() net.KeepAliveConfig { return net.KeepAliveConfig{Enable: t.KeepAlive} }

// Dial connects to host:port.
func (t TCP) Dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1, KeepAliveConfig: t.keepAlive(), Control: t.control}
	return d.DialContext(ctx, "tcp", addr)
}

// Listen binds host:port; a host name is resolved now. Multipath TCP, Go's default for listeners, is off.
func (t TCP) Listen(addr string) (net.Listener, error) {
	ctx, cancel := context.WithTimeout(context.Background(), listenLookup)
	defer cancel()
	lc := net.ListenConfig{KeepAlive: -1, KeepAliveConfig: t.keepAlive(), Control: t.control}
	lc.SetMultipathTCP(false)
	return lc.Listen(ctx, "tcp", addr)
}

// Lookup asks the system's resolver, IP literals excepted.
func (t TCP) Lookup(ctx context.Context, host string) ([]string, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		return []string{host}, nil
	}
	return net.DefaultResolver.LookupHost(ctx, host)
}
