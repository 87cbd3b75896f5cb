package quorumtls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// hostile are ways to treat a port of TLS; each ends when the port closes, or with the test.
func hostile(strange *Stores) map[string]func(net.Conn) {
	return map[string]func(net.Conn){
		event.RejectSilent + " from the start": func(c net.Conn) {},
		event.RejectSilent + " halfway":        func(c net.Conn) { _, _ = c.Write([]byte("\x16\x03\x01\x02\x00\x01")) },
		event.RejectTLS + " garbage":           func(c net.Conn) { _, _ = c.Write(make([]byte, 512)) },
		event.RejectTLS + " false hand-shake":  func(c net.Conn) { _, _ = c.Write([]byte("\x16\x03\x01\x00\x04\xff\x00\x00\x00")) },
		event.RejectTLS + " untrusted": func(c net.Conn) {
			_ = tls.Client(c, &tls.Config{Certificates: strange.own, InsecureSkipVerify: true}).Handshake()
		},
		event.RejectClosed + " at once": func(c net.Conn) { c.Close() },
	}
}

// annoy treats addr in every hostile way and returns the reasons that are to be seen.
func annoy(t *testing.T, addr string, strange *Stores) map[string]int {
	t.Helper()
	want := map[string]int{}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	for name, treat := range hostile(strange) {
		var reason string
		if _, err := fmt.Sscan(name, &reason); err != nil {
			t.Fatal(err)
		}
		want[reason]++
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		// Ends when the port closes the connection, or the test does.
		wg.Go(func() {
			treat(conn)
			_, _ = io.Copy(io.Discard, conn)
		})
	}
	return want
}

// ups is a handler that waits for a link.
type ups struct{ up chan quorum.SID }

func (h ups) LinkUp(peer quorum.SID) { h.up <- peer }
func (ups) LinkDown(quorum.SID)      {}
func (ups) DialFailed(quorum.SID)    {}
func (ups) Frame(quorum.SID, []byte) {}
func events() (*event.Emitter, chan event.Event) {
	all := make(chan event.Event, 1000) // more than any test causes
	return event.NewEmitter(1, time.Now, event.SinkFunc(func(s event.Stamped) { all <- s.Event })), all
}

// rejected waits until hand-shakes were rejected for these reasons, and nothing else.
func rejected(t *testing.T, port string, all <-chan event.Event, want map[string]int) {
	t.Helper()
	late := time.After(30 * time.Second)
	for left := len(hostile(nil)); left > 0; {
		select {
		case ev := <-all:
			if r, ok := ev.(event.HandshakeRejected); ok {
				left--
				if want[r.Reason]--; want[r.Reason] < 0 || r.Port != port {
					t.Errorf("%+v", r)
				}
			}
		case <-late:
			t.Fatalf("not rejected: %v", want)
		}
	}
}

// manager runs a connection manager over n until the test ends.
func manager(t *testing.T, self quorum.SID, n qcm.Network, change func(*qcm.Options)) (m *qcm.Manager, up chan quorum.SID, all chan event.Event) {
	t.Helper()
	emitter, all := events()
	up = make(chan quorum.SID, 10)
	opt := qcm.Options{Self: self, Network: n, Handler: ups{up}, Events: emitter, Announce: []string{"127.0.0.1:1"},
		HandshakeTimeout: 3 * time.Second}
	change(&opt)
	m, err := qcm.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	// Ends with ctx, and the test waits for it.
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return m, up, all
}

// freeAddr is an address of loopback that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func member(t *testing.T, addr string) *quorum.View {
	t.Helper()
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	v, err := quorum.ParseText(fmt.Sprintf("server.1=%s:1:%s\nserver.2=%s:1:2\nversion=0", host, portText, host), quorum.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestElectionPort: among silent sockets, garbage and strangers' certificates a member gets its link, also when the
// half-open are at their bound; who is turned away is told with the reason.
func TestElectionPort(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	good, strange := load(t, ca, "EC", ca, nil), load(t, other, "EC", ca, nil)
	addr := freeAddr(t)
	server := good.Server(qcm.TCP{}, ServerOptions{Reverse: nobody})
	_, up, all := manager(t, 1, server, func(o *qcm.Options) { o.Listen = []string{addr} })
	for { // until the port is open; each try that finds it is one that is closed at once
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			break
		}
	}
	rejectedOnce(t, all, event.RejectClosed)
	want := annoy(t, addr, strange)
	m, _, _ := manager(t, 2, good.Server(qcm.TCP{}, ServerOptions{Reverse: nobody}), func(*qcm.Options) {})
	m.SetViews(member(t, addr), nil)
	m.Send(qcm.Message{Frame: []byte("x"), Sent: event.NotificationSent{Peer: 1}})
	if peer := <-up; peer != 2 {
		t.Errorf("a link with %d", peer)
	}
	rejected(t, event.PortElection, all, want)
}

