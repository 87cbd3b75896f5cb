package interop

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/qcm"
	"electnode/test/proc"
)

// TestTLS: an electnode between two real servers, TLS on both ports. Each of the two kinds dials and answers the other
// at each port: real servers follow the electnode, it follows a real one, and who comes back is taken back. Echo, for
// the reason that TestRestart gives.
func TestTLS(t *testing.T) {
	t.Parallel()
	e, _ := secured(t, newAuthority(t), "jej", "electnode.voter=echo\n")
	e.start(2, 1)
	a := e.agree()
	if a.leader != 2 {
		t.Errorf("%s leads, not the electnode with the higher id", e.member(a.leader))
	}
	e.start(3)
	if b := e.agree(); b != a {
		t.Errorf("%+v became %+v when server 3 came", a, b)
	}
	for range 2 {
		e.kill(a.leader)
		b := e.agree()
		if b.leader == a.leader || b.epoch <= a.epoch {
			t.Errorf("after %+v came %+v", a, b)
		}
		e.start(a.leader)
		if c := e.agree(); c != b {
			t.Errorf("%+v became %+v when server %d came back", b, c, a.leader)
		}
		a = b
	}
	e.keeps(a, time.Second)
	e.spoke("v1")
	for _, line := range e.member(2).node.Lines("hand-shake rejected") {
		if line["reason"] == "tls" {
			t.Errorf("%v", line)
		}
	}
}

// TestTLSRolling takes a mixed ensemble from plain to TLS as the manual of real servers says, one server at a time: both
// kinds are accepted, then TLS is dialled, then nothing else is accepted. Between two steps all agree on a leader.
func TestTLSRolling(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	secure, network := map[string]bool{}, a.stranger()
	e := build(t, plan{kinds: "eje", own: "electnode.voter=echo\n", dial: func(addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if secure[addr] {
			return network.Dial(ctx, addr)
		}
		return qcm.TCP{}.Dial(ctx, addr)
	}})
	e.expected = brokenTLS()
	e.start(e.sids()...)
	e.agree()
	stores := "ssl.quorum.keyStore.location=" + a.store("all", "EC") + "\nssl.quorum.trustStore.location=" + a.ca + "\n"
	for _, step := range []string{stores + "portUnification=true\n", "sslQuorum=true\n", "portUnification=false\n"} {
		for _, m := range e.members {
			m.kill()
			e.agree()
			m.also(step)
			secure[m.electionAddr()] = step != stores+"portUnification=true\n"
			m.start()
			e.agree()
		}
	}
	e.keeps(e.agree(), time.Second)
	for _, m := range e.members {
		if conn, err := net.DialTimeout("tcp", m.electionAddr(), time.Second); err == nil {
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // the read tells
			_, _ = conn.Write(make([]byte, 64))
			if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s still listens to who speaks no TLS: %v", m, err)
			}
			_ = conn.Close() // it was closed by the other side
		}
	}
}

// TestTLSOutsider: an electnode whose certificate the others do not trust stays out and says why; one whose certificate
// has expired does not start. The others are not disturbed.
func TestTLSOutsider(t *testing.T) {
	t.Parallel()
	ours, other := newAuthority(t), newAuthority(t)
	e, _ := secured(t, ours, "jee", "")
	three := e.member(3)
	three.also("ssl.quorum.keyStore.password=\nssl.quorum.keyStore.location=" + other.store("strange", "EC") + "\n")
	e.start(1, 2)
	a := e.agree()
	three.node.StartAndWait()
	proc.Eventually(t, patience, "both sides say why it stays out", func() error {
		for _, f := range []struct {
			node      *proc.Node
			line, key string
		}{{three.node, "dialled", "result"}, {e.member(2).node, "hand-shake rejected", "reason"}} {
			if !slices.ContainsFunc(f.node.Lines(f.line), func(l proc.Line) bool { return l[f.key] == "tls" && l["level"] == "WARN" }) {
				return fmt.Errorf("electnode %d says nothing", f.node.SID)
			}
		}
		return nil
	})
	if !strings.Contains(three.node.Log(), "would not trust its own certificate of CN=strange") {
		t.Error("its own log does not say what is wrong with its certificate")
	}
	if s := e.status(3); s.Established {
		t.Errorf("it is in: %+v", s)
	}
	if b, err := e.ask(1, 2); err != nil || b != a {
		t.Errorf("%+v became %+v, %v", a, b, err)
	}
	three.kill()
	three.also("ssl.quorum.keyStore.location=" + ours.storeUntil("late", "EC", time.Now().Add(-time.Minute)) + "\n")
	three.node.Start()
	if code := three.node.Wait(patience); code != 2 {
		t.Errorf("exit %d with an expired certificate", code)
	}
	if !strings.Contains(three.node.Log(), "late.pem: the certificate of CN=late expired on ") {
		t.Errorf("the last lines do not say that it expired:\n%s", proc.Tail(three.node.Log(), 3))
	}
	e.keeps(a, time.Second)
}

// TestTLSRenewed gives a running electnode among real servers another certificate, as a renewal does: it shows the new
// one from then on, without a restart and without an election, and a real server that comes back accepts it in both
// directions. A renewal that is broken changes nothing.
func TestTLSRenewed(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	e, network := secured(t, a, "jej", "electnode.voter=echo\n")
	two := e.member(2)
	two.also("sslQuorumReloadCertFiles=true\n")
	e.start(2, 1, 3)
	held := e.agree()
	shows := func() string {
		conn, err := network.Dial(t.Context(), two.electionAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.(interface{ ConnectionState() tls.ConnectionState }).ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	told := func(ok bool) func() error {
		return proc.True(func() bool {
			return slices.ContainsFunc(two.node.Lines("stores of TLS"), func(l proc.Line) bool { return l["start"] == false && l["ok"] == ok })
		})
	}
	first := shows()
	a.write("two.pem", &pem.Block{Type: "CERTIFICATE", Bytes: []byte("nothing")})
	proc.Eventually(t, patience, "the broken renewal is told", told(false))
	if now := shows(); now != first {
		t.Errorf("a broken renewal: certificate %s, before %s", now, first)
	}
	a.store("two", "RSA") // another key, too
	proc.Eventually(t, patience, "the renewal is told", told(true))
	if now := shows(); now == first {
		t.Errorf("it still shows certificate %s", now)
	}
	e.keeps(held, time.Second)
	other := 1
	if held.leader == other {
		other = 3
	}
	e.kill(other)
	e.start(other)
	if now := e.agree(); now != held {
		t.Errorf("%+v became %+v when server %d came back", held, now, other)
	}
}
