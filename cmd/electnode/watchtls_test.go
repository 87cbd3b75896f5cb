package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// selfSigned makes a certificate and its key, PEM.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"zoo1"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// TestWatchTLS: each of the three ways to say it turns TLS on, and nothing else does.
func TestWatchTLS(t *testing.T) {
	cert, key := selfSigned(t)
	dir := written(t, map[string]string{"cert.pem": cert, "key.pem": key, "both.pem": key + cert, "plain.cfg": zooCfg})
	in := func(name string) string { return filepath.Join(dir, name) }
	store := "ssl.quorum.keyStore.location=" + in("both.pem") + "\nssl.quorum.trustStore.location=" + in("cert.pem") + "\n"
	more := written(t, map[string]string{"on.cfg": zooCfg + "sslQuorum=true\n" + store, "off.cfg": zooCfg + store,
		"all.yml": "- name: a\n  targets: [zoo1:1]\n  tls: {ca: " + in("cert.pem") + ", server_name: zoo1}\n"})
	for _, c := range []struct {
		args []string
		on   bool
	}{
		{[]string{"zoo1:1"}, false},
		{[]string{"zoo1:1", "--tls.ca-file", in("cert.pem")}, true},
		{[]string{"zoo1:1", "--tls.cert-file", in("cert.pem"), "--tls.key-file", in("key.pem"), "--tls.server-name", "zoo1"}, true},
		{[]string{"zoo1:1", "--tls.cert-file", in("both.pem")}, true},
		{[]string{"--config", filepath.Join(more, "on.cfg")}, true},
		{[]string{"--config", filepath.Join(more, "off.cfg")}, false},
		{[]string{"--ensembles", filepath.Join(more, "all.yml")}, true},
	} {
		code, out, errs := executed(append([]string{"watch", "--dry-run"}, c.args...)...)
		if code != 0 || strings.Contains(out, "over TLS") != c.on {
			t.Errorf("%q: exit %d, TLS %t, want %t; %s", c.args, code, !c.on, c.on, errs)
		}
	}
}

// TestWatchRenews: with sslQuorumReloadCertFiles a watcher shows the renewed certificate from its next dial on.
func TestWatchRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, firstKey := selfSigned(t)
		second, secondKey := selfSigned(t)
		dir := written(t, map[string]string{"both.pem": firstKey + first, "ca.pem": first})
		own, ca := filepath.Join(dir, "both.pem"), filepath.Join(dir, "ca.pem")
		text := zooCfg + "sslQuorum=true\nsslQuorumReloadCertFiles=true\nssl.quorum.keyStore.location=" + own + "\nssl.quorum.trustStore.location=" + ca + "\n"
		cfg := written(t, map[string]string{"on.cfg": text})
		f := watchFlags{configs: []string{filepath.Join(cfg, "on.cfg")}, interval: time.Second, given: func(string) bool { return false }}
		plans, err := f.plan(nil)
		if err != nil || len(plans) != 1 || plans[0].keeper == nil {
			t.Fatal(plans, err)
		}
		var lines bytes.Buffer
		var group sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		plans[0].keepStores(ctx, &group, slog.New(slog.NewTextHandler(&lines, nil)))
		for _, content := range []string{secondKey, secondKey + second} {
			if err := os.WriteFile(own, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(11 * time.Second)
		}
		cancel()
		group.Wait()
		block, _ := pem.Decode([]byte(second))
		if got := plans[0].keeper.Own(); !bytes.Equal(got.Raw, block.Bytes) {
			t.Error("the renewed certificate is not in force")
		}
		if out := lines.String(); strings.Count(out, "level=WARN") != 1 || strings.Count(out, "level=INFO") != 1 || !strings.Contains(out, own) {
			t.Errorf("told:\n%s", out)
		}
	})
}
