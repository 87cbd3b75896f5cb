package quorumtls

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"electnode/internal/names"
)

const (
	// reverseTime bounds the question for the names of a caller's address, and where those lead, within the time of the
	// hand-shake.
	reverseTime = 2 * time.Second
	// maxReverse is how many reverse names of one caller are looked up: who owns its reverse zone writes as many as fit.
	maxReverse = 4
)

// callers lists what the certificate leaf of a caller may say: its address, or a name of that. doubt says, for people,
// what else was asked and came to nothing.
// Differs from ZooKeeper, which knows the reverse name alone: a name of the configuration that led to the address when it
// was looked up last counts too, and is asked first.
func (s *dual) callers(ctx context.Context, leaf *x509.Certificate, from net.Addr) (all []string, doubt string) {
	ip, _, err := net.SplitHostPort(from.String())
	if err != nil {
		ip = from.String()
	}
	ip, _, _ = strings.Cut(ip, "%") // a link-local address of IPv6 names its interface
	all = append([]string{ip}, s.leading(ip)...)
	if s.opt.NoReverse || slices.ContainsFunc(all, func(name string) bool { return isFor(leaf, name) }) {
		return all, ""
	}
	ctx, cancel := context.WithTimeout(ctx, reverseTime)
	defer cancel()
	reverse, doubt := s.reverse(ctx, leaf, ip)
	return append(all, reverse...), doubt
}

// reverse lists the reverse names of ip that count. One that the certificate has counts only if it leads back to ip.
// Differs from ZooKeeper, which believes a reverse name: who owns the reverse zone of an address writes what it likes.
func (s *dual) reverse(ctx context.Context, leaf *x509.Certificate, ip string) (all []string, doubt string) {
	found, err := s.opt.Reverse(ctx, ip)
	if err != nil {
		return nil, fmt.Sprintf("the reverse name of %s: %v", ip, err)
	}
	var doubts []string
	for _, name := range found[:min(len(found), maxReverse)] {
		name = strings.TrimSuffix(name, ".")
		if isFor(leaf, name) {
			if doubt := s.leadsElsewhere(ctx, name, ip); doubt != "" {
				doubts = append(doubts, doubt)
				continue
			}
		}
		all = append(all, name)
	}
	return all, strings.Join(doubts, "; ")
}

// leadsElsewhere says why name, a reverse name of ip, does not count; empty: it leads there.
func (s *dual) leadsElsewhere(ctx context.Context, name, ip string) string {
	ips, err := s.Network.Lookup(names.Fresh(ctx), name)
	switch {
	case err != nil:
		return fmt.Sprintf("where its reverse name %s leads: %v", name, err)
	case slices.ContainsFunc(ips, func(other string) bool { return sameIP(other, ip) }):
		return ""
	}
	return fmt.Sprintf("its reverse name %s leads to %s", name, strings.Join(ips[:min(len(ips), maxReverse)], " "))
}

// sameIP compares two addresses in whatever spelling, without zones.
func sameIP(a, b string) bool {
	x, err := netip.ParseAddr(a)
	y, other := netip.ParseAddr(b)
	return err == nil && other == nil && x.Unmap().WithZone("") == y.Unmap().WithZone("")
}
