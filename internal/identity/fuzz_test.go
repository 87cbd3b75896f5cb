package identity

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"electnode/internal/quorum"
)

// FuzzJudge: a certificate lets its owner speak as a member only if one of the member's names stands in it as it is, and
// none of another's; what is said against it is one line of bounded length.
func FuzzJudge(f *testing.F) {
	f.Add("zoo2.example", "10.0.0.2", "spiffe://zoo/2", "zoo2.example", true)
	f.Add("ZOO2.example", "10.0.0.3", "", "zoo3.example", true)
	f.Add("*.example", "::ffff:10.0.0.2", "spiffe://zoo/3", "10.0.0.2", false)
	f.Add("", "", "", "zoo2.example\n10.0.0.2", false)
	names := Names{2: {"zoo2.example", "10.0.0.2", "spiffe://zoo/2"}, 3: {"zoo3.example"}, 5: {"10.0.0.5"}}
	f.Fuzz(func(t *testing.T, dns, ip, uri, common string, alternatives bool) {
		c := &x509.Certificate{Subject: pkix.Name{CommonName: common}}
		var has []string
		if alternatives {
			c.Extensions = []pkix.Extension{{Id: []int{2, 5, 29, 17}}}
			c.DNSNames, has = []string{dns}, append(has, strings.ToLower(dns))
			if a := net.ParseIP(ip); a != nil {
				c.IPAddresses, has = []net.IP{a}, append(has, netip.MustParseAddr(a.String()).Unmap().String())
			}
			if u, err := url.Parse(uri); err == nil {
				c.URIs, has = []*url.URL{u}, append(has, u.String())
			}
		} else {
			has = []string{strings.ToLower(common)}
			if a, err := netip.ParseAddr(common); err == nil {
				has = []string{a.Unmap().String()}
			}
		}
		carried := func(sid quorum.SID) bool {
			for _, h := range has {
				if slices.Contains(names[sid], h) {
					return true
				}
			}
			return false
		}
		for sid := range names {
			err := names.Judge(c, sid)
			others := false
			for other := range names {
				others = others || other != sid && carried(other)
			}
			if err == nil && (!carried(sid) || others) {
				t.Errorf("%q %q %q %q may speak as %d", dns, ip, uri, common, sid)
			}
			if err != nil && len(err.Error()) > 4000 {
				t.Errorf("a line of %d bytes", len(err.Error()))
			}
		}
	})
}
