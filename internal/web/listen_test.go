package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// secret is a password as a configuration has it, and as its owner types it.
const (
	typed  = "open sesame"
	secret = "$2a$04$aEYhrllK651aJLgd8eJ0ku6APm.ErKIVIWMxguz6Wme7hiAoYOYIa"
)

// certificate writes a certificate for 127.0.0.1 and its key into dir, and gives who trusts it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "electnode"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, &tmpl, &tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	return pool
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// listen serves h on n free addresses of loopback until the test ends.
func listen(t *testing.T, n int, configFile string, h http.Handler) *Server {
	t.Helper()
	opt := ListenOptions{ConfigFile: configFile, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for range n {
		opt.Addrs = append(opt.Addrs, "127.0.0.1:0")
	}
	s, err := Listen(opt, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// client is an HTTP client that trusts pool and leaves no connection behind.
func client(t *testing.T, pool *x509.CertPool) *http.Client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

// askAs is the status and the protocol of a GET as somebody.
func askAs(t *testing.T, c *http.Client, url, user, password string) (code int, proto string, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Proto, nil
}

// TestTLSAndBasicAuth asks two addresses that are served with both, with the password and without, and in clear.
func TestTLSAndBasicAuth(t *testing.T) {
	dir := t.TempDir()
	pool := certificate(t, dir)
	file := write(t, filepath.Join(dir, "web.yml"), "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"+
		"basic_auth_users:\n  alice: "+secret+"\n")
	s := listen(t, 2, file, Handler(Site{Node: still{status: follower(t)}}))
	c := client(t, pool)
	for _, addr := range s.Addrs() {
		for _, who := range []struct {
			user, password string
			code           int
		}{
			{"alice", typed, 200}, {"alice", "open barley", 401}, {"bob", typed, 401}, {"", "", 401}, {"alice", typed, 200},
		} {
			code, proto, err := askAs(t, c, "https://"+addr+"/healthz", who.user, who.password)
			if err != nil || code != who.code || proto != "HTTP/2.0" {
				t.Errorf("%s as %q with %q: %d over %s, %v, want %d", addr, who.user, who.password, code, proto, err, who.code)
			}
		}
		if _, _, err := askAs(t, client(t, nil), "https://"+addr+"/healthz", "alice", typed); err == nil {
			t.Errorf("%s has a certificate that anybody trusts", addr)
		}
		if code, _, err := askAs(t, c, "http://"+addr+"/healthz", "alice", typed); err == nil && code == 200 {
			t.Errorf("%s answers in clear", addr)
		}
	}
}

// TestBasicAuthAlone asks an address with passwords and without TLS; then the password changes in the file.
func TestBasicAuthAlone(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "web.yml"), "basic_auth_users:\n  alice: "+secret+"\n")
	url := "http://" + listen(t, 1, file, Handler(Site{Node: still{}})).Addrs()[0] + "/healthz"
	c := client(t, nil)
	want := func(user string, want int) {
		t.Helper()
		if code, _, err := askAs(t, c, url, user, typed); err != nil || code != want {
			t.Errorf("as %q: %d, %v, want %d", user, code, err, want)
		}
	}
	want("alice", 200)
	want("", 401)
	write(t, file, "basic_auth_users:\n  carol: "+secret+"\n")
	want("alice", 401)
	want("carol", 200)
}

// TestBadConfigFile: one line that names the file and what is wrong, and nothing is bound.
func TestBadConfigFile(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir)
	other := t.TempDir()
	certificate(t, other)
	for _, c := range []struct{ name, text, says string }{
		{"no YAML", "tls_server_config: [", "yaml"},
		{"unknown key", "tls_server_config:\n  cert_fil: cert.pem\n", "line 2: field cert_fil not found"},
		{"two unknown keys", "tls: 1\nbasic: 2\n", "line 2: field basic not found"},
		{"key missing", "tls_server_config:\n  cert_file: cert.pem\n", "missing one of key or key_file"},
		{"no such certificate", "tls_server_config:\n  cert_file: none.pem\n  key_file: key.pem\n", "none.pem"},
		{"key of another", "tls_server_config:\n  cert_file: cert.pem\n  key_file: " + other + "/key.pem\n", "does not match"},
		{"password in clear", "basic_auth_users:\n  alice: " + typed + "\n", "hashedSecret too short"},
		{"unknown client auth", "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  client_auth_type: Maybe\n", "Maybe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, write(t, filepath.Join(dir, "web.yml"), c.text), c.says)
		})
	}
	t.Run("no file", func(t *testing.T) { refused(t, filepath.Join(dir, "nowhere.yml"), "no such file") })
	t.Run("a directory", func(t *testing.T) { refused(t, dir, "is a directory") })
	if err := CheckConfigFile(""); err != nil {
		t.Errorf("no file at all: %v", err)
	}
}

func refused(t *testing.T, file, says string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	defer free.Close()
	_, err = Listen(ListenOptions{Addrs: []string{addr}, ConfigFile: file}, http.NotFoundHandler())
	// The address is taken: an error about that would mean that the file was not looked at first.
	if !errors.Is(err, ErrConfigFile) || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), says) ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("%q, want one line with %s and %q", err, file, says)
	}
}

