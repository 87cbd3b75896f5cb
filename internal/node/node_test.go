package node

import (
	"net"
	"strconv"
	"testing"
	"time"

	"electnode/internal/qcm"
	"electnode/internal/quorum"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loopback makes a view of voters on free ports of 127.0.0.1.
func loopback(t testing.TB, voters, observers int) *quorum.View {
	t.Helper()
	port := func() int {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		_, p, err := net.SplitHostPort(ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(p)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var spec quorum.Spec
	for i := range voters + observers {
		m := quorum.Member{SID: quorum.SID(i + 1), Addresses: []quorum.Address{
			{Host: "127.0.0.1", QuorumPort: port(), ElectionPort: port()}}}
		if i >= voters {
			m.Role = quorum.Observer
		}
		spec.Members = append(spec.Members, m)
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func tcp(quorum.SID) qcm.Network { return qcm.TCP{} }

func TestThreeElectAndFailOver(t *testing.T) {
	c := newCluster(t, loopback(t, 3, 0), tcp)
	c.start(1, 2, 3)
	first := c.established(0, 1, 2, 3)
	mark := c.mark()
	c.stop(first.Leader)
	var rest []quorum.SID
	for sid := range c.running {
		rest = append(rest, sid)
	}
	begun := time.Now()
	second := c.established(mark, rest...)
	t.Logf("fail-over from %+v to %+v after %s", first, second, time.Since(begun))
	if second.Epoch <= first.Epoch || second.Leader == first.Leader {
		t.Errorf("first %+v, then %+v", first, second)
	}
	mark = c.mark()
	c.start(first.Leader)
	if again := c.established(mark, first.Leader); again.Leader != second.Leader || again.Epoch != second.Epoch {
		t.Errorf("the old leader came back to %+v, not %+v", again, second)
	}
}

// TestOnlyTheLeaderListens: after elections and a fail-over the quorum port of the leader takes connections, and
// nobody else's does.
func TestOnlyTheLeaderListens(t *testing.T) {
	c := newCluster(t, loopback(t, 3, 1), tcp)
	c.start(1, 2, 3, 4)
	leader := lose(t, c, c.settle(0))
	for _, sid := range c.sids() {
		m, _ := c.view.Member(sid)
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(m.Addresses[0].QuorumPort)))
		if err == nil {
			conn.Close()
		}
		if (err == nil) != (sid == leader.Leader) {
			t.Errorf("server %d, leader is %d: %v", sid, leader.Leader, err)
		}
	}
}
