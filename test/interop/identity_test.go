package interop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/config"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/quorumtls"
	"electnode/internal/zab"
	"electnode/test/proc"
)

// peerNames binds servers 1 to 3 to the names that bound gives them.
const peerNames = "electnode.peerNames=1=zoo1.example,2=zoo2.example,3=zoo3.example\nelectnode.checkPeerAddress=true\n"

// bound makes an ensemble that speaks TLS, each server with a certificate of its own name, and a stranger with one of
// no server.
func bound(t *testing.T, a *authority, kinds, own string) *ensemble {
	t.Helper()
	e, _ := secured(t, a, kinds, own+peerNames)
	for _, m := range e.members {
		m.also("ssl.quorum.keyStore.password=\nssl.quorum.keyStore.location=" + a.ofServer(m.sid) + "\n")
	}
	return e
}

// ofServer writes the store of a server, for its own name.
func (a *authority) ofServer(sid int) string {
	a.t.Helper()
	return a.storeUntil(fmt.Sprintf("server%d", sid), "EC", time.Now().Add(time.Hour), fmt.Sprintf("zoo%d.example", sid))
}

// as is the network of who holds the certificate of a server.
func (a *authority) as(sid int) qcm.Network {
	a.t.Helper()
	stores, err := quorumtls.Load(config.TLS{Quorum: true, Protocol: "TLSv1.2", HostnameVerification: true, ClientHostnameVerification: true,
		KeyStore:   config.Store{Location: a.ofServer(sid), Type: "PEM"},
		TrustStore: config.Store{Location: a.ca, Type: "PEM"}})
	if err != nil {
		a.t.Fatal(err)
	}
	return stores.Client(qcm.TCP{})
}

// refused says something on a new connection and checks that the other side closes it.
func refused(t *testing.T, n qcm.Network, addr string, say []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := n.Dial(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(say); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: %d bytes, %v: it was let in", addr, n, err)
	}
}

// said waits until the log of m has a line with all of this.
func said(t *testing.T, m *member, message string, fields map[string]string) {
	t.Helper()
	proc.Eventually(t, patience, fmt.Sprintf("%s says %q with %v", m, message, fields), func() error {
		for _, line := range m.node.Lines(message) {
			fits := true
			for key, want := range fields {
				text, _ := line[key].(string)
				fits = fits && strings.Contains(text, want)
			}
			if fits {
				return nil
			}
		}
		return errors.New("it does not")
	})
}

