package demo

import (
	"errors"
	"testing"

	"electnode/internal/node"
)

// TestResign makes the leader leave its place; the next epoch begins, and a dead server cannot resign.
func TestResign(t *testing.T) {
	e := ensemble(t, 3, 0)
	first := leaderOf(t, e)
	do(t, e, "resign leader")
	eventually(t, "a leader in a later epoch", func() bool {
		est, ok := e.Leader(t.Context())
		return ok && est.Epoch > first.Epoch
	})
	do(t, e, "kill 1")
	a, err := ParseFault("resign 1")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Do(t.Context(), a); !errors.Is(err, node.ErrStopped) {
		t.Errorf("a dead server resigned: %v", err)
	}
}

// TestLargestZxidLeads raises a server's zxid; it leads from the next election on, and the others follow.
func TestLargestZxidLeads(t *testing.T) {
	e := ensemble(t, 3, 0)
	leaderOf(t, e)
	do(t, e, "zxid 1 0x900000001")
	eventually(t, "the others take it in", func() bool {
		for _, sid := range e.SIDs() {
			if s, err := e.Status(t.Context(), sid); err != nil || s.Established.Epoch == 0 {
				return false
			}
		}
		return true
	})
	if leaderOf(t, e).Leader != 1 {
		do(t, e, "resign leader")
	}
	eventually(t, "server 1 leads", func() bool { est, ok := e.Leader(t.Context()); return ok && est.Leader == 1 })
}
