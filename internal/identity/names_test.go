package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certificate makes one that signs itself: nobody here asks who issued it.
func certificate(t *testing.T, cn string, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	change(c)
	raw, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	return c
}

func dns(names ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.DNSNames = names }
}

func ips(texts ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for _, text := range texts {
			c.IPAddresses = append(c.IPAddresses, net.ParseIP(text))
		}
	}
}

func uri(text string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		u, err := url.Parse(text)
		if err != nil {
			panic(err)
		}
		c.URIs = []*url.URL{u}
	}
}

func none(*x509.Certificate) {}

// strangeName has an alternative name of a kind that Go does not read: a registered id.
func strangeName(c *x509.Certificate) {
	raw, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 8, Bytes: []byte{0x2a, 3}}})
	if err != nil {
		panic(err)
	}
	c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: raw}}
}

// TestJudge is the table of who may speak as server 2, or as others.
func TestJudge(t *testing.T) {
	names := Names{1: {"zoo1.example"}, 2: {"zoo2.example", "10.0.0.2", "spiffe://x/zoo2", "::2"}, 9: {"guest.example"}}
	for name, c := range map[string]struct {
		cn     string
		change func(*x509.Certificate) // nil: no certificate
		sid    int
		want   string // part of what is said; empty: it may
	}{
		"DNS name":                     {"x", dns("other.example", "zoo2.example"), 2, ""},
		"DNS name in other case":       {"x", dns("ZOO2.Example"), 2, ""},
		"a longer name":                {"x", dns("a.zoo2.example"), 2, "is for a.zoo2.example, not for zoo2.example or 10.0.0.2"},
		"a wildcard":                   {"x", dns("*.example"), 2, "is for *.example, not for"},
		"IP address":                   {"x", ips("10.0.0.2"), 2, ""},
		"IP address of IPv6":           {"x", ips("::2"), 2, ""},
		"another address":              {"x", ips("10.0.0.3"), 2, "is for 10.0.0.3, not for"},
		"an address as DNS name":       {"x", dns("10.0.0.2"), 2, "not for"},
		"URI":                          {"x", uri("spiffe://x/zoo2"), 2, ""},
		"URI in other case":            {"x", uri("spiffe://x/ZOO2"), 2, "is for spiffe://x/ZOO2, not for"},
		"common name":                  {"Zoo2.example", none, 2, ""},
		"common name that is a URI":    {"spiffe://x/zoo2", none, 2, "not for"},
		"common name that is an IP":    {"::FFFF:10.0.0.2", none, 2, ""},
		"common name beside others":    {"zoo2.example", dns("other.example"), 2, "is for other.example, not for"},
		"common name beside a strange": {"zoo2.example", strangeName, 2, "is for nobody, not for"},
		"a letter that folds into one": {"gueſt.example", none, 9, "not for"},
		"nobody's":                     {"", none, 2, "is for nobody, not for"},
		"no certificate":               {"", nil, 2, "no certificate was shown"},
		"another member's":             {"x", dns("zoo1.example"), 2, "has zoo1.example, a name of server 1"},
		"that of two":                  {"x", dns("zoo1.example", "zoo2.example"), 2, "has zoo1.example, a name of server 1"},
		"that of two, the other way":   {"x", dns("zoo1.example", "zoo2.example"), 1, "has zoo2.example, a name of server 2"},
		"a guest's":                    {"x", dns("guest.example"), 9, ""},
		"a guest's as a member":        {"x", dns("guest.example"), 2, "has guest.example, a name of server 9"},
		"a member's as a guest":        {"x", dns("zoo2.example"), 9, "has zoo2.example, a name of server 2"},
		"a member's as a stranger":     {"x", dns("zoo2.example"), 77, ""},
		"a stranger without any":       {"", nil, 77, ""},
		"a member without a name":      {"x", dns("zoo3.example"), 3, "it is a member and has no name in electnode.peerNames"},
	} {
		var cert *x509.Certificate
		if c.change != nil {
			cert = certificate(t, c.cn, c.change)
		}
		err := names.judge(cert, sid(c.sid), c.sid < 9)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestJudgeIsBrief: whatever stands in a certificate, the line about it stays one for people.
func TestJudgeIsBrief(t *testing.T) {
	var many []string
	for range 1000 {
		many = append(many, strings.Repeat("a.", 100)+"example")
	}
	err := Names{1: {"zoo1"}}.Judge(certificate(t, strings.Repeat("x", 3000), dns(many...)), 1)
	if err == nil || len(err.Error()) > 4000 || !strings.Contains(err.Error(), ", 992 more, not for zoo1") {
		t.Errorf("%d bytes: %v", len(err.Error()), err)
	}
}
