package identity

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"electnode/internal/quorum"
)

// Names are the certificate names that belong to each server: DNS names, IP addresses and URIs. None belongs to two.
type Names map[quorum.SID][]string

// Judge says why the owner of c cannot be taken for the member sid; nil: it can. c may be nil.
func (n Names) Judge(c *x509.Certificate, sid quorum.SID) error { return n.judge(c, sid, true) }

// judge says why the owner of c may not speak as sid; nil: it may. A certificate with a name of another server may not,
// whatever else it has: one that names two servers tells nobody which of them it is.
func (n Names) judge(c *x509.Certificate, sid quorum.SID, member bool) error {
	own := n[sid]
	switch {
	case len(own) == 0 && !member:
		return nil // a stranger
	case len(own) == 0:
		return errors.New("it is a member and has no name in electnode.peerNames")
	case c == nil:
		return errors.New("no certificate was shown")
	}
	named := false
	for _, other := range slices.SortedFunc(maps.Keys(n), cmp.Compare[quorum.SID]) {
		name, ok := n.carried(c, other)
		switch {
		case ok && other != sid:
			return fmt.Errorf("the certificate of %s, has %s, a name of server %d", owner(c), name, other)
		case ok:
			named = true
		}
	}
	if !named {
		return fmt.Errorf("the certificate of %s, is for %s, not for %s", owner(c), listed(alternatives(c)), strings.Join(own, " or "))
	}
	return nil
}

// carried is the first name of sid that c has.
func (n Names) carried(c *x509.Certificate, sid quorum.SID) (string, bool) {
	for _, name := range n[sid] {
		if carries(c, name) {
			return name, true
		}
	}
	return "", false
}

// carries reports whether name stands in c, letter by letter but for the case of DNS names. A wildcard names everybody
// and so nobody. The common name counts only in a certificate without any alternative name, of whatever kind.
func carries(c *x509.Certificate, name string) bool {
	ip, err := netip.ParseAddr(name)
	isIP := err == nil
	switch {
	case strings.Contains(name, ":") && !isIP:
		return slices.ContainsFunc(c.URIs, func(u *url.URL) bool { return u.String() == name })
	case !hasAlternatives(c) && isIP:
		own, err := netip.ParseAddr(c.Subject.CommonName)
		return err == nil && own.Unmap() == ip.Unmap()
	case !hasAlternatives(c):
		return sameDNS(c.Subject.CommonName, name)
	case isIP:
		return slices.ContainsFunc(c.IPAddresses, func(raw net.IP) bool {
			own, ok := netip.AddrFromSlice(raw)
			return ok && own.Unmap() == ip.Unmap()
		})
	}
	return slices.ContainsFunc(c.DNSNames, func(own string) bool { return sameDNS(own, name) })
}

// sameDNS compares two names without regard to the case of ASCII letters: letters from elsewhere that fold into them
// take more bytes.
func sameDNS(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// hasAlternatives looks for the extension itself: it may hold names of kinds that nobody here understands.
func hasAlternatives(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		if e.Id.Equal([]int{2, 5, 29, 17}) {
			return true
		}
	}
	return false
}

// alternatives lists whom a certificate names.
func alternatives(c *x509.Certificate) []string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	for _, u := range c.URIs {
		all = append(all, u.String())
	}
	if !hasAlternatives(c) && c.Subject.CommonName != "" {
		all = append(all, c.Subject.CommonName)
	}
	return all
}

// maxListed bounds how many names of a certificate, and of how many bytes, are told: a line is for people.
const (
	maxListed = 8
	maxName   = 255
)

func listed(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	var out []string
	for _, name := range names[:min(len(names), maxListed)] {
		out = append(out, name[:min(len(name), maxName)])
	}
	if left := len(names) - len(out); left > 0 {
		out = append(out, fmt.Sprintf("%d more", left))
	}
	return strings.Join(out, ", ")
}

// owner is whose certificate it is, by its subject or, without one, by its names; and who says so.
func owner(c *x509.Certificate) string {
	subject := c.Subject.String()
	if subject == "" {
		subject = listed(alternatives(c))
	}
	issuer := c.Issuer.String()
	return fmt.Sprintf("%s, issued by %s", subject[:min(len(subject), maxName)], issuer[:min(len(issuer), maxName)])
}