// rejectedOnce waits for one rejection, for that reason.
func rejectedOnce(t *testing.T, all <-chan event.Event, reason string) {
	t.Helper()
	for ev := range all {
		if r, ok := ev.(event.HandshakeRejected); ok {
			if r.Reason != reason {
				t.Errorf("%+v, not %s", r, reason)
			}
			return
		}
	}
}

// TestHalfOpen: silent sockets beyond the bound push each other out, and a member still gets its link.
func TestHalfOpen(t *testing.T) {
	ca := newAuthority(t, "ca")
	good := load(t, ca, "EC", ca, nil)
	addr := freeAddr(t)
	_, up, all := manager(t, 1, good.Server(qcm.TCP{}, ServerOptions{}), func(o *qcm.Options) {
		o.Listen, o.MaxHalfOpen, o.HandshakeTimeout = []string{addr}, 4, time.Minute
	})
	for open := 0; open < 12; {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			continue // not listening yet
		}
		open++
		t.Cleanup(func() { conn.Close() })
	}
	for range 8 {
		rejectedOnce(t, all, event.RejectTooMany)
	}
	m, _, _ := manager(t, 2, good.Server(qcm.TCP{}, ServerOptions{}), func(*qcm.Options) {})
	m.SetViews(member(t, addr), nil)
	m.Send(qcm.Message{Frame: []byte("x"), Sent: event.NotificationSent{Peer: 1}})
	if peer := <-up; peer != 2 {
		t.Errorf("a link with %d", peer)
	}
}

// TestDialFails: a dial that fails in the hand-shake is an event that says so.
func TestDialFails(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	addr, errs := port(t, load(t, ca, "EC", ca, nil).Server(qcm.TCP{}, ServerOptions{}))
	m, _, all := manager(t, 2, load(t, other, "EC", ca, nil).Server(qcm.TCP{}, ServerOptions{}), func(*qcm.Options) {})
	m.SetViews(member(t, addr), nil)
	m.Send(qcm.Message{Frame: []byte("x"), Sent: event.NotificationSent{Peer: 1}})
	for ev := range all {
		if a, ok := ev.(event.ConnectionAttempt); ok {
			if a.Result != event.DialTLS || a.Detail == "" || a.Peer != 1 {
				t.Errorf("%+v", a)
			}
			break
		}
	}
	if err := <-errs; err == nil {
		t.Error("the other side is content")
	}
}

