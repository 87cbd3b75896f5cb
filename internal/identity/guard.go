package identity

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"sync"

	"electnode/internal/quorum"
)

// Resolver turns a host name into IP literals, newest answer each time, and ends when ctx does. Addresses beside an
// error are an older answer, which serves (package names).
type Resolver interface {
	Lookup(ctx context.Context, host string) ([]string, error)
}

// Options say what is asked of those who speak as a server. With neither of Names and Addresses everybody may.
type Options struct {
	Names     Names    // electnode.peerNames [any certificate will do, or none]
	Addresses bool     // electnode.checkPeerAddress
	Resolver  Resolver // for host names; needed with Addresses
}

// Guard judges connections. Safe from any goroutine.
type Guard struct {
	opt Options

	mu    sync.Mutex // guards what follows; never held while anything blocks
	views []*quorum.View
}

// New makes a guard for which nobody is a member before SetViews.
func New(o Options) *Guard {
	return &Guard{opt: o}
}

// SetViews says who is a member, and where, from now on. Either may be nil.
func (g *Guard) SetViews(committed, lastSeen *quorum.View) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.views = slices.DeleteFunc([]*quorum.View{committed, lastSeen}, func(v *quorum.View) bool { return v == nil })
}

// Admit says why the other side of conn may not speak as sid; nil: it may. The certificate is the one that was shown on
// conn, whose hand-shake is over. Look-ups have the time of ctx. Who is no member and has no name is a stranger, who may
// come with any certificate and from anywhere.
func (g *Guard) Admit(ctx context.Context, conn net.Conn, sid quorum.SID) error {
	hosts, member := g.hosts(sid)
	if g.opt.Names != nil {
		if err := g.opt.Names.judge(shown(conn), sid, member); err != nil {
			return fmt.Errorf("%s as server %d: %w", conn.RemoteAddr(), sid, err)
		}
	}
	if g.opt.Addresses && member {
		if err := g.comesFrom(ctx, conn.RemoteAddr(), hosts); err != nil {
			return fmt.Errorf("%s as server %d: %w%s", conn.RemoteAddr(), sid, err, holding(shown(conn)))
		}
	}
	return nil
}

// hosts lists the hosts of sid in all views, each once, and says whether it is a member.
func (g *Guard) hosts(sid quorum.SID) (hosts []string, member bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, v := range g.views {
		m, ok := v.Member(sid)
		if !ok {
			continue
		}
		member = true
		for _, a := range m.Addresses {
			if !slices.Contains(hosts, a.Host) {
				hosts = append(hosts, a.Host)
			}
		}
	}
	return hosts, member
}

// shown is the certificate of the other side; nil: it showed none.
func shown(conn net.Conn) *x509.Certificate {
	secure, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
		return nil
	}
	if all := secure.ConnectionState().PeerCertificates; len(all) > 0 {
		return all[0]
	}
	return nil
}

// holding tells of a certificate where something else was wrong.
func holding(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	return fmt.Sprintf("; it holds the certificate of %s", owner(c))
}
