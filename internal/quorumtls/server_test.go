package quorumtls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"electnode/internal/names"
	"electnode/internal/qcm"
)

// port is what a test's server listens on; it repeats what it hears, and errs tells how each hand-shake went.
func port(t *testing.T, n qcm.Network) (addr string, errs <-chan error) {
	t.Helper()
	ln, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	results := make(chan error, 16) // no test dials more often
	done := make(chan struct{})
	t.Cleanup(func() { ln.Close(); <-done })
	// Ends with the listener, which the end of the test closes; each connection ends by its deadline or its caller.
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			err = conn.(interface{ Handshake() error }).Handshake()
			if err == nil {
				_, _ = io.Copy(conn, conn) // the caller looks at what comes back
			}
			_ = conn.Close() // what went wrong is in err
			results <- err
		}
	}()
	return ln.Addr().String(), results
}

// nobody is an address without a name.
func nobody(context.Context, string) ([]string, error) { return nil, errors.New("no name") }

// TestServer is the table of who may call, and what is said of those who may not.
func TestServer(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	good := load(t, ca, "EC", ca, nil)
	as := func(change func(*x509.Certificate)) *Stores { return load(t, ca, "EC", ca, change) }
	named := as(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"zk1.example"} })
	false7 := as(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"zk7.example"} })
	false9 := as(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"zk9.example"} })
	ptr := func(found ...string) func(context.Context, string) ([]string, error) {
		return func(context.Context, string) ([]string, error) { return found, nil }
	}
	below := dns{names: map[string][]string{"zk1.example": {"10.0.0.1", "::ffff:127.0.0.1"}, "zk9.example": {"10.0.0.9", "10.0.0.10"}}}
	bare, err := Files{CA: file(t, "ca.pem", certPEM(ca.cert))}.Load()
	if err != nil {
		t.Fatal(err)
	}
	strange := load(t, other, "EC", ca, nil)
	for name, c := range map[string]struct {
		caller *Stores // nil: plain
		opt    ServerOptions
		want   string // of the server's error; empty: none
	}{
		"known":                  {good, ServerOptions{}, ""},
		"no certificate":         {bare, ServerOptions{}, "certificate"},
		"none wanted":            {bare, ServerOptions{ClientAuth: "want"}, ""},
		"a bad one though":       {strange, ServerOptions{ClientAuth: "want"}, "unknown authority"},
		"none asked for":         {strange, ServerOptions{ClientAuth: "none"}, ""},
		"unknown":                {strange, ServerOptions{}, "issued by CN=other"},
		"expired":                {as(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), ServerOptions{}, "expired"},
		"not for callers":        {as(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), ServerOptions{}, "key usage"},
		"wrong name":             {named, ServerOptions{}, "is for zk1.example, not for 127.0.0.1"},
		"reverse name":           {named, ServerOptions{Reverse: ptr("zk1.example.")}, ""},
		"other reverse name":     {named, ServerOptions{Reverse: ptr("zk2.example.")}, "127.0.0.1 or zk2.example"},
		"one of several":         {named, ServerOptions{Reverse: ptr("zk2.example.", "zk1.example.")}, ""},
		"false reverse name":     {false9, ServerOptions{Reverse: ptr("zk9.example.")}, "not for 127.0.0.1 (its reverse name zk9.example leads to 10.0.0.9 10.0.0.10)"},
		"unknown reverse name":   {false7, ServerOptions{Reverse: ptr("zk7.example.")}, "(where its reverse name zk7.example leads: lookup zk7.example: no such host)"},
		"no reverse name":        {named, ServerOptions{Reverse: nobody}, "not for 127.0.0.1 (the reverse name of 127.0.0.1: no name)"},
		"not to be asked for":    {named, ServerOptions{Reverse: ptr("zk1.example."), NoReverse: true}, "is for zk1.example, not for 127.0.0.1"},
		"plain":                  {nil, ServerOptions{}, "the caller does not speak TLS"},
		"plain among both kinds": {nil, ServerOptions{AcceptPlain: true}, ""},
		"TLS among both kinds":   {good, ServerOptions{AcceptPlain: true}, ""},
		"unknown, both kinds":    {strange, ServerOptions{AcceptPlain: true}, "unknown authority"},
	} {
		if c.opt.Reverse == nil {
			c.opt.Reverse = nobody
		}
		addr, errs := port(t, good.Server(below, c.opt))
		var n qcm.Network = qcm.TCP{}
		if c.caller != nil {
			n = c.caller.Client(n)
		}
		callErr := greet(t.Context(), n, addr)
		err := <-errs
		switch {
		case c.want == "" && (err != nil || callErr != nil):
			t.Errorf("%s: %v, %v", name, err, callErr)
		case c.want != "" && (err == nil || callErr == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, qcm.ErrTLS)):
			t.Errorf("%s: %v, want %q; the caller says %v", name, err, c.want, callErr)
		}
	}
}