// TestQuorumPort: the reasons of the quorum port are the same, and so is the time for a hand-shake.
func TestQuorumPort(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	good, strange := load(t, ca, "EC", ca, nil), load(t, other, "EC", ca, nil)
	inputs := make(chan zab.Input, 100) // more than the test causes
	emitter, _ := events()
	tr := zab.NewTransport(zab.TransportOptions{Inputs: inputs, Events: emitter, HandshakeTimeout: 3 * time.Second,
		Network: good.Server(qcm.TCP{}, ServerOptions{Reverse: nobody, Detection: 500 * time.Millisecond})})
	defer tr.Close()
	bound, err := tr.Listen([]string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	want := annoy(t, bound[0].String(), strange)
	for left := len(hostile(nil)); left > 0; {
		in := <-inputs
		if in.Kind == zab.Closed {
			left--
			if want[in.Reject]--; want[in.Reject] < 0 {
				t.Errorf("%+v", in)
			}
		}
	}
	conn, err := good.Client(qcm.TCP{}).Dial(t.Context(), bound[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	packet := zab.AppendPacket(nil, zab.Packet{Type: zab.TypeFollowerInfo})
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
	for in := range inputs {
		if in.Kind == zab.Received {
			if in.Packet.Type != zab.TypeFollowerInfo {
				t.Errorf("%+v", in)
			}
			break
		}
	}
}

// TestLearnerDialFails: a learner's dial that fails in the hand-shake is told at once, not only when the learner gives up.
// One that is refused is not told: a leader's port may open a little later.
func TestLearnerDialFails(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	addr, errs := port(t, load(t, other, "EC", ca, nil).Server(qcm.TCP{}, ServerOptions{}))
	inputs := make(chan zab.Input)
	emitter, all := events()
	tr := zab.NewTransport(zab.TransportOptions{Inputs: inputs, Events: emitter, Network: load(t, ca, "EC", ca, nil).Client(qcm.TCP{}),
		IsTLS: func(err error) bool { return errors.Is(err, qcm.ErrTLS) }})
	defer tr.Close()
	for _, at := range []string{freeAddr(t), addr} {
		tr.Dial(t.Context(), 1, []string{at})
		if in := <-inputs; in.Kind != zab.DialError || in.Detail == "" {
			t.Errorf("%+v", in)
		}
	}
	if err := <-errs; err == nil {
		t.Error("the other side is content")
	}
	a, ok := (<-all).(event.ConnectionAttempt)
	if !ok || a.Result != event.DialTLS || a.Peer != 1 || a.Address != addr || !strings.Contains(a.Detail, "unknown authority") {
		t.Errorf("%+v", a)
	}
	if len(all) > 0 {
		t.Errorf("told again: %+v", <-all)
	}
}

// TestSmallerDials: a larger server hears the preamble of a smaller one inside TLS, closes, and dials back; to the
// smaller one that is a dial that went well.
func TestSmallerDials(t *testing.T) {
	ca := newAuthority(t, "ca")
	good := load(t, ca, "EC", ca, nil)
	addrs := []string{freeAddr(t), freeAddr(t)}
	var lines strings.Builder
	for i, addr := range addrs {
		host, portText, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		lines.WriteString(fmt.Sprintf("server.%d=%s:%d:%s\n", i+1, host, i+1, portText))
	}
	view, err := quorum.ParseText(lines.String()+"version=0", quorum.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	network := good.Server(qcm.TCP{}, ServerOptions{Reverse: nobody})
	_, upTwo, _ := manager(t, 2, network, func(o *qcm.Options) { o.Listen, o.Announce = addrs[1:], addrs[1:] })
	for up := false; !up; { // until its port is open
		conn, err := net.Dial("tcp", addrs[1])
		if up = err == nil; up {
			conn.Close()
		}
	}
	one, upOne, all := manager(t, 1, network, func(o *qcm.Options) { o.Listen, o.Announce = addrs[:1], addrs[:1] })
	one.SetViews(view, nil)
	one.Send(qcm.Message{Frame: []byte("x"), Sent: event.NotificationSent{Peer: 2}})
	if a, b := <-upOne, <-upTwo; a != 2 || b != 1 {
		t.Errorf("links with %d and %d", a, b)
	}
	for len(all) > 0 {
		if a, ok := (<-all).(event.ConnectionAttempt); ok && a.Result != event.DialConnected {
			t.Errorf("%+v", a)
		}
	}
}

// TestCloseEndsLookUps: who closes a port does not wait for the name service that a caller's address is asked of.
func TestCloseEndsLookUps(t *testing.T) {
	ca := newAuthority(t, "ca")
	theirs := load(t, ca, "EC", ca, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"zoo2.example"}, nil })
	for name, open := range map[string]func(n qcm.Network) (addr string, end func()){
		event.PortQuorum: func(n qcm.Network) (string, func()) {
			emitter, _ := events()
			tr := zab.NewTransport(zab.TransportOptions{Inputs: make(chan zab.Input, 10), Events: emitter, Network: n})
			bound, err := tr.Listen([]string{"127.0.0.1:0"})
			if err != nil {
				t.Fatal(err)
			}
			return bound[0].String(), tr.Close
		},
		event.PortElection: func(n qcm.Network) (string, func()) {
			emitter, _ := events()
			addr := freeAddr(t)
			m, err := qcm.New(qcm.Options{Self: 1, Network: n, Handler: ups{}, Events: emitter, Announce: []string{addr}, Listen: []string{addr}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			// Ends with ctx.
			go func() { done <- m.Run(ctx) }()
			return addr, func() { cancel(); <-done }
		},
	} {
		asked, ended := make(chan bool, 1), make(chan error, 1)
		addr, end := open(load(t, ca, "EC", ca, nil).Server(qcm.TCP{}, ServerOptions{Reverse: func(ctx context.Context, _ string) ([]string, error) {
			asked <- true
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		}}))
		called := make(chan error, 1)
		// Ends when the port closes.
		go func() {
			for {
				conn, err := theirs.Client(qcm.TCP{}).Dial(t.Context(), addr)
				if err == nil { // the caller may be content before the other side is
					conn.Close()
				}
				if !errors.Is(err, syscall.ECONNREFUSED) { // not listening yet
					called <- err
					return
				}
			}
		}()
		<-asked
		end()
		<-called
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the look-up ended by %v", name, err)
		}
	}
}

// TestDialledByName: a member whose server line has a name must show a certificate for that name, on both ports.
func TestDialledByName(t *testing.T) {
	ca := newAuthority(t, "ca")
	below := dns{names: map[string][]string{"zoo1.example": {"127.0.0.1"}}}
	me := load(t, ca, "EC", ca, nil).Server(below, ServerOptions{Reverse: nobody})
	for name, want := range map[string]bool{"zoo1.example": true, "zoo2.example": false} {
		addr, errs := port(t, load(t, ca, "EC", ca, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{name} }).
			Server(qcm.TCP{}, ServerOptions{Reverse: nobody}))
		_, portText, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		at := net.JoinHostPort("zoo1.example", portText)
		emitter, _ := events()
		inputs := make(chan zab.Input)
		tr := zab.NewTransport(zab.TransportOptions{Inputs: inputs, Events: emitter, Network: me})
		tr.Dial(t.Context(), 1, []string{at})
		if in := <-inputs; (in.Kind == zab.Opened) != want {
			t.Errorf("quorum port, %s: %+v", name, in)
		}
		tr.Close()
		<-errs
		m, up, all := manager(t, 9, me, func(*qcm.Options) {})
		m.SetViews(member(t, at), nil)
		m.Send(qcm.Message{Frame: []byte("x"), Sent: event.NotificationSent{Peer: 1}})
		if want {
			<-up
			continue
		}
		for ev := range all {
			if a, ok := ev.(event.ConnectionAttempt); ok {
				if a.Result != event.DialTLS || !strings.Contains(a.Detail, "is for zoo2.example, not for 127.0.0.1 or zoo1.example") {
					t.Errorf("%+v", a)
				}
				break
			}
		}
	}
}

// TestRefusedAfterwards: with TLS 1.3 a server refuses a caller's certificate when the caller takes the hand-shake for done.
// That is told as a failure of TLS all the same: of the dial where a preamble was left behind, of the link else.
func TestRefusedAfterwards(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	theirs, mine := load(t, ca, "EC", ca, nil), load(t, other, "EC", ca, nil)
	theirs.maxVersion, mine.maxVersion = tls.VersionTLS13, tls.VersionTLS13
	for _, self := range []quorum.SID{0, 9} { // below and above the other's
		addr, _ := port(t, theirs.Server(qcm.TCP{}, ServerOptions{Reverse: nobody}))
		m, _, all := manager(t, self, mine.Server(qcm.TCP{}, ServerOptions{Reverse: nobody}), func(*qcm.Options) {})
		m.SetViews(member(t, addr), nil)
		m.Send(qcm.Message{Frame: []byte("x"), Sent: event.NotificationSent{Peer: 1}})
		for told := ""; told == ""; {
			switch ev := (<-all).(type) {
			case event.ConnectionAttempt:
				if told = ev.Result; self == 9 && told == event.DialConnected {
					told = "" // the link's end is what counts
				}
			case event.ConnectionDown:
				told = ev.Reason
			}
			if told != "" && told != event.DialTLS && told != event.DropTLS {
				t.Errorf("%d: %s", self, told)
			}
		}
	}
}
