package qcm

import (
	"context"
	"net"
	"net/netip"
)

// TCP is the Network of production: plain TCP with TCP_NODELAY and, for listeners, SO_REUSEADDR, both of
// which are Go's defaults, and the resolver of the system. Its zero value is what ZooKeeper does by
// default.
type TCP struct {
	// KeepAlive probes idle connections, by Go's defaults: after 15 s, every 15 s, gone after 9 answers
	// missed. Go would do so unasked.
	KeepAlive bool
}

func (t TCP) keepAlive() net.KeepAliveConfig { return net.KeepAliveConfig{Enable: t.KeepAlive} }

// Dial connects to host:port.
func (t TCP) Dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1, KeepAliveConfig: t.keepAlive()}
	return d.DialContext(ctx, "tcp", addr)
}

// Listen binds host:port; a host name is resolved now. Multipath TCP, Go's default for listeners, is off.
func (t TCP) Listen(addr string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1, KeepAliveConfig: t.keepAlive()}
	lc.SetMultipathTCP(false)
	return lc.Listen(context.Background(), "tcp", addr)
}

// Lookup asks the system's resolver, IP literals excepted.
func (t TCP) Lookup(ctx context.Context, host string) ([]string, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		return []string{host}, nil
	}
	return net.DefaultResolver.LookupHost(ctx, host)
}