// TestIdentity: who holds the certificate of server 3 comes as server 2, to both ports of the leader, by hand and as an
// electnode whose myid is 2. It is refused everywhere, one line says all of it, and the true ensemble stays in office.
func TestIdentity(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	e := bound(t, ours, "eee", "")
	e.start(e.sids()...)
	a := e.agree()
	leader, three := e.member(a.leader), ours.as(3)
	claim := 2
	if a.leader == 2 {
		claim = 1
	}
	hello, err := qcm.AppendPreamble(nil, qcm.Preamble{Form: qcm.FormV1, SID: quorum.SID(claim), Addresses: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, three, leader.electionAddr(), hello)
	refused(t, three, at(leader.host, leader.quorum), zab.AppendPacket(nil, zab.Packet{Type: zab.TypeFollowerInfo,
		Data: zab.AppendLearnerInfo(nil, zab.LearnerInfo{SID: quorum.SID(claim), ProtocolVersion: 0x10000})}))
	for _, port := range []string{"election", "quorum"} {
		said(t, leader, "hand-shake rejected", map[string]string{"reason": "identity", "port": port, "level": "WARN",
			"detail": fmt.Sprintf(" as server %d: the certificate of CN=server3, issued by CN=test authority, has zoo3.example, "+
				"a name of server 3", claim)})
	}

	impostor := proc.NewNode(t, electnode, 2, zooCfg(t, e, 2)+
		"ssl.quorum.keyStore.location="+ours.ofServer(3)+"\n")
	impostor.StartAndWait()
	said(t, e.member(1), "hand-shake rejected", map[string]string{"reason": "identity", "port": "election", "detail": " as server 2: "})
	if !strings.Contains(impostor.Log(), "electnode.peerNames: this server would refuse its own certificate for server 2: ") {
		t.Error("its own log does not say what is wrong with its certificate")
	}
	e.keeps(a, 2*time.Second)
	if s, err := impostor.Status(); err != nil || s.Established {
		t.Errorf("it is in: %+v, %v", s, err)
	}
	impostor.Kill()
	e.kill(a.leader)
	b := e.agree()
	e.start(a.leader)
	if c := e.agree(); c != b {
		t.Errorf("%+v became %+v", b, c)
	}
	for _, m := range e.members {
		for _, line := range slices.Concat(m.node.Lines("dialled"), m.node.Lines("hand-shake rejected")) {
			if line["result"] == "identity" || line["reason"] == "identity" && !strings.Contains(fmt.Sprint(line["detail"]), "CN=server3") {
				t.Errorf("%s refused a true server: %v", m, line)
			}
		}
	}
}

// zooCfg is the configuration of server sid at other ports, for the others as it is.
func zooCfg(t *testing.T, e *ensemble, sid int) string {
	t.Helper()
	ports := proc.Ports(t, 2)
	raw, err := os.ReadFile(e.member(sid).node.Dir + "/zoo.cfg")
	if err != nil {
		t.Fatal(err)
	}
	m := e.member(sid)
	var cfg strings.Builder
	for line := range strings.Lines(string(raw)) {
		for _, own := range []string{"clientPort", "dataDir=", "ssl.quorum.keyStore.location="} {
			if strings.HasPrefix(line, own) {
				line = ""
			}
		}
		if strings.HasPrefix(line, fmt.Sprintf("server.%d=", sid)) {
			line = fmt.Sprintf("server.%d=%s:%d:%d\n", sid, m.host, ports[0], ports[1])
		}
		cfg.WriteString(line)
	}
	return cfg.String()
}

// TestIdentityAmongRealServers: real servers show certificates too, in both directions and at both ports. An electnode
// that knows their names leads and follows them, and refuses who comes as one of them.
func TestIdentityAmongRealServers(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	e := bound(t, ours, "jej", "electnode.voter=echo\n")
	e.start(2, 1)
	a := e.agree()
	if a.leader != 2 {
		t.Errorf("%s leads, not the electnode with the higher id", e.member(a.leader))
	}
	e.start(3)
	if b := e.agree(); b != a {
		t.Errorf("%+v became %+v when server 3 came", a, b)
	}
	hello, err := qcm.AppendPreamble(nil, qcm.Preamble{Form: qcm.FormV2, SID: 3, Addresses: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, ours.as(1), e.member(2).electionAddr(), hello)
	said(t, e.member(2), "hand-shake rejected", map[string]string{"reason": "identity", "port": "election",
		"detail": " as server 3: the certificate of CN=server1, issued by CN=test authority, has zoo1.example, a name of server 1"})
	for range 2 {
		e.kill(a.leader)
		b := e.agree()
		e.start(a.leader)
		if c := e.agree(); c != b {
			t.Errorf("%+v became %+v when server %d came back", b, c, a.leader)
		}
		a = b
	}
	e.keeps(a, time.Second)
	lines := e.member(2).node.Lines("hand-shake rejected")
	lines = slices.DeleteFunc(lines, func(l proc.Line) bool { return l["reason"] != "identity" })
	if len(lines) != 1 || len(e.member(2).node.Lines("dialled")) == 0 {
		t.Errorf("it refused %v", lines)
	}
	for _, line := range e.member(2).node.Lines("dialled") {
		if line["result"] == "identity" {
			t.Errorf("it refused a true server: %v", line)
		}
	}
}

// TestRealServerUnderAnotherName: an electnode does not take a real server that is not who it should be, neither as the
// one that answers nor as the one that comes, and says so on both sides; the ensemble goes on without it.
func TestRealServerUnderAnotherName(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	e := bound(t, ours, "eej", "")
	e.member(3).also("ssl.quorum.keyStore.location=" + ours.storeUntil("moved", "EC", time.Now().Add(time.Hour), "zoo4.example") + "\n")
	e.start(1, 2)
	a := e.agree()
	e.member(3).start()
	said(t, e.member(1), "hand-shake rejected", map[string]string{"reason": "identity", "port": "election",
		"detail": " as server 3: the certificate of CN=moved, issued by CN=test authority, is for zoo4.example, 127.0.0.1, not for zoo3.example"})
	proc.Throughout(t, time.Second, "they go on without it", func() error {
		if b, err := e.ask(1, 2); err != nil || b != a {
			return fmt.Errorf("%+v became %+v, %w", a, b, err)
		}
		return nil
	})
	e.kill(3)
	e.member(3).also("ssl.quorum.keyStore.location=" + ours.ofServer(3) + "\n")
	e.start(3)
	e.agree()
}
