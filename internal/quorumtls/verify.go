package quorumtls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
)

// verify judges the certificates of the other side, which must be good for usage and be for one of names; these
// are asked for only when they matter, and come with what else a person should know of them.
func (s *Stores) verify(cs tls.ConnectionState, usage x509.ExtKeyUsage, names func() (all []string, doubt string)) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("the other side has no certificate")
	}
	leaf := cs.PeerCertificates[0]
	between := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		between.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: s.trusted, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
		return fmt.Errorf("the certificate of %s, issued by %s: %w", leaf.Subject, leaf.Issuer, err)
	}
	if s.names.skip || s.names.skipCallers && usage == x509.ExtKeyUsageClientAuth {
		return nil
	}
	all, doubt := []string{s.names.name}, ""
	if s.names.name == "" {
		all, doubt = names()
	}
	for _, name := range all {
		if isFor(leaf, name) {
			return nil
		}
	}
	if doubt != "" {
		doubt = " (" + doubt + ")"
	}
	return fmt.Errorf("the certificate of %s is for %s, not for %s%s", leaf.Subject, subjects(leaf), strings.Join(all, " or "), doubt)
}

// isFor reports whether a certificate names host. Only one without any alternative name is asked for its common
// name.
func isFor(c *x509.Certificate, host string) bool {
	if len(c.DNSNames)+len(c.IPAddresses)+len(c.EmailAddresses)+len(c.URIs) > 0 {
		return c.VerifyHostname(host) == nil
	}
	cn := c.Subject.CommonName
	if net.ParseIP(host) != nil {
		return cn == host
	}
	return cn != "" && (&x509.Certificate{DNSNames: []string{cn}}).VerifyHostname(host) == nil
}

// subjects lists whom a certificate names.
func subjects(c *x509.Certificate) string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 && c.Subject.CommonName != "" {
		all = append(all, c.Subject.CommonName)
	}
	if len(all) == 0 {
		return "nobody"
	}
	return strings.Join(all, ", ")
}