// TestServerLookedUp: a name of the configuration that was looked up, and leads to the caller, may stand in its
// certificate. One that a stranger had this server look up may not, and however many of those there are, they push none out.
func TestServerLookedUp(t *testing.T) {
	ca := newAuthority(t, "ca")
	theirs := load(t, ca, "EC", ca, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"zk1.example"} })
	below := dns{names: map[string][]string{"zk1.example": {"127.0.0.1"}}}
	for i := range 2000 {
		below.names["a"+strconv.Itoa(i)+".evil.example"] = []string{"127.0.0.1"}
	}
	book := names.NewBook(below)
	defer book.Close()
	n := load(t, ca, "EC", ca, nil).Server(book, ServerOptions{Reverse: nobody})
	addr, errs := port(t, n)
	for _, kept := range []bool{false, true} {
		if kept {
			book.Keep([]string{"zk1.example"})
		}
		if _, err := n.Lookup(t.Context(), "zk1.example"); err != nil {
			t.Fatal(err)
		}
		for name := range below.names {
			if _, err := n.Lookup(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		callErr := greet(t.Context(), theirs.Client(qcm.TCP{}), addr)
		if err := <-errs; (err == nil && callErr == nil) != kept {
			t.Errorf("kept %t: %v, %v", kept, err, callErr)
		}
	}
}

// TestCallersNames: with clientHostnameVerification=false a caller may have any trusted certificate; a server that is
// dialled may not. Without hostnameVerification both may.
func TestCallersNames(t *testing.T) {
	ca := newAuthority(t, "ca")
	elsewhere := load(t, ca, "EC", ca, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"zk1.example"} })
	key := newKey(t, "EC")
	conf := settings(file(t, "own.pem", keyPEM(t, key), certPEM(ca.issue(key, nil))), file(t, "ca.pem", certPEM(ca.cert)))
	for _, c := range []struct{ all, callers bool }{{true, true}, {true, false}, {false, true}} {
		conf.HostnameVerification, conf.ClientHostnameVerification = c.all, c.callers
		me, err := Load(conf)
		if err != nil {
			t.Fatal(err)
		}
		addr, errs := port(t, me.Server(qcm.TCP{}, ServerOptions{Reverse: nobody}))
		callErr := greet(t.Context(), elsewhere.Client(qcm.TCP{}), addr)
		if err := <-errs; (err == nil && callErr == nil) != (!c.all || !c.callers) {
			t.Errorf("%+v: called: %v, %v", c, err, callErr)
		}
		addr, errs = port(t, elsewhere.Server(qcm.TCP{}, ServerOptions{Reverse: nobody}))
		callErr = greet(t.Context(), me.Client(qcm.TCP{}), addr)
		if <-errs; (callErr == nil) != !c.all {
			t.Errorf("%+v: dialled: %v", c, callErr)
		}
	}
}

