package quorumtls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"electnode/internal/names"
	"electnode/internal/qcm"
)

// server is a port of loopback that answers every connection in one way.
type server struct {
	addr string
}

// newServer answers with TLS, wants a certificate of an authority in trusted, and repeats what it hears.
func newServer(t *testing.T, own []tls.Certificate, trusted *x509.CertPool, change func(*tls.Config)) server {
	t.Helper()
	conf := &tls.Config{Certificates: own, ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert, MaxVersion: tls.VersionTLS12}
	if change != nil {
		change(conf)
	}
	return newPlain(t, func(c net.Conn) {
		secure := tls.Server(c, conf)
		if _, err := io.Copy(secure, secure); err == nil {
			_ = secure.CloseWrite() // what the client thinks of it is what the test looks at
		}
	})
}

// newPlain answers as answer does, which must end with its connection.
func newPlain(t *testing.T, answer func(net.Conn)) server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	// Ends with the listener, which the end of the test closes.
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			// Ends with the connection.
			wg.Go(func() {
				defer c.Close()
				answer(c)
			})
		}
	})
	return server{ln.Addr().String()}
}

// meet dials and says something that must come back.
func meet(t *testing.T, s *Stores, to server) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return greet(ctx, s.Client(qcm.TCP{}), to.addr)
}

func greet(ctx context.Context, n qcm.Network, addr string) error {
	conn, err := n.Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		return err
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "hello" {
		return errors.Join(errors.New("no echo"), err)
	}
	return nil
}

// load makes stores of PEM files: a key of the kind given and its certificate, and whom to trust.
func load(t testing.TB, by *authority, kind string, trust *authority, change func(*x509.Certificate)) *Stores {
	t.Helper()
	key := newKey(t, kind)
	s, err := Load(settings(file(t, "own.pem", keyPEM(t, key), certPEM(by.issue(key, change))), file(t, "ca.pem", certPEM(trust.cert))))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHandshake is the table of who meets whom, and what is said when they do not get on.
func TestHandshake(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	good := load(t, ca, "EC", ca, nil)
	serve := func(by *authority, change func(*x509.Certificate)) server {
		s := load(t, by, "RSA", ca, change)
		return newServer(t, s.own, s.trusted, nil)
	}
	for name, c := range map[string]struct {
		client *Stores
		server server
		want   string // of the error; empty: none
	}{
		"both known":  {good, serve(ca, nil), ""},
		"RSA client":  {load(t, ca, "RSA", ca, nil), serve(ca, nil), ""},
		"common name": {good, serve(ca, func(c *x509.Certificate) { c.IPAddresses = nil; c.Subject.CommonName = "127.0.0.1" }), ""},
		"wrong name": {good, serve(ca, func(c *x509.Certificate) { c.IPAddresses = nil; c.DNSNames = []string{"zk9.example"} }),
			"is for zk9.example, not for 127.0.0.1"},
		"common name beside others": {good, serve(ca, func(c *x509.Certificate) {
			c.IPAddresses, c.DNSNames, c.Subject.CommonName = nil, []string{"zk9.example"}, "127.0.0.1"
		}), "not for 127.0.0.1"},
		"expired": {good, serve(ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "expired"},
		"unknown": {good, serve(other, nil), "unknown authority"},
		"refused": {load(t, other, "EC", ca, nil), serve(ca, nil), "the server refuses"},
		"plain text": {good, newPlain(t, func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_, _ = io.Copy(io.Discard, c)
		}),
			"does not speak TLS"},
		"closes": {good, newPlain(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }), "closed the connection"},
	} {
		err := meet(t, c.client, c.server)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, qcm.ErrTLS)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestSilent: a port that says nothing costs the time of the context and no more, and that is no fault of TLS.
func TestSilent(t *testing.T) {
	ca := newAuthority(t, "ca")
	silent := newPlain(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := greet(ctx, load(t, ca, "EC", ca, nil).Client(qcm.TCP{}), silent.addr)
	if err == nil || errors.Is(err, qcm.ErrTLS) || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// dns is a network with a name service.
type dns struct {
	qcm.TCP
	names map[string][]string
}

func (n dns) Lookup(_ context.Context, host string) ([]string, error) {
	ips, ok := n.names[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return ips, nil
}

// TestNames: the certificate may say the name that is dialled. Another that leads there counts only if the configuration
// has it, and only for who dials a bare address; what else was looked up, for whomever, does not.
func TestNames(t *testing.T) {
	ca := newAuthority(t, "ca")
	s := load(t, ca, "EC", ca, nil)
	theirs := load(t, ca, "EC", ca, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"zk1.example"} })
	to := newServer(t, theirs.own, theirs.trusted, nil)
	below := dns{names: map[string][]string{"zk1.example": {"127.0.0.1"}, "zk2.example": {"127.0.0.1"}}}
	book := names.NewBook(below)
	defer book.Close()
	n := s.Client(book)
	if Plain(n) != qcm.Network(book) || Plain(book) != qcm.Network(book) {
		t.Error("Plain gives something else than what is below")
	}
	for _, step := range []struct {
		keep []string
		dial string
		ok   bool
	}{
		{nil, "", false}, {nil, "127.0.0.1", false}, {nil, "zk2.example", false}, {nil, "zk1.example", true},
		{[]string{"zk1.example"}, "", true}, {[]string{"zk1.example"}, "127.0.0.1", true},
		{[]string{"zk1.example", "zk2.example"}, "zk2.example", false}, {[]string{"zk2.example"}, "", false},
	} {
		book.Keep(step.keep)
		for name := range below.names {
			if _, err := n.Lookup(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		ctx := t.Context()
		if step.dial != "" {
			ctx = names.For(ctx, step.dial)
		}
		if err := greet(ctx, n, to.addr); (err == nil) != step.ok {
			t.Errorf("%+v: %v", step, err)
		}
	}
	trust := file(t, "ca.pem", certPEM(ca.cert))
	key := newKey(t, "EC")
	own := file(t, "own.pem", keyPEM(t, key), certPEM(ca.issue(key, nil)))
	for _, f := range []struct {
		files Files
		ok    bool
	}{{Files{Cert: own, CA: trust}, false}, {Files{Cert: own, CA: trust, InsecureName: true}, true},
		{Files{Cert: own, CA: trust, ServerName: "zk1.example"}, true}, {Files{Cert: own, CA: trust, ServerName: "zk2.example"}, false},
		{Files{CA: trust, InsecureName: true}, false}} {
		s, err := f.files.Load()
		if err != nil {
			t.Fatal(err)
		}
		if err := meet(t, s, to); (err == nil) != f.ok {
			t.Errorf("%+v: %v", f.files, err)
		}
	}
}

// TestRefusedLater: with TLS 1.3 the refusal comes with the first answer.
func TestRefusedLater(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	theirs := load(t, ca, "EC", ca, nil)
	to := newServer(t, theirs.own, theirs.trusted, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS13 })
	mine := load(t, other, "EC", ca, nil)
	mine.maxVersion = tls.VersionTLS13
	if err := meet(t, mine, to); err == nil || !Refused(err) {
		t.Errorf("%v", err)
	}
}
