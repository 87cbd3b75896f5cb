package identity

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/names"
	"electnode/internal/quorum"
)

func sid(n int) quorum.SID { return quorum.SID(n) }

// caller is a connection of which only what a guard looks at is there.
type caller struct {
	net.Conn
	from string
	cert *x509.Certificate // nil: none was shown
}

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

func (c caller) RemoteAddr() net.Addr { return addr(c.from) }
func (c caller) ConnectionState() tls.ConnectionState {
	if c.cert == nil {
		return tls.ConnectionState{}
	}
	return tls.ConnectionState{PeerCertificates: []*x509.Certificate{c.cert}}
}

// resolver answers as it is told; a name that it does not know hangs until nobody waits any more.
type resolver struct {
	mu      sync.Mutex
	answers map[string]any // []string or error
	think   time.Duration
	asked   int
}

func (r *resolver) Lookup(ctx context.Context, host string) ([]string, error) {
	r.mu.Lock()
	r.asked++
	a := r.answers[host]
	r.mu.Unlock()
	if r.think > 0 {
		select {
		case <-time.After(r.think):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	switch a := a.(type) {
	case []string:
		return a, nil
	case error:
		return nil, a
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (r *resolver) Dial(context.Context, string) (net.Conn, error) {
	return nil, errors.New("no network")
}
func (r *resolver) Listen(string) (net.Listener, error) { return nil, errors.New("no network") }

func (r *resolver) says(host string, answer any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[host] = answer
}

// view makes members from server lines without ports.
func view(t *testing.T, version quorum.Version, hosts map[int][]string) *quorum.View {
	t.Helper()
	spec := quorum.Spec{Version: version}
	for n, all := range hosts {
		m := quorum.Member{SID: sid(n)}
		for _, h := range all {
			m.Addresses = append(m.Addresses, quorum.Address{Host: h, QuorumPort: 2888, ElectionPort: 3888})
		}
		spec.Members = append(spec.Members, m)
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestAddresses is the table of where server 2 may come from. Look-ups that hang have 5 s.
func TestAddresses(t *testing.T) {
	hosts := []string{"zoo2", "10.0.0.2", "gone", "fe80::2", "slow"}
	next := []string{"zoo2", "fd00::2", "fe80::3%7"}
	for name, c := range map[string]struct {
		from string
		sid  int
		want []string // parts of what is said; nil: it may
		took time.Duration
	}{
		"a literal":                {"10.0.0.2:40000", 2, nil, 0},
		"IPv4 in IPv6":             {"[::ffff:10.0.0.2]:40000", 2, nil, 0},
		"of a name":                {"10.0.1.2:40000", 2, nil, 0},
		"of a name, in IPv6":       {"[::ffff:10.0.1.2]:40000", 2, nil, 0},
		"of a name, second":        {"[fd01::2]:40000", 2, nil, 0},
		"of the proposed view":     {"[fd00::2]:40000", 2, nil, 0},
		"a link's":                 {"[fe80::2%eth0]:40000", 2, nil, 0},
		"a link's, the zone given": {"[fe80::3%7]:40000", 2, nil, 0},
		"of another link":          {"[fe80::3%8]:40000", 2, []string{"fe80::3%8 is none of its addresses"}, 5 * time.Second},
		"somebody else's": {"10.0.0.9:40000", 2, []string{"10.0.0.9:40000 as server 2: 10.0.0.9 is none of its addresses: 10.0.0.2, ",
			"zoo2 (10.0.1.2 fd01::2)", "gone (no such host)", "slow (context deadline exceeded)"}, 5 * time.Second},
		"another member's": {"10.0.1.2:40000", 1, []string{"10.0.1.2 is none of its addresses: 10.0.0.1"}, 0},
		"a stranger":       {"10.0.0.9:40000", 77, nil, 0},
		"no address":       {"pipe", 2, []string{"it has no IP address"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &resolver{answers: map[string]any{"zoo2": []string{"10.0.1.2", "fd01::2"}, "gone": errors.New("no such host")}}
				g := New(Options{Addresses: true, Resolver: r})
				g.SetViews(view(t, 1, map[int][]string{1: {"10.0.0.1"}, 2: hosts}), view(t, 2, map[int][]string{2: next}))
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				begun := time.Now()
				err := g.Admit(ctx, caller{from: c.from}, sid(c.sid))
				if (err == nil) != (c.want == nil) || time.Since(begun) != c.took {
					t.Errorf("%v after %s", err, time.Since(begun))
				}
				for _, want := range c.want {
					if err != nil && !strings.Contains(err.Error(), want) {
						t.Errorf("%v, want %q", err, want)
					}
				}
			})
		})
	}
}

// TestKeptAnswers: in front of a guard stands a book of names. A name that cannot be looked up stands for where it led
// last, and for nothing if it never led anywhere; an answer that came replaces the one before.
func TestKeptAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &resolver{answers: map[string]any{"zoo2": errors.New("no resolver")}}
		book := names.NewBook(r)
		defer book.Close()
		book.Keep([]string{"zoo2"})
		g := New(Options{Addresses: true, Resolver: book})
		g.SetViews(view(t, 1, map[int][]string{2: {"zoo2"}}), nil)
		ask := func(step, from string, want bool) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			begun := time.Now()
			if err := g.Admit(ctx, caller{from: from}, 2); (err == nil) != want || time.Since(begun) > 100*time.Millisecond {
				t.Errorf("%s: %v after %s", step, err, time.Since(begun))
			}
			synctest.Wait()
		}
		ask("never an answer", "10.0.0.2:1", false)
		r.says("zoo2", []string{})
		ask("an empty answer", "10.0.0.2:1", false)
		r.says("zoo2", []string{"10.0.0.2"})
		ask("an answer", "10.0.0.2:1", true)
		r.says("zoo2", errors.New("no resolver"))
		ask("kept", "10.0.0.2:1", true)
		ask("kept, and somebody else", "10.0.0.9:1", false)
		r.says("zoo2", []string{"10.0.0.9"})
		ask("moved away", "10.0.0.2:1", false)
		ask("moved", "10.0.0.9:1", true)
		r.says("zoo2", nil)
		ask("kept, and no answer comes", "10.0.0.9:1", true)
	})
}

