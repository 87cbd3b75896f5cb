package quorumtls

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"electnode/internal/config"

	"software.sslmate.com/src/go-pkcs12"
)

// settings are those of a zoo.cfg with PEM stores.
func settings(keyStore, trustStore string) config.TLS {
	return config.TLS{Quorum: true, KeyStore: config.Store{Location: keyStore, Type: "PEM"},
		TrustStore: config.Store{Location: trustStore, Type: "PEM"}, Protocol: "TLSv1.2", HostnameVerification: true,
		ClientHostnameVerification: true, ReverseLookup: true}
}

// plainPEM and the encrypted keys are one key; the passwords are "secret". Made by openssl pkcs8 -topk8, with
// -nocrypt, -v2 aes-256-cbc, -v2 des3 -v2prf hmacWithSHA1, and -v1 PBE-SHA1-3DES.
const plainPEM = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgah5Kba+qsFqwB009
oENEGir28WUbld4UG3pjJ4MDH5GhRANCAATBtvHBVQnkwbAS9xieSr+6OXPete+E
JEZLQ6YJrfXb0MdNX+Q6PJ//qccIbK/0xzAIfkju8l4246bJrmXpbbx4
-----END PRIVATE KEY-----
`

func encryptedPEM() map[string]string {
	return map[string]string{"aes": `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjF0eDDQLrKSQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEENEs8hPOwK0Zise83JywE8cEgZBp
