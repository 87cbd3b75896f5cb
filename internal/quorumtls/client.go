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
	"syscall"

	"electnode/internal/names"
	"electnode/internal/qcm"
)

// Client makes the connections of inner secure ones. Whose certificate it must be is decided by the address that is
// dialled, or by the name that names.For says it is dialled for, as ZooKeeper does: no other name that leads there counts.
// Differs from ZooKeeper: the name of a bare address is not asked for; one of the configuration that leads there counts.
func (s *Stores) Client(inner qcm.Network) qcm.Network {
	return newClient(inner, s.itself)
}

func newClient(inner qcm.Network, stores func() *Stores) *client {
	return &client{Network: inner, stores: stores}
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
}

// dialled lists what the certificate of a server at addr may say.
func (c *client) dialled(ctx context.Context, addr string) []string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	if name := names.Host(ctx); name != "" && name != host {
		return []string{host, name}
	}
	return append([]string{host}, c.leading(host)...)
}

// leading lists the names of the configuration that led to ip when they were looked up last, if the network below
// remembers them: a names.Book does.
func (c *client) leading(ip string) []string {
	if book, ok := c.Network.(interface{ Leading(ip string) []string }); ok {
		return book.Leading(ip)
	}
	return nil
}

// Dial connects and does the hand-shake within the time of ctx.
func (c *client) Dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := c.Network.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	allowed, stores := c.dialled(ctx, addr), c.stores()
	conf := stores.settings()
	// Real servers name no authorities that could help to choose: the one certificate is shown in any case.
	conf.GetClientCertificate = stores.certificate
	conf.InsecureSkipVerify = true // VerifyConnection does it, by ZooKeeper's rules
	conf.VerifyConnection = func(cs tls.ConnectionState) error {
		return stores.verify(cs, x509.ExtKeyUsageServerAuth, func() ([]string, string) { return allowed, "" })
	}
	secure := tls.Client(conn, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // what went wrong is known
		return nil, handshakeError(ctx, err)
	}
	return &outgoing{Conn: secure}, nil
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
