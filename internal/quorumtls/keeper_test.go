package quorumtls

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/config"
	"electnode/internal/qcm"
)

// TestKeeper renews the files of a server whose port stays open: what was read last counts for the next connection, and
// a renewal that is broken changes nothing but is told, once.
func TestKeeper(t *testing.T) {
	before, after := newAuthority(t, "before"), newAuthority(t, "after")
	key := newKey(t, "EC")
	store := func(by *authority, change func(*x509.Certificate)) string {
		return string(keyPEM(t, key)) + string(certPEM(by.issue(key, change)))
	}
	good := store(before, nil)
	own, trust := file(t, "own.pem", []byte(good)), file(t, "ca.pem", certPEM(before.cert))
	k, err := NewKeeper(settings(own, trust), time.Now())
	if err != nil || len(k.Doubts()) != 0 {
		t.Fatal(err, k.Doubts())
	}
	addr, errs := port(t, k.Server(qcm.TCP{}))
	old, new := load(t, before, "EC", before, nil), load(t, after, "EC", after, nil)
	meets := func(s *Stores) bool {
		callErr := greet(t.Context(), s.Client(qcm.TCP{}), addr)
		return <-errs == nil && callErr == nil
	}
	var told []string
	renew := func(ownPEM, trustPEM string) {
		for name, text := range map[string]string{own: ownPEM, trust: trustPEM} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		told = nil
		for range 2 {
			k.renew(time.Now(), func(err error) {
				if told = append(told, ""); err != nil {
					told[len(told)-1] = err.Error()
				}
			})
		}
	}
	oldCA, newCA := string(certPEM(before.cert)), string(certPEM(after.cert))
	if !meets(old) || meets(new) {
		t.Error("the first stores are not in force")
	}
	for name, c := range map[string]struct{ own, trust, want string }{
		"cut off": {good[:len(good)/2], oldCA, own},
		"empty":   {good, "", trust},
		"expired": {store(before, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), oldCA, "expired on"},
	} {
		if renew(c.own, c.trust); len(told) != 1 || !strings.Contains(told[0], c.want) || !meets(old) {
			t.Errorf("%s: told %q, the old ones in force: %t", name, told, meets(old))
		}
	}
	if renew(store(after, nil), newCA); len(told) != 1 || told[0] != "" || meets(old) || !meets(new) {
		t.Errorf("the renewal: told %q", told)
	}
	if renew(store(before, nil), newCA); len(k.Doubts()) != 1 || !strings.Contains(k.Doubts()[0], "issued by CN=before") {
		t.Errorf("a certificate that nobody trusts: %q", k.Doubts())
	}
}

// TestKeeperEarly: a certificate that is valid only from a moment later, because clocks differ, is taken up then, though
// the file does not change again; that it was not is told once.
func TestKeeperEarly(t *testing.T) {
	ca := newAuthority(t, "ca")
	key := newKey(t, "EC")
	now := time.Now()
	own, trust := file(t, "own.pem", keyPEM(t, key), certPEM(ca.issue(key, nil))), file(t, "ca.pem", certPEM(ca.cert))
	k, err := NewKeeper(settings(own, trust), now)
	if err != nil {
		t.Fatal(err)
	}
	next := ca.issue(key, func(c *x509.Certificate) { c.NotBefore = now.Add(15 * time.Second) })
	if err := os.WriteFile(own, append(keyPEM(t, key), certPEM(next)...), 0o600); err != nil {
		t.Fatal(err)
	}
	var told []string
	for i := range 6 {
		k.renew(now.Add(time.Duration(i)*reloadTime), func(err error) { told = append(told, fmt.Sprint(i, " ", err)) })
	}
	if len(told) != 2 || !strings.HasPrefix(told[0], "0 ") || !strings.Contains(told[0], "not valid before") || told[1] != "2 <nil>" {
		t.Errorf("told %q", told)
	}
	if !k.Own().Equal(next) {
		t.Error("it is not in force")
	}
}

