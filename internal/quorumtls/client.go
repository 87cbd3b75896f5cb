package quorumtls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"

	"electnode/internal/qcm"
)

// maxNames is how many host names are remembered with their addresses.
const maxNames = 1024

// Client makes the connections of inner secure ones. Whose certificate it must be is decided by the address
// that is dialled, or by a name that Lookup found to have it, as ZooKeeper does.
// Differs from ZooKeeper: the name of a bare address is not asked for.
func (s *Stores) Client(inner qcm.Network) qcm.Network {
	return newClient(inner, s.itself)
}

func newClient(inner qcm.Network, stores func() *Stores) *client {
	return &client{Network: inner, stores: stores, hosts: map[string][]string{}}
}

// itself is s for those who ask each time what is in force.
func (s *Stores) itself() *Stores { return s }

// Plain is the network below the TLS of n, or n itself.
func Plain(n qcm.Network) qcm.Network {
	if c, ok := n.(*client); ok {
		return c.Network
	}
	return n
}

// client is a Network whose connections begin with a TLS hand-shake. Safe from any goroutine.
type client struct {
	qcm.Network
	stores func() *Stores // those in force

	mu    sync.Mutex          // guards what follows; held for no longer than a look
	hosts map[string][]string // name -> its addresses
	order []string            // names, the oldest first
}

// Lookup asks the network below, and remembers the answer, an older one too.
func (c *client) Lookup(ctx context.Context, host string) ([]string, error) {
	ips, err := c.Network.Lookup(ctx, host)
	if len(ips) == 0 && err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.hosts[host]; !known {
		c.order = append(c.order, host)
		if len(c.order) > maxNames {
			delete(c.hosts, c.order[0])
			c.order = slices.Clone(c.order[1:])
		}
	}
	c.hosts[host] = slices.Clone(ips)
	return ips, err
}

// names lists what the certificate of a server at addr may say.
func (c *client) names(addr string) []string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	return append([]string{host}, c.namesOf(host)...)
}

// namesOf lists the names that Lookup found to have the address ip.
func (c *client) namesOf(ip string) []string {
	var all []string
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range c.order {
		if name != ip && slices.Contains(c.hosts[name], ip) {
			all = append(all, name)
		}
	}
	return all
}

// Dial connects and does the hand-shake within the time of ctx.
func (c *client) Dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := c.Network.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	names, stores := c.names(addr), c.stores()
	conf := stores.settings()
	// Real servers name no authorities that could help to choose: the one certificate is shown in any case.
	conf.GetClientCertificate = stores.certificate
	conf.InsecureSkipVerify = true // VerifyConnection does it, by ZooKeeper's rules
	conf.VerifyConnection = func(cs tls.ConnectionState) error {
		return stores.verify(cs, x509.ExtKeyUsageServerAuth, func() []string { return names })
	}
	secure := tls.Client(conn, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // what went wrong is known
		return nil, handshakeError(ctx, err)
	}
	return secure, nil
}

// settings are what both sides of a connection have in common.
func (s *Stores) settings() *tls.Config {
	return &tls.Config{Certificates: s.own, MinVersion: s.minVersion, MaxVersion: s.maxVersion, CipherSuites: s.suites}
}

// certificate is what this side shows: its certificate, or none.
func (s *Stores) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if len(s.own) == 0 {
		return &tls.Certificate{}, nil
	}
	return &s.own[0], nil
}

// Refused reports whether err is an alert of the other side. With TLS 1.3 a server refuses a client's certificate
// only after the hand-shake.
func Refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// handshakeError says what err of a hand-shake means.
func handshakeError(ctx context.Context, err error) error {
	var record tls.RecordHeaderError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("TLS hand-shake not done in time: %w", context.Cause(ctx))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("TLS hand-shake not done in time: %w", err)
	case errors.As(err, &record):
		return fmt.Errorf("%w: the server does not speak TLS on this port", qcm.ErrTLS)
	case Refused(err):
		return fmt.Errorf("%w: the server refuses: %w", qcm.ErrTLS, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%w: the server closed the connection: does it speak TLS on this port? (%w)", qcm.ErrTLS, err)
	}
	return fmt.Errorf("%w: %w", qcm.ErrTLS, err)
}
