package interop

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"electnode/internal/config"
	"electnode/internal/qcm"
	"electnode/internal/quorumtls"
	"electnode/internal/watch"
	"electnode/test/proc"
)

// authority signs the certificates of one test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  crypto.Signer
	ca   string // the file with cert
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), key: newKey(t, "EC")}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	a.cert = c
	a.cert = a.sign(c, a.key.Public())
	a.ca = a.write("ca.pem", &pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	return a
}

func newKey(t *testing.T, kind string) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	if kind == "RSA" {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(c *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	a.t.Helper()
	raw, err := x509.CreateCertificate(rand.Reader, c, a.cert, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(raw)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed
}

func (a *authority) write(name string, blocks ...*pem.Block) string {
	a.t.Helper()
	var out []byte
	for _, b := range blocks {
		out = append(out, pem.EncodeToMemory(b)...)
	}
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, out, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// store writes a PEM key store for the loopback address, with a key of the kind given.
func (a *authority) store(name, kind string) string {
	a.t.Helper()
	return a.storeUntil(name, kind, time.Now().Add(time.Hour))
}

// storeUntil writes one that ends at end, with more names if given.
func (a *authority) storeUntil(name, kind string, end time.Time, names ...string) string {
	a.t.Helper()
	key := newKey(a.t, kind)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.storeOf(name, key, &pem.Block{Type: "PRIVATE KEY", Bytes: raw}, end, names...)
}

func (a *authority) storeOf(name string, key crypto.Signer, block *pem.Block, end time.Time, names ...string) string {
	a.t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: end, DNSNames: names,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment}
	return a.write(name+".pem", block, &pem.Block{Type: "CERTIFICATE", Bytes: a.sign(c, key.Public()).Raw})
}

// encryptedKey is a key of P-256 in the form of PKCS#8 that every Java opens, PBE-SHA1-3DES; plainKey is the same.
// Made by openssl pkcs8 -topk8.
const (
	keyPassword  = "secret"
	encryptedKey = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGxMBwGCiqGSIb3DQEMAQMwDgQI/DrJAbzX82ACAggABIGQOWidimx4rtrId6gF
h/5kKYqP37/CmTYqmhWUoCy+/3BB4LMynibq0dOltryEgbkSlO0nRet1/fJ5uiCW
gWYbY/1W29tyh0a9r+oJclZgHRqCU1FGSn8axiRHUHaJPdujuSrHIMrl3IKFkwha
Ec2LflgJeit1jTUUCG1PTE5qINKY6lhW5vFu5wKrTEMgtV8D
-----END ENCRYPTED PRIVATE KEY-----
`
	plainKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgah5Kba+qsFqwB009
oENEGir28WUbld4UG3pjJ4MDH5GhRANCAATBtvHBVQnkwbAS9xieSr+6OXPete+E
JEZLQ6YJrfXb0MdNX+Q6PJ//qccIbK/0xzAIfkju8l4246bJrmXpbbx4
-----END PRIVATE KEY-----
`
)

// encrypted writes a PEM key store whose key needs keyPassword.
func (a *authority) encrypted(name string) string {
	a.t.Helper()
	plain, _ := pem.Decode([]byte(plainKey))
	key, err := x509.ParsePKCS8PrivateKey(plain.Bytes)
	if err != nil {
		a.t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(encryptedKey))
	return a.storeOf(name, key.(crypto.Signer), block, time.Now().Add(time.Hour))
}

// stranger is the network of somebody who has a certificate too.
func (a *authority) stranger() qcm.Network {
	t := a.t
	t.Helper()
	stores, err := quorumtls.Load(config.TLS{Quorum: true, Protocol: "TLSv1.2", HostnameVerification: true, ClientHostnameVerification: true,
		KeyStore:   config.Store{Location: a.encrypted("watcher"), Type: "PEM", Password: keyPassword},
		TrustStore: config.Store{Location: a.ca, Type: "PEM"}})
	if err != nil {
		t.Fatal(err)
	}
	return stores.Client(qcm.TCP{KeepAlive: true})
}

// secured makes an ensemble of servers that speak TLS with each other, with keys of all kinds, and the network of a
// stranger whom they trust.
func secured(t *testing.T, a *authority, kinds, own string) (*ensemble, qcm.Network) {
	t.Helper()
	network := a.stranger()
	e := build(t, plan{kinds: kinds, own: own, cfg: "sslQuorum=true\nssl.quorum.keyStore.type=PEM\nssl.quorum.trustStore.type=PEM\n" +
		"ssl.quorum.trustStore.location=" + a.ca + "\n", dial: func(addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return network.Dial(ctx, addr)
	}})
	for i, store := range []string{a.store("one", "RSA"), a.store("two", "EC"), a.encrypted("three")} {
		e.members[i].also("ssl.quorum.keyStore.location=" + store + "\n")
	}
	e.member(3).also("ssl.quorum.keyStore.password=" + keyPassword + "\n")
	e.expected = brokenTLS()
	return e, network
}

// brokenTLS is what real servers log of hand-shakes that fail or are cut short.
func brokenTLS() []string {
	return []string{"javax.net.ssl.SSL", "Blocked insecure connection attempt", "java.net.SocketException",
		"java.net.SocketTimeoutException: Read timed out", "sun.security.validator", "sun.security.provider.certpath"}
}

// TestWatchTLS watches real servers that speak TLS with each other. Without TLS, or with a certificate that they do
// not trust, the reason is told.
func TestWatchTLS(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	e, network := secured(t, ours, "jjj", "")
	e.start(e.sids()...)
	a := e.agree()
	addr := e.member(1).electionAddr()
	s := look(t, addr, func(o *watch.Options) { o.Network = network })
	s.agrees(e, a)
	b := e.failOver(s, a)
	e.start(a.leader)
	b = e.agree()
	s.agrees(e, b)

	s.told(t, "plain against TLS", addr, nil, watch.FailClosed, "wants TLS") // real servers close without a word
	strange := newAuthority(t)
	for name, f := range map[string]struct {
		files quorumtls.Files
		hint  string
	}{
		"untrusted by them": {quorumtls.Files{Cert: strange.store("w", "EC"), CA: ours.ca}, ""},
		"no certificate":    {quorumtls.Files{CA: ours.ca}, ""},
		"untrusted by us":   {quorumtls.Files{Cert: ours.store("w", "EC"), CA: strange.ca}, "unknown authority"},
		"wrong name":        {quorumtls.Files{Cert: ours.store("w", "EC"), CA: ours.ca, ServerName: "zk1.example"}, "zk1.example"},
	} {
		stores, err := f.files.Load()
		if err != nil {
			t.Fatal(err)
		}
		s.told(t, name, addr, func(o *watch.Options) { o.Network = stores.Client(qcm.TCP{}) }, watch.FailTLS, f.hint)
	}
	e.keeps(b, time.Second)
	if st := s.w.Status(); st.LeaderChanges != 1 || st.Blind {
		t.Errorf("the first watcher: %+v", st)
	}
}

// TestWatchTLSAgainstPlain has a watcher with TLS ask servers without: the reason is told, and they take no harm.
func TestWatchTLSAgainstPlain(t *testing.T) {
	t.Parallel()
	e, a := form(t, plan{kinds: "jjj"})
	e.expected = []string{"java.io.IOException: Received packet with invalid packet"} // the rest of the hand-shake
	s := e.observe(t, 1)
	stores, err := quorumtls.Files{CA: newAuthority(t).ca}.Load()
	if err != nil {
		t.Fatal(err)
	}
	s.told(t, "TLS against plain", e.member(2).electionAddr(), func(o *watch.Options) { o.Network = stores.Client(qcm.TCP{}) },
		watch.FailTLS, "does it speak TLS")
	s.agrees(e, a)
	e.keeps(a, time.Second)
}

// told has another watcher look at addr and waits until it gives this reason and hint.
func (s *sight) told(t *testing.T, name, addr string, change func(*watch.Options), reason watch.Reason, hint string) {
	t.Helper()
	other := look(t, addr, func(o *watch.Options) {
		o.SID = watcherSID + 1 // equal sids would take each other's connection
		if change != nil {
			change(o)
		}
	})
	defer other.stop()
	proc.Eventually(t, patience, name+" is told", func() error {
		st := other.w.Status()
		if len(st.Seeds) != 1 || st.Seeds[0].Reason != reason || !strings.Contains(st.Seeds[0].Problem, hint) {
			return fmt.Errorf("%+v", st.Seeds)
		}
		return nil
	})
	t.Logf("%s: %s", name, other.w.Status().Seeds[0].Problem)
}