// TestDoubts: an own certificate must be good for both directions, and the list of cipher suites be what is in force.
func TestDoubts(t *testing.T) {
	ca := newAuthority(t, "ca")
	key := newKey(t, "EC")
	const serverAuth, clientAuth = x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	for name, c := range map[string]struct {
		usages []x509.ExtKeyUsage
		change func(*config.TLS)
		want   []string // parts of the doubts
	}{
		"no usage":    {nil, nil, nil},
		"both":        {[]x509.ExtKeyUsage{serverAuth, clientAuth}, nil, nil},
		"for servers": {[]x509.ExtKeyUsage{serverAuth}, nil, []string{"lacks clientAuth: the others will refuse it where it dials"}},
		"for callers": {[]x509.ExtKeyUsage{clientAuth}, nil, []string{"lacks serverAuth: the others will refuse it where they dial"}},
		"for neither": {[]x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, nil, []string{"lacks serverAuth", "lacks clientAuth"}},
		"unknown suites": {nil, func(c *config.TLS) {
			c.CipherSuites = []string{"TLS_X", " TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"}
		},
			[]string{"ssl.quorum.ciphersuites: left out, because electnode does not know them: TLS_X; without effect, because TLS 1.3 is not enabled: TLS_AES_256_GCM_SHA384"}},
		"of TLS 1.3": {nil, func(c *config.TLS) { c.CipherSuites, c.Protocol = []string{"TLS_AES_256_GCM_SHA384"}, "TLSv1.3" },
			[]string{"ssl.quorum.ciphersuites: added, because those of TLS 1.3 cannot be chosen: TLS_AES_128_GCM_SHA256,TLS_CHACHA20_POLY1305_SHA256"}},
	} {
		conf := settings(file(t, "own.pem", keyPEM(t, key), certPEM(ca.issue(key, func(cert *x509.Certificate) { cert.ExtKeyUsage = c.usages }))),
			file(t, "ca.pem", certPEM(ca.cert)))
		if c.change != nil {
			c.change(&conf)
		}
		k, err := NewKeeper(conf, time.Now())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := k.Doubts()
		if len(got) != len(c.want) {
			t.Errorf("%s: %q", name, got)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s: %q, want %q", name, got[i], want)
			}
		}
	}
}

// TestNewKeeper refuses an own certificate out of its time.
func TestNewKeeper(t *testing.T) {
	ca := newAuthority(t, "ca")
	key := newKey(t, "EC")
	own, trust := file(t, "own.pem", keyPEM(t, key), certPEM(ca.issue(key, nil))), file(t, "ca.pem", certPEM(ca.cert))
	for want, now := range map[string]time.Time{"expired on": time.Now().Add(2 * time.Hour), "not valid before": time.Now().Add(-2 * time.Hour)} {
		if _, err := NewKeeper(settings(own, trust), now); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "ssl.quorum.keyStore.location: "+own) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	k, err := NewKeeper(settings("", trust), time.Now())
	if err != nil || len(k.Doubts()) != 1 {
		t.Errorf("no certificate: %v", err)
	}
}

// TestKeeperRun looks at the files every 10 s, and ends with its context.
func TestKeeperRun(t *testing.T) {
	ca := newAuthority(t, "ca")
	trust := file(t, "ca.pem", certPEM(ca.cert))
	synctest.Test(t, func(t *testing.T) {
		k, err := NewKeeper(settings("", trust), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		told, done := 0, make(chan struct{})
		// Ends with ctx.
		go func() {
			defer close(done)
			k.Run(ctx, func(error) { told++ })
		}()
		time.Sleep(3 * reloadTime)
		if err := os.WriteFile(trust, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * reloadTime)
		cancel()
		<-done
		if told != 1 {
			t.Errorf("told %d times of one change", told)
		}
	})
}
