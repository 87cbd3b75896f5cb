package lab

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority signs the certificates of one test.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t)}
	c := certificate(name)
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	a.cert = c
	a.cert = a.sign(c, a.key)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certificate(name string) *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
}

func (a *authority) sign(c *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	raw, err := x509.CreateCertificate(rand.Reader, c, a.cert, key.Public(), a.key)
	if err == nil {
		c, err = x509.ParseCertificate(raw)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

// issue makes a certificate for these addresses.
func (a *authority) issue(name string, addrs ...net.IP) tls.Certificate {
	a.t.Helper()
	key, c := newKey(a.t), certificate(name)
	c.IPAddresses, c.KeyUsage = addrs, x509.KeyUsageDigitalSignature
	return tls.Certificate{Certificate: [][]byte{a.sign(c, key).Raw}, PrivateKey: key}
}

// settings are the lines of zoo.cfg for a server that speaks TLS on both ports with a certificate of a.
func (a *authority) settings(host *Host) string {
	a.t.Helper()
	dir := a.t.TempDir()
	own := a.issue("server", net.IP(host.Addr().AsSlice()))
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		a.t.Fatal(err)
	}
	write := func(name string, blocks ...*pem.Block) string {
		var text []byte
		for _, b := range blocks {
			text = append(text, pem.EncodeToMemory(b)...)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			a.t.Fatal(err)
		}
		return path
	}
	store := write("own.pem", &pem.Block{Type: "PRIVATE KEY", Bytes: key},
		&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})
	trust := write("ca.pem", &pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	return "sslQuorum=true\nssl.quorum.keyStore.type=PEM\nssl.quorum.keyStore.location=" + store +
		"\nssl.quorum.trustStore.type=PEM\nssl.quorum.trustStore.location=" + trust + "\n"
}

// speaking has attackers speak TLS with a certificate of a for their hosts, and trust anybody.
func (a *authority) speaking(all []attacker) []attacker {
	a.t.Helper()
	var addrs []net.IP
	for i := range floodHosts {
		addrs = append(addrs, net.IP(hostAddr(firstAttacker+i).AsSlice()))
	}
	conf := &tls.Config{Certificates: []tls.Certificate{a.issue("stranger", addrs...)}, InsecureSkipVerify: true}
	var secure []attacker
	for _, one := range all {
		one.wrap = func(c net.Conn) net.Conn { return tls.Client(c, conf) }
		secure = append(secure, one)
	}
	return secure
}

// beforeTLS are attackers that get no further than the hand-shake of TLS: some say nothing, some nothing that is TLS, some
// stop halfway, and some show a certificate that nobody trusts.
func beforeTLS(untrusted *authority) []attacker {
	var all []attacker
	for _, port := range []struct {
		name   string
		number uint16
		silent [floodHosts]int
	}{{"election", electionPort, [floodHosts]int{70, 15, 15, 0}}, {"quorum", quorumPort, [floodHosts]int{40, 20, 20, 0}}} {
		some := [floodHosts]int{4, 4, 4, 0}
		all = append(all,
			attacker{name: port.name + ": silent before TLS", port: port.number, many: port.silent, harms: nothing},
			attacker{name: port.name + ": garbage in place of TLS", port: port.number, many: some, harms: babble},
			attacker{name: port.name + ": half a hand-shake of TLS", port: port.number, many: some, harms: halfHello})
		all = append(all, untrusted.speaking([]attacker{{name: port.name + ": a certificate that nobody trusts", port: port.number,
			many: some, harms: func(_ context.Context, g *grip) {
				g.say(hello(g.rand))
				g.stayUntilThrownOut()
			}}})...)
	}
	return all
}

// halfHello sends the first message of a TLS hand-shake and nothing more, or only half of it.
func halfHello(ctx context.Context, g *grip) {
	var first firstWrite
	_ = tls.Client(&first, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) // fails after the first message
	g.say(first.said[:len(first.said)/(1+g.rand.IntN(2))])
	g.stayUntilThrownOut()
}

// firstWrite is a connection that keeps what is said on it and is never answered.
type firstWrite struct {
	net.Conn
	said []byte
}

// Write implements net.Conn.
func (f *firstWrite) Write(b []byte) (int, error) {
	f.said = append(f.said, b...)
	return len(b), nil
}

// Read implements net.Conn.
func (f *firstWrite) Read([]byte) (int, error) { return 0, net.ErrClosed }

// Close implements net.Conn.
func (f *firstWrite) Close() error { return nil }