// TestCloseEndsStreams closes a server while a stream and a client that says nothing are there: the stream's
// handler is told at once.
func TestCloseEndsStreams(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	s := listen(t, 1, "", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "data: 1\n\n") // the client waits for it
		_ = http.NewResponseController(w).Flush()
		close(begun)
		<-r.Context().Done()
		close(ended)
	}))
	mute, err := net.Dial("tcp", s.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	resp, err := client(t, nil).Get("http://" + s.Addrs()[0] + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-begun
	at := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-ended
	if took := time.Since(at); took > 2*closeTime {
		t.Errorf("closed after %s", took)
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Errorf("the stream broke off: %v", err)
	}
}

// TestCloseIsBounded closes a server whose handler does not care.
func TestCloseIsBounded(t *testing.T) {
	begun, hold := make(chan struct{}), make(chan struct{})
	s := listen(t, 1, "", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(begun)
		<-hold
	}))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addrs()[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	c, answered := client(t, nil), make(chan error)
	// Owned by the test: ends when the server breaks the connection.
	go func() {
		resp, err := c.Do(req)
		if err == nil {
			err = resp.Body.Close()
		}
		answered <- err
	}()
	<-begun
	at := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(at); took < closeTime/2 || took > 4*closeTime {
		t.Errorf("closed after %s, want about %s", took, closeTime)
	}
	if err := <-answered; err == nil {
		t.Error("the request was answered")
	}
	close(hold)
}

// TestNeverTheDefaultMux: what imported packages put into net/http's default mux is not served.
func TestNeverTheDefaultMux(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "web.yml"), "basic_auth_users: {}\n")
	for _, configFile := range []string{"", file} {
		s := listen(t, 1, configFile, nil)
		if code, _, err := askAs(t, client(t, nil), "http://"+s.Addrs()[0]+"/debug/pprof/", "", ""); code != 404 {
			t.Errorf("with configuration %q: %d, %v", configFile, code, err)
		}
	}
	if code, body := get(t, Handler(Site{Node: still{}}), "/debug/pprof/"); code != 404 {
		t.Errorf("the site has profiles by itself: %d %s", code, body)
	}
}

func TestProfiles(t *testing.T) {
	for path, says := range map[string]string{
		"/debug/pprof/":                  "goroutine",
		"/debug/pprof/goroutine?debug=1": "goroutine profile: total",
		"/debug/pprof/heap?debug=1":      "heap profile",
		"/debug/pprof/cmdline":           os.Args[0],
		"/debug/pprof/symbol":            "num_symbols: 1",
	} {
		if code, body := get(t, Profiles(), path); code != 200 || !strings.Contains(body, says) {
			t.Errorf("%s: %d, no %q in %.200q", path, code, says, body)
		}
	}
	if code, _ := get(t, Profiles(), "/debug/pprof/nothing"); code != 404 {
		t.Errorf("a profile that there is not: %d", code)
	}
}

// TestErrorLog: a handler that panics is an error of ours; a stranger who speaks no TLS is not.
func TestErrorLog(t *testing.T) {
	dir := t.TempDir()
	pool := certificate(t, dir)
	file := write(t, filepath.Join(dir, "web.yml"), "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n")
	lines := make(chan string, 64)
	opt := ListenOptions{Addrs: []string{"127.0.0.1:0"}, ConfigFile: file, Log: slog.New(levels{lines})}
	s, err := Listen(opt, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }))
	if err != nil {
		t.Fatal(err)
	}
	url := "://" + s.Addrs()[0]
	_, _, _ = askAs(t, client(t, pool), "http"+url, "", "") // any answer will do
	if _, _, err := askAs(t, client(t, pool), "https"+url, "", ""); err == nil {
		t.Error("a panic was answered")
	}
	count := map[string]int{}
	for count["DEBUG"] == 0 || count["ERROR"] == 0 {
		select {
		case level := <-lines:
			count[level]++
		case <-time.After(10 * time.Second):
			t.Fatalf("logged by level: %v", count)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for more := true; more; {
		select {
		case level := <-lines:
			count[level]++
		default:
			more = false
		}
	}
	if count["ERROR"] != 1 || count["WARN"] != 0 {
		t.Errorf("logged by level: %v", count)
	}
}

// levels is a log handler that tells the levels of what was logged.
type levels struct{ to chan<- string }

func (levels) Enabled(context.Context, slog.Level) bool { return true }
func (l levels) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l levels) WithGroup(string) slog.Handler          { return l }
func (l levels) Handle(_ context.Context, r slog.Record) error {
	l.to <- r.Level.String()
	return nil
}

// TestAge: a connection is kept while it is young, over TLS too, and its last answer is whole. An address may have a new owner:
// who comes back to a name must look it up again some day.
func TestAge(t *testing.T) {
	dir := t.TempDir()
	pool := certificate(t, dir)
	secured := write(t, filepath.Join(dir, "web.yml"), "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n")
	for _, tt := range []struct {
		name, config, scheme string
		age                  time.Duration
		kept                 bool
	}{
		{"young", "", "http://", time.Hour, true},
		{"old", "", "http://", time.Nanosecond, false},
		{"young, TLS", secured, "https://", time.Hour, true},
		{"old, TLS", secured, "https://", time.Nanosecond, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Listen(ListenOptions{Addrs: []string{"127.0.0.1:0"}, ConfigFile: tt.config, age: tt.age},
				http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "whole") }))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
			defer transport.CloseIdleConnections()
			ask := func() (reused bool) {
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, tt.scheme+s.Addrs()[0], nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := transport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if body, err := io.ReadAll(resp.Body); string(body) != "whole" || err != nil {
					t.Errorf("%q, %v", body, err)
				}
				return reused
			}
			ask()
			if kept := ask(); kept != tt.kept {
				t.Errorf("the connection was kept: %t", kept)
			}
		})
	}
}
