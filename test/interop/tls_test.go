package interop

import (
	"testing"
	"time"
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
