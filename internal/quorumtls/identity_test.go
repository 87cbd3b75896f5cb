package quorumtls

import (
	"crypto/x509"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/identity"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// forServer makes a certificate for zooN.example, which holds for the loopback address too.
func forServer(n int) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.DNSNames = []string{"zoo" + strconv.Itoa(n) + ".example"} }
}

// binding is a guard that knows servers 1 to 3 by these names.
func binding() *identity.Guard {
	return identity.New(identity.Options{Names: identity.Names{1: {"zoo1.example"}, 2: {"zoo2.example"}, 3: {"zoo3.example"}}})
}

// told is what must be said of server 3 that speaks as server 2.
const told = " as server 2: the certificate of CN=server, issued by CN=ca, has zoo3.example, a name of server 3"

// preamble says on a connection of n to addr that it comes from sid, and waits for its end.
func preamble(t *testing.T, n qcm.Network, addr string, sid quorum.SID) {
	t.Helper()
	hello, err := qcm.AppendPreamble(nil, qcm.Preamble{Form: qcm.FormV1, SID: sid, Addresses: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := n.Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(hello); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("%d bytes, %v: it was let in", n, err)
	}
}

// TestIdentityElectionPort: a caller with the certificate of server 3 may speak as server 3, and not as 2; 2 may. And
// where 3 answers instead of 2 nobody is.
func TestIdentityElectionPort(t *testing.T) {
	ca := newAuthority(t, "ca")
	network := func(n int) qcm.Network {
		return load(t, ca, "EC", ca, forServer(n)).Server(qcm.TCP{}, ServerOptions{Reverse: nobody})
	}
	two, three := network(2), network(3)
	addr := freeAddr(t)
	_, up, all := manager(t, 1, network(1), func(o *qcm.Options) { o.Listen, o.Guard = []string{addr}, binding() })
	for open := false; !open; { // until the port is open
		conn, err := net.Dial("tcp", addr)
		if open = err == nil; open {
			conn.Close()
		}
	}
	rejectedOnce(t, all, event.RejectClosed)
	preamble(t, three, addr, 2)
	for ev := range all {
		if r, ok := ev.(event.HandshakeRejected); ok {
			if r.Reason != event.RejectIdentity || r.Detail != r.Remote+told {
				t.Errorf("%+v", r)
			}
			break
		}
	}
	for sid, n := range map[quorum.SID]qcm.Network{2: two, 3: three, 77: three} {
		caller, _, _ := manager(t, sid, n, func(*qcm.Options) {})
		caller.SetViews(member(t, addr), nil)
		caller.Send(qcm.Message{Frame: []byte("x"), Sent: event.NotificationSent{Peer: 1}})
		if peer := <-up; peer != sid {
			t.Errorf("a link with %d, not with %d", peer, sid)
		}
	}

	false2, errs := port(t, three)
	m, _, all := manager(t, 9, network(1), func(o *qcm.Options) { o.Guard = binding() })
	host, portText, err := net.SplitHostPort(false2)
	if err != nil {
		t.Fatal(err)
	}
	view, err := quorum.ParseText("server.2="+host+":1:"+portText+"\nversion=0", quorum.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m.SetViews(view, nil)
	m.Send(qcm.Message{Frame: []byte("x"), Sent: event.NotificationSent{Peer: 2}})
	for ev := range all {
		if a, ok := ev.(event.ConnectionAttempt); ok {
			if a.Result != event.DialIdentity || a.Peer != 2 || a.Address != false2 || a.Detail != false2+told {
				t.Errorf("%+v", a)
			}
			break
		}
	}
	<-errs
}

// TestIdentityQuorumPort: the same for learners and for leaders.
func TestIdentityQuorumPort(t *testing.T) {
	ca := newAuthority(t, "ca")
	inputs := make(chan zab.Input, 100) // more than the test causes
	emitter, all := events()
	stores := func(n int) *Stores { return load(t, ca, "EC", ca, forServer(n)) }
	tr := zab.NewTransport(zab.TransportOptions{Inputs: inputs, Events: emitter, Guard: binding(),
		Network: stores(1).Server(qcm.TCP{}, ServerOptions{Reverse: nobody})})
	defer tr.Close()
	bound, err := tr.Listen([]string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	info := zab.AppendPacket(nil, zab.Packet{Type: zab.TypeFollowerInfo,
		Data: zab.AppendLearnerInfo(nil, zab.LearnerInfo{SID: 2, ProtocolVersion: 0x10000})})
	for n, want := range map[int]string{2: "", 3: event.RejectIdentity} {
		conn, err := stores(n).Client(qcm.TCP{}).Dial(t.Context(), bound[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write(info); err != nil {
			t.Fatal(err)
		}
		in := <-inputs
		for in.Kind == zab.Opened {
			in = <-inputs
		}
		if (in.Kind == zab.Received) != (want == "") || in.Reject != want || want != "" && in.Detail != in.Remote+told {
			t.Errorf("server %d as 2: %+v", n, in)
		}
		conn.Close()
		if want == "" {
			<-inputs // Closed
		}
	}
	for n, want := range map[int]zab.InputKind{2: zab.Opened, 3: zab.DialError} {
		addr, errs := port(t, stores(n).Server(qcm.TCP{}, ServerOptions{Reverse: nobody}))
		tr.Dial(t.Context(), 2, []string{addr})
		in := <-inputs
		if in.Kind != want || want == zab.DialError && in.Detail != addr+told {
			t.Errorf("server %d as the leader 2: %+v", n, in)
		}
		if want == zab.DialError {
			if a, ok := (<-all).(event.ConnectionAttempt); !ok || a.Result != event.DialIdentity || a.Peer != 2 || a.Address != addr {
				t.Errorf("%+v", a)
			}
			<-errs
			continue
		}
		tr.CloseConn(in.Conn)
		<-inputs // Closed
		<-errs
	}
}

// TestRenewedName: a certificate that was renewed under another name is judged by that from the next connection on.
func TestRenewedName(t *testing.T) {
	ca := newAuthority(t, "ca")
	key := newKey(t, "EC")
	own, trust := file(t, "own.pem"), file(t, "ca.pem", certPEM(ca.cert))
	write := func(n int) {
		if err := os.WriteFile(own, append(keyPEM(t, key), certPEM(ca.issue(key, forServer(n)))...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(2)
	k, err := NewKeeper(settings(own, trust), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	network := k.Server(qcm.TCP{})
	ln, err := load(t, ca, "EC", ca, forServer(1)).Server(qcm.TCP{}, ServerOptions{Reverse: nobody}).Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	guard := binding()
	for i, want := range []bool{true, false, true} {
		if i > 0 {
			write(map[bool]int{true: 2, false: 3}[want])
			k.renew(time.Now(), func(err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		dialled := make(chan error, 1)
		// Ends with the hand-shake.
		go func() {
			conn, err := network.Dial(t.Context(), ln.Addr().String())
			if err == nil {
				err = conn.Close()
			}
			dialled <- err
		}()
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.(*accepted).Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := guard.Admit(t.Context(), conn, 2); (err == nil) != want {
			t.Errorf("certificate %d: %v", i, err)
		}
		conn.Close()
		<-dialled // what the caller says of the end does not matter
	}
}