// TestMovedWhileSlow: a server that has moved is let in as soon as a slow name service says so, and the older answer does
// for as long as it fits.
func TestMovedWhileSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow = 300 * time.Millisecond
		r := &resolver{answers: map[string]any{"zoo2": []string{"10.0.0.2"}}, think: slow}
		book := names.NewBook(r)
		defer book.Close()
		book.Keep([]string{"zoo2"})
		g := New(Options{Addresses: true, Resolver: book})
		g.SetViews(view(t, 1, map[int][]string{2: {"zoo2"}}), nil)
		for _, step := range []struct {
			name, leads, from string
			want              bool
			most              time.Duration
		}{
			{"at first", "10.0.0.2", "10.0.0.2:1", true, slow},
			{"the older answer fits", "10.0.0.2", "10.0.0.2:1", true, 50 * time.Millisecond},
			{"moved", "10.0.0.9", "10.0.0.9:1", true, slow},
			{"somebody else", "10.0.0.9", "10.0.0.8:1", false, slow},
		} {
			r.says("zoo2", []string{step.leads})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			begun := time.Now()
			if err := g.Admit(ctx, caller{from: step.from}, 2); (err == nil) != step.want || time.Since(begun) > step.most {
				t.Errorf("%s: %v after %s", step.name, err, time.Since(begun))
			}
			cancel()
			time.Sleep(time.Second) // the look-up under way is over
		}
		r.says("zoo2", nil)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begun := time.Now()
		err := g.Admit(ctx, caller{from: "10.0.0.8:1"}, 2)
		if err == nil || time.Since(begun) != 5*time.Second || !strings.Contains(err.Error(), "zoo2 (10.0.0.9; ") {
			t.Errorf("no answer comes: %v after %s", err, time.Since(begun))
		}
	})
}

// TestAdmit: both questions are asked of a member, the certificate's first; a certificate stands in what is said of an
// address. A literal needs no look-up.
func TestAdmit(t *testing.T) {
	r := &resolver{answers: map[string]any{}}
	g := New(Options{Names: Names{1: {"zoo1.example"}, 2: {"zoo2.example"}}, Addresses: true, Resolver: r})
	g.SetViews(view(t, 1, map[int][]string{1: {"10.0.0.1"}, 2: {"10.0.0.2"}}), nil)
	one := certificate(t, "one", dns("zoo1.example"))
	for name, c := range map[string]struct {
		from string
		cert *x509.Certificate
		sid  int
		want string
	}{
		"the real one": {"10.0.0.1:1", one, 1, ""},
		"another name": {"10.0.0.2:1", one, 2, "10.0.0.2:1 as server 2: the certificate of CN=one, issued by CN=one, has zoo1.example, a name of server 1"},
		"elsewhere": {"10.0.0.2:1", one, 1, "10.0.0.2:1 as server 1: 10.0.0.2 is none of its addresses: 10.0.0.1; it holds the " +
			"certificate of CN=one, issued by CN=one"},
		"a stranger": {"10.0.0.7:1", one, 77, ""},
	} {
		err := g.Admit(t.Context(), caller{from: c.from, cert: c.cert}, sid(c.sid))
		if got := fmt.Sprint(err); err == nil != (c.want == "") || err != nil && got != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	plain, other := net.Pipe()
	defer plain.Close()
	defer other.Close()
	if err := g.Admit(t.Context(), plain, 1); err == nil || err.Error() != "pipe as server 1: no certificate was shown" {
		t.Errorf("a connection without TLS: %v", err)
	}
	if r.asked != 0 {
		t.Errorf("%d look-ups of literals", r.asked)
	}
}