// TestServerDials: TLS unless the others are still plain.
func TestServerDials(t *testing.T) {
	ca := newAuthority(t, "ca")
	good := load(t, ca, "EC", ca, nil)
	addr, errs := port(t, good.Server(qcm.TCP{}, ServerOptions{}))
	for plain, want := range map[bool]bool{false: true, true: false} {
		callErr := greet(t.Context(), good.Server(qcm.TCP{}, ServerOptions{DialPlain: plain}), addr)
		if err := <-errs; (err == nil) != want || (callErr == nil) != want {
			t.Errorf("plain %t: %v, %v", plain, err, callErr)
		}
	}
}

// TestServerPatience: the earlier of the two deadlines ends the wait for the first bytes, and only the owner's what
// follows; neither is a fault of TLS. Who hangs up before that is none either.
func TestServerPatience(t *testing.T) {
	ca := newAuthority(t, "ca")
	good := load(t, ca, "EC", ca, nil)
	const short, long = 50 * time.Millisecond, time.Minute
	for name, c := range map[string]struct {
		detection, owner time.Duration
		say              string
		hangUp           bool
		want             error
	}{
		"silent":           {short, long, "", false, os.ErrDeadlineExceeded},
		"half a beginning": {short, long, "\x16", false, os.ErrDeadlineExceeded},
		"impatient owner":  {long, short, "", false, os.ErrDeadlineExceeded},
		"slow hand-shake":  {long, short, "\x16\x03\x01\x02\x00\x01", false, os.ErrDeadlineExceeded},
		"leaves":           {long, long, "", true, io.EOF},
		"leaves halfway":   {long, long, "\x16\x03\x01\x02\x00\x01", true, io.ErrUnexpectedEOF},
	} {
		for _, both := range []bool{false, true} {
			ln, err := good.Server(qcm.TCP{}, ServerOptions{Detection: c.detection, AcceptPlain: both}).Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			caller, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			conn, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			err = conn.SetDeadline(time.Now().Add(c.owner))
			if _, werr := caller.Write([]byte(c.say)); err != nil || werr != nil {
				t.Fatal(err, werr)
			}
			if c.hangUp {
				caller.Close()
			}
			_, err = conn.Read(make([]byte, 1))
			if !errors.Is(err, c.want) || errors.Is(err, qcm.ErrTLS) {
				t.Errorf("%s, both kinds %t: %v", name, both, err)
			}
			if _, again := conn.Write([]byte("x")); again == nil || again.Error() != err.Error() {
				t.Errorf("%s: writing after %v gives %v", name, err, again)
			}
			for _, c := range []io.Closer{conn, caller, ln} {
				c.Close()
			}
		}
	}
}

// TestCloseHalfway: closing a connection whose hand-shake hangs ends it at once.
func TestCloseHalfway(t *testing.T) {
	ca := newAuthority(t, "ca")
	near, far := net.Pipe()
	conn := &accepted{Conn: near, server: newDual(qcm.TCP{}, load(t, ca, "EC", ca, nil).itself, ServerOptions{})}
	over := make(chan error, 1)
	// Ends when the connection is closed.
	go func() { over <- conn.Handshake() }()
	if _, err := far.Write([]byte("\x16\x03\x01\x02\x00\x01")); err != nil { // returns when all of it was read
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := <-over; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
}

// TestServerVersions: what the other side of an accepted connection may choose.
func TestServerVersions(t *testing.T) {
	ca := newAuthority(t, "ca")
	old, newer := load(t, ca, "EC", ca, nil), load(t, ca, "EC", ca, nil)
	newer.minVersion, newer.maxVersion = tls.VersionTLS13, tls.VersionTLS13
	for _, s := range []*Stores{old, newer} {
		addr, errs := port(t, s.Server(qcm.TCP{}, ServerOptions{}))
		for _, c := range []*Stores{old, newer} {
			callErr := greet(t.Context(), c.Client(qcm.TCP{}), addr)
			if err := <-errs; (err == nil && callErr == nil) != (s == c) {
				t.Errorf("%x to %x: %v, %v", c.minVersion, s.minVersion, err, callErr)
			}
		}
	}
}