q1uUGNAHCDrHoI8gOpnorOBV8y8JMp3mXQZt9/V7dDlv/yQnOxUZXDQR5bNuEqND
fxGuTVFLqRp7SgU1fH3lPvIP8ObnHdIjrT89dfKNky29maOc7X4aR1g57b0NJCW5
r+inTSok3FXUlXCV3u4J6+R6OZxL7zv3PFhPaNfeWSWnCAyrEGWFqqaJ9vztV58=
-----END ENCRYPTED PRIVATE KEY-----
`, "des3": `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHVMEAGCSqGSIb3DQEFDTAzMBsGCSqGSIb3DQEFDDAOBAgwJ1iOjTRXYwICCAAw
FAYIKoZIhvcNAwcECGDvxoU3EiZYBIGQjfNn0fd7AfVzTIs92fY46ktCH0849vLx
OubLZSNR7hUNW6sGqFOe05fO2i5hgC4jiQ80r9wpBAd4c0GmlXKmiCsqDOeiRWG7
7zB83L9HWDm8bVTftgLeEDudXcB33qob3nIC3x4o+5j3S5fTF1HKCMA8boLbM3al
Rtda8LBcMEZCv0cywz3bSvQbF2Hjr4Gz
-----END ENCRYPTED PRIVATE KEY-----
`, "v1": `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGxMBwGCiqGSIb3DQEMAQMwDgQI/DrJAbzX82ACAggABIGQOWidimx4rtrId6gF
h/5kKYqP37/CmTYqmhWUoCy+/3BB4LMynibq0dOltryEgbkSlO0nRet1/fJ5uiCW
gWYbY/1W29tyh0a9r+oJclZgHRqCU1FGSn8axiRHUHaJPdujuSrHIMrl3IKFkwha
Ec2LflgJeit1jTUUCG1PTE5qINKY6lhW5vFu5wKrTEMgtV8D
-----END ENCRYPTED PRIVATE KEY-----
`}
}

// TestEncryptedKeys opens what openssl wrote, and nothing with another password.
func TestEncryptedKeys(t *testing.T) {
	want, err := storedKey([]byte(plainPEM), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range encryptedPEM() {
		got, err := storedKey([]byte(text), "secret")
		if err != nil || !want.(*ecdsa.PrivateKey).Equal(got.(crypto.PrivateKey)) {
			t.Errorf("%s: %v", name, err)
		}
		for _, wrong := range []string{"Secret", "secre", "\U0001F511"} {
			if _, err := storedKey([]byte(text), wrong); err == nil {
				t.Errorf("%s opens by %q", name, wrong)
			}
		}
		block, _ := pem.Decode([]byte(text))
		for cut := range block.Bytes {
			if _, err := decrypt(block.Bytes[:cut], "secret"); err == nil {
				t.Errorf("%s opens when cut off at %d", name, cut)
			}
		}
	}
}

// TestLoadRefuses: each mistake is told with its key and file, all at once.
func TestLoadRefuses(t *testing.T) {
	ca := newAuthority(t, "ca")
	key := newKey(t, "EC")
	cert := certPEM(ca.issue(key, nil))
	good, trust := file(t, "own.pem", keyPEM(t, key), cert), file(t, "ca.pem", certPEM(ca.cert))
	traditional, err := x509.MarshalECPrivateKey(key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	old := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: traditional})
	for name, c := range map[string]struct {
		change func(*config.TLS)
		want   []string
	}{
		"no file":          {func(c *config.TLS) { c.KeyStore.Location = "nowhere.pem" }, []string{"ssl.quorum.keyStore.location", "nowhere.pem"}},
		"no trust file":    {func(c *config.TLS) { c.TrustStore.Location = "nowhere.pem" }, []string{"ssl.quorum.trustStore.location", "nowhere.pem"}},
		"no key":           {func(c *config.TLS) { c.KeyStore.Location = file(t, "x.pem", cert) }, []string{"x.pem", "no private key"}},
		"no certificate":   {func(c *config.TLS) { c.KeyStore.Location = file(t, "x.pem", keyPEM(t, key)) }, []string{"x.pem", "no certificate"}},
		"another's key":    {func(c *config.TLS) { c.KeyStore.Location = file(t, "x.pem", keyPEM(t, newKey(t, "RSA")), cert) }, []string{"not that of the key"}},
		"traditional key":  {func(c *config.TLS) { c.KeyStore.Location = file(t, "x.pem", old, cert) }, []string{"PKCS#8", "EC PRIVATE KEY"}},
		"needless word":    {func(c *config.TLS) { c.KeyStore.Password = "x" }, []string{"not encrypted"}},
		"missing word":     {func(c *config.TLS) { c.KeyStore.Location = file(t, "x.pem", []byte(encryptedPEM()["v1"]), cert) }, []string{"no password"}},
		"no password file": {func(c *config.TLS) { c.KeyStore.PasswordPath = "nowhere" }, []string{"password", "nowhere"}},
		"empty trust":      {func(c *config.TLS) { c.TrustStore.Location = file(t, "x.pem") }, []string{"no certificate"}},
		"bad certificate": {func(c *config.TLS) {
			c.TrustStore.Location = file(t, "x.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
		}, []string{"certificate 1"}},
		"no PKCS12":        {func(c *config.TLS) { c.TrustStore.Type = "PKCS12" }, []string{"PKCS12"}},
		"protocol":         {func(c *config.TLS) { c.Protocol = "SSLv3" }, []string{"SSLv3"}},
		"suite of TLS 1.3": {func(c *config.TLS) { c.CipherSuites = []string{"TLS_AES_256_GCM_SHA384"} }, []string{"ciphersuites", "electnode can use"}},
		"unknown suite":    {func(c *config.TLS) { c.CipherSuites = []string{"X"} }, []string{"ciphersuites", "X"}},
		"revocation":       {func(c *config.TLS) { c.CRL = true }, []string{"revoked"}},
		"two mistakes": {func(c *config.TLS) { c.KeyStore.Location, c.TrustStore.Location = "nokey.pem", "notrust.pem" },
			[]string{"nokey.pem", "notrust.pem"}},
	} {
		opt := settings(good, trust)
		c.change(&opt)
		_, err := Load(opt)
		if err == nil || slices.ContainsFunc(c.want, func(w string) bool { return !strings.Contains(err.Error(), w) }) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := (Files{Key: good}).Load(); err == nil {
		t.Error("a key alone is accepted")
	}
	if _, err := (Files{Cert: file(t, "x.pem", []byte(encryptedPEM()["v1"]), cert)}).Load(); err == nil {
		t.Error("an encrypted key without a password is accepted")
	}
	for _, f := range []Files{{}, {CA: trust}, {Cert: good, CA: trust}, {Cert: file(t, "c.pem", cert), Key: file(t, "k.pem", old)}} {
		if _, err := f.Load(); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

// TestSameSubject: of two certificates with one subject the later is trusted.
func TestSameSubject(t *testing.T) {
	before, after := newAuthority(t, "ca"), newAuthority(t, "ca")
	s, err := Load(settings("", file(t, "ca.pem", certPEM(before.cert, after.cert))))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		by *authority
		ok bool
	}{"earlier": {before, false}, "later": {after, true}} {
		leaf := c.by.issue(newKey(t, "EC"), nil)
		err := s.verify(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}},
			x509.ExtKeyUsageServerAuth, func() ([]string, string) { return []string{"127.0.0.1"}, "" })
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestProtocols reads versions and suites by their Java names.
func TestProtocols(t *testing.T) {
	opt := config.TLS{Protocol: "TLSv1.2", EnabledProtocols: []string{"TLSv1.3", " TLSv1.2"},
		CipherSuites: []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_DHE_DSS_WITH_AES_256_CBC_SHA"}}
	s, err := Load(opt)
	if err != nil || s.minVersion != tls.VersionTLS12 || s.maxVersion != tls.VersionTLS13 ||
		!slices.Equal(s.suites, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}) {
		t.Errorf("%+v, %v", s, err)
	}
	if !s.names.skip { // HostnameVerification is false in a literal
		t.Error("names are checked though the setting says no")
	}
}

// TestPasswordFile: the file's content without one final line feed beats the password in zoo.cfg.
func TestPasswordFile(t *testing.T) {
	key, err := storedKey([]byte(plainPEM), "")
	if err != nil {
		t.Fatal(err)
	}
	ca := newAuthority(t, "ca")
	store := file(t, "own.pem", []byte(encryptedPEM()["aes"]), certPEM(ca.issue(key.(crypto.Signer), nil)))
	for content, ok := range map[string]bool{"secret": true, "secret\n": true, "secret\n\n": false, "": false} {
		opt := settings(store, "")
		opt.KeyStore.Password, opt.KeyStore.PasswordPath = "other", file(t, "pw", []byte(content))
		if _, err := Load(opt); (err == nil) != ok {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// TestPKCS12 reads stores that Go wrote: the chain in its order whatever the order in the store.
func TestPKCS12(t *testing.T) {
	ca := newAuthority(t, "ca")
	middle := &authority{t: t, key: newKey(t, "EC")}
	between := template("between")
	between.IsCA, between.BasicConstraintsValid = true, true
	middle.cert = ca.sign(between, ca.cert, middle.key.Public())
	key := newKey(t, "RSA")
	leaf := middle.issue(key, nil)
	raw, err := pkcs12.Modern.Encode(key, leaf, []*x509.Certificate{ca.cert, middle.cert}, "word")
	if err != nil {
		t.Fatal(err)
	}
	store := config.Store{Location: file(t, "own.p12", raw), Type: "PKCS12", Password: "word"}
	own, err := loadKeyStore(store)
	if err != nil || len(own[0].Certificate) != 3 || !slices.Equal(own[0].Certificate[1], middle.cert.Raw) {
		t.Errorf("%d certificates, %v", len(own[0].Certificate), err)
	}
	if _, err := loadTrustStore(store); err == nil || !strings.HasSuffix(err.Error(), "own.p12: no certificate in it is a trusted one (a trustedCertEntry): those of a key are not") {
		t.Errorf("a key store as trust store: %v", err)
	}
	store.Password = "other"
	if _, err := loadKeyStore(store); err == nil || !strings.Contains(err.Error(), "password") {
		t.Errorf("with another password: %v", err)
	}
}

// TestRounds: a store that would keep a start busy for minutes is refused at once, wherever it asks for that.
func TestRounds(t *testing.T) {
	const word, few = "word", 70_000
	asked, most := []byte{0x02, 0x03, 0x01, 0x11, 0x70}, []byte{0x02, 0x03, 0x7f, 0xff, 0xff} // few, and the most in so many bytes
	ca := newAuthority(t, "ca")
	key := newKey(t, "EC")
	for name, encoder := range map[string]*pkcs12.Encoder{"2023": pkcs12.Modern2023, "2026": pkcs12.Modern2026, "DES": pkcs12.LegacyDES} {
		own, err := encoder.WithIterations(few).Encode(key, ca.issue(key, nil), nil, word)
		if err != nil {
			t.Fatal(err)
		}
		trust, err := encoder.WithIterations(few).EncodeTrustStore([]*x509.Certificate{ca.cert}, word)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			raw  []byte
			want int // times a key is derived: for the MAC, the certificates, the private key
			open func(raw []byte) error
		}{
			{own, 3, func(raw []byte) error { _, err := keyOf("PKCS12", raw, word); return err }},
			{trust, 2, func(raw []byte) error { _, err := trustIn(raw, word); return err }},
		} {
			if n := roundsOf(c.raw, word, maxIterations); n != c.want*few {
				t.Errorf("%s: %d rounds, want %d times %d", name, n, c.want, few)
			}
			if err := c.open(c.raw); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			err := c.open(bytes.ReplaceAll(c.raw, asked, most))
			if err == nil || !strings.Contains(err.Error(), "rounds to open, and electnode does 10000000 at most") {
				t.Errorf("%s: too many rounds: %v", name, err)
			}
		}
	}
	if n := bounded(math.MinInt) + bounded(math.MaxInt); n != maxIterations+1 {
		t.Error(n)
	}
}

// TestMixedStore reads a store with a key and a trusted certificate, made by keytool -importkeystore of a PrivateKeyEntry
// and -importcert of the authority that had signed it: the authority is trusted, and the key's own certificate is not.
func TestMixedStore(t *testing.T) {
	store := config.Store{Location: "testdata/mixed.p12", Type: "PKCS12", Password: "secret12"}
	own, err := loadKeyStore(store)
	if err != nil || own[0].Leaf.Subject.CommonName != "server" {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(store.Location)
	if err != nil {
		t.Fatal(err)
	}
	all, err := trustedOf(raw, store.Password)
	if err != nil || len(all) != 1 || all[0].Subject.CommonName != "myca" {
		t.Fatalf("%v, %v", all, err)
	}
	if pool, err := loadTrustStore(store); err != nil || !pool.Equal(poolOf(all)) {
		t.Errorf("another pool, %v", err)
	}
	store.Password = "other"
	if _, err := loadTrustStore(store); err == nil || !strings.Contains(err.Error(), "password") {
		t.Errorf("with another password: %v", err)
	}
	old := config.Store{Location: "testdata/mixed-old.p12", Type: "PKCS12", Password: "secret12"} // by RC2, as Java 8 did
	if own, err := loadKeyStore(old); err != nil || own[0].Leaf.Subject.CommonName != "server" {
		t.Errorf("the key of an old one: %v", err)
	}
	if _, err := loadTrustStore(old); err == nil || !strings.Contains(err.Error(), "put them into a store without a key") {
		t.Errorf("an old one: %v", err)
	}
	for cut := range raw {
		if _, err := trustedOf(raw[:cut], "secret12"); err == nil {
			t.Errorf("it opens when cut off at %d", cut)
		}
	}
}

// TestKeytool reads stores that Java's keytool wrote.
func TestKeytool(t *testing.T) {
	if _, err := exec.LookPath("keytool"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	keytool := func(args ...string) {
		t.Helper()
		cmd := exec.Command("keytool", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("keytool %q: %v\n%s", args, err, out)
		}
	}
	keytool("-genkeypair", "-alias", "zk", "-keyalg", "RSA", "-keysize", "2048", "-dname", "CN=zk1.example", "-ext", "san=ip:127.0.0.1",
		"-storetype", "PKCS12", "-keystore", "own.p12", "-storepass", "secret")
	keytool("-exportcert", "-alias", "zk", "-keystore", "own.p12", "-storepass", "secret", "-file", "zk.crt")
	keytool("-importcert", "-noprompt", "-alias", "zk", "-file", "zk.crt", "-storetype", "PKCS12", "-keystore", "trust.p12",
		"-storepass", "secret")
	opt := settings(filepath.Join(dir, "own.p12"), filepath.Join(dir, "trust.p12"))
	for _, s := range []*config.Store{&opt.KeyStore, &opt.TrustStore} {
		s.Type, s.Password = "PKCS12", "secret"
	}
	s, err := Load(opt)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.own[0].PrivateKey.(*rsa.PrivateKey); !ok {
		t.Errorf("the key is a %T", s.own[0].PrivateKey)
	}
	if err := meet(t, s, newServer(t, s.own, s.trusted, nil)); err != nil {
		t.Error(err)
	}
	keytool("-importcert", "-noprompt", "-alias", "theirs", "-file", "zk.crt", "-keystore", "own.p12", "-storepass", "secret")
	opt.TrustStore.Location = opt.KeyStore.Location
	both, err := Load(opt)
	if err != nil || !both.trusted.Equal(s.trusted) {
		t.Errorf("one store for both: %v", err)
	}
}
