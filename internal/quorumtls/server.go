package quorumtls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"

	"electnode/internal/config"
	"electnode/internal/qcm"
)

// ServerOptions says how a server meets the others. Zero values mean what stands in brackets.
type ServerOptions struct {
	DialPlain   bool   // dial without TLS: portUnification before sslQuorum [with TLS]
	AcceptPlain bool   // accept both kinds: portUnification [TLS alone]
	ClientAuth  string // "need", "want" or "none": whether callers must show a certificate ["need"]
	// Detection is how long an accepted connection may take for its first bytes [5 s]. What follows is for the
	// owner of the connection to bound.
	Detection time.Duration
	// NoReverse says that nobody is asked for the names of an address: ssl.quorum.allowReverseDnsLookup=false [asked].
	NoReverse bool
	// Reverse asks for the names of an address [the system's resolver].
	Reverse func(ctx context.Context, addr string) ([]string, error)
}

// optionsOf are those of a zoo.cfg.
func optionsOf(c config.TLS) ServerOptions {
	return ServerOptions{DialPlain: !c.Quorum, AcceptPlain: c.PortUnification, ClientAuth: c.ClientAuth,
		Detection: c.HandshakeDetection, NoReverse: !c.ReverseLookup}
}

func (o ServerOptions) withDefaults() ServerOptions {
	if o.Detection <= 0 {
		o.Detection = 5 * time.Second
	}
	if o.Reverse == nil {
		o.Reverse = net.DefaultResolver.LookupAddr
	}
	return o
}

// authType is what ClientAuth is to Go. What is shown is always verified.
func (o ServerOptions) authType() tls.ClientAuthType {
	switch o.ClientAuth {
	case "none":
		return tls.NoClientCert
	case "want":
		return tls.RequestClientCert
	default:
		return tls.RequireAnyClientCert
	}
}

// Server makes connections secure in both directions. An accepted one does its hand-shake when it is first read or
// written, or asked to by Handshake: in the goroutine of its owner and within the deadline that this has set; Accept
// never waits for a caller. Errors of such a hand-shake wrap qcm.ErrTLS, or are time-outs, or say that the caller left.
func (s *Stores) Server(inner qcm.Network, o ServerOptions) qcm.Network {
	return newDual(inner, s.itself, o)
}

func newDual(inner qcm.Network, stores func() *Stores, o ServerOptions) *dual {
	return &dual{client: newClient(inner, stores), opt: o.withDefaults()}
}

// dual is a Network with TLS on both sides. Safe from any goroutine.
type dual struct {
	*client
	opt ServerOptions
}

// Dial connects, with TLS unless callers are still plain, within the time of ctx.
func (s *dual) Dial(ctx context.Context, addr string) (net.Conn, error) {
	if s.opt.DialPlain {
		return s.Network.Dial(ctx, addr)
	}
	return s.client.Dial(ctx, addr)
}

// Listen binds addr. What it accepts has not said anything yet.
func (s *dual) Listen(addr string) (net.Listener, error) {
	ln, err := s.Network.Listen(addr)
	if err != nil {
		return nil, err
	}
	return listener{ln, s}, nil
}

type listener struct {
	net.Listener
	server *dual
}

// Accept waits for a connection, and for nothing that it says.
func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &accepted{Conn: conn, server: l.server}, nil
}

// answer is the TLS side of an accepted connection, with the stores that are in force now.
// ctx is that of the hand-shake.
func (s *dual) answer(ctx context.Context, conn net.Conn) *tls.Conn {
	stores := s.stores()
	conf := stores.settings()
	conf.ClientAuth = s.opt.authType()
	conf.SessionTicketsDisabled = true // every caller is looked at anew
	conf.VerifyConnection = func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) == 0 && conf.ClientAuth != tls.RequireAnyClientCert {
			return nil
		}
		return stores.verify(cs, x509.ExtKeyUsageClientAuth, func() ([]string, string) {
			return s.callers(ctx, cs.PeerCertificates[0], conn.RemoteAddr())
		})
	}
	return tls.Server(conn, conf)
}
