package system

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"electnode/test/proc"
)

// ask posts a fault to a server and returns the answer's status.
func (s *server) ask(t testing.TB, fault string) int {
	t.Helper()
	resp, err := http.Post("http://"+s.HTTP+"/api/v1/faults", "application/json", strings.NewReader(fault))
	if err != nil {
		t.Fatalf("server %d: %v", s.SID, err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestFaults: an isolated leader loses its place to another, follows when it is healed, and dies when it is asked
// to; what is asked for in a wrong way is refused.
func TestFaults(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, "tickTime=200\ninitLimit=10\nsyncLimit=5\n")
	old, _ := e.start("--faults.enabled")
	for fault, want := range map[string]int{
		`{"fault":"earthquake"}`: http.StatusBadRequest, `{"fault":"cut"}`: http.StatusBadRequest,
		`{"fault":"cut","peer":77}`: http.StatusBadRequest, `{"fault":"pause","for":"a while"}`: http.StatusBadRequest,
		`{"fault":"heal","for":"5s"}`: http.StatusBadRequest, `{"fault":"kill","sid":99}`: http.StatusBadRequest,
		`{"fault":"heal"}`: http.StatusOK,
	} {
		if got := old.ask(t, fault); got != want {
			t.Errorf("%s: %d, want %d", fault, got, want)
		}
	}
	if got := old.ask(t, `{"fault":"isolate"}`); got != http.StatusOK {
		t.Fatalf("isolate: %d", got)
	}
	proc.Eventually(t, patience, "another leader, and the old one looks", func() error {
		for _, s := range e.servers {
			st, err := s.Status()
			if err != nil {
				return err
			}
			if s == old && (st.Established || st.State != "LOOKING") || s != old && (!st.Established || int(*st.Leader) == old.SID) {
				return fmt.Errorf("server %d: %+v", s.SID, st)
			}
		}
		return nil
	})
	if got := old.ask(t, `{"fault":"heal"}`); got != http.StatusOK {
		t.Fatalf("heal: %d", got)
	}
	next, _ := e.established()
	if next == old {
		t.Error("the healed server took its place back")
	}
	if got := next.ask(t, `{"fault":"pause","for":"300ms"}`); got != http.StatusOK {
		t.Errorf("pause: %d", got)
	}
	e.established()
	if got := old.ask(t, `{"fault":"kill"}`); got != http.StatusOK {
		t.Errorf("kill: %d", got)
	}
	proc.Eventually(t, patience, "the process is gone", func() error {
		if old.Running() {
			return errors.New("it runs")
		}
		return nil
	})
}

// TestFaultsAreOff: without the flag nobody can harm a node.
func TestFaultsAreOff(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 1, "tickTime=200\ninitLimit=10\nsyncLimit=5\nstandaloneEnabled=false\n")
	s, _ := e.start()
	if got := s.ask(t, `{"fault":"kill"}`); got != http.StatusForbidden {
		t.Errorf("%d", got)
	}
}
