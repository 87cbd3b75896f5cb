package demo

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seeds gives each start of a node another number.
func seeds() func() uint64 {
	var n atomic.Uint64
	return func() uint64 { return n.Add(1) << 40 }
}

// ensemble starts one whose events are sent to the returned channel, if anybody reads it.
func ensemble(t *testing.T, nodes, observers int) *Ensemble {
	t.Helper()
	e, err := Start(Options{Nodes: nodes, Observers: observers, Sink: event.SinkFunc(func(event.Stamped) {}), Seed: seeds()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(30 * time.Second); !cond(); <-tick.C {
		if time.Now().After(limit) {
			t.Fatal("never: " + what)
		}
	}
}

func leaderOf(t *testing.T, e *Ensemble) zab.Established {
	t.Helper()
	var est zab.Established
	eventually(t, "a leader", func() (ok bool) { est, ok = e.Leader(t.Context()); return ok })
	return est
}

func do(t *testing.T, e *Ensemble, fault string) {
	t.Helper()
	a, err := ParseFault(fault)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Do(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

// state is that of a server; LOOKING when it does not answer.
func state(t *testing.T, e *Ensemble, sid quorum.SID) quorum.State {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	s, err := e.Status(ctx, sid)
	if err != nil {
		return quorum.Looking
	}
	return s.State
}

func TestFaults(t *testing.T) {
	e := ensemble(t, 3, 1)
	first := leaderOf(t, e)
	do(t, e, "kill leader")
	if _, err := e.Status(t.Context(), first.Leader); err == nil {
		t.Error("the killed server answers")
	}
	eventually(t, "another leader", func() bool { est, ok := e.Leader(t.Context()); return ok && est.Leader != first.Leader })
	do(t, e, "restart "+first.Leader.String())
	eventually(t, "the old leader follows", func() bool { return state(t, e, first.Leader) == quorum.Following })
	eventually(t, "the observer observes", func() bool { return state(t, e, 4) == quorum.Observing })

	second := leaderOf(t, e)
	do(t, e, "isolate leader")
	eventually(t, "a leader without the isolated one", func() bool {
		est, ok := e.Leader(t.Context())
		return ok && est.Leader != second.Leader && state(t, e, second.Leader) == quorum.Looking
	})
	do(t, e, "heal")
	eventually(t, "the isolated one follows", func() bool { return state(t, e, second.Leader) == quorum.Following })

	do(t, e, "partition 1 | 2 | 3")
	eventually(t, "no leader", func() bool { _, ok := e.Leader(t.Context()); return !ok })
	do(t, e, "heal")
	leaderOf(t, e)
}

func TestPauseAndZxid(t *testing.T) {
	e := ensemble(t, 3, 0)
	first := leaderOf(t, e)
	do(t, e, "pause leader")
	do(t, e, "pause "+first.Leader.String()) // twice is once
	eventually(t, "another leader while it sleeps", func() bool {
		est, ok := e.Leader(t.Context())
		return ok && est.Leader != first.Leader
	})
	do(t, e, "resume "+first.Leader.String())
	eventually(t, "it follows when it wakes", func() bool { return state(t, e, first.Leader) == quorum.Following })

	do(t, e, "zxid 1 0x900000001")
	eventually(t, "server 1 is back with its history", func() bool {
		s, err := e.Status(t.Context(), 1)
		return err == nil && s.LastZxid == 0x900000001
	})
	leaderOf(t, e)
}

func TestDoRefuses(t *testing.T) {
	e := ensemble(t, 3, 0)
	leaderOf(t, e)
	for fault, says := range map[string]string{
		"kill 9": "there is no server 9", "cut 1 7": "there is no server 7", "partition 1,2 | 3,8": "there is no server 8",
	} {
		a, err := ParseFault(fault)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Do(t.Context(), a); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", fault, err)
		}
	}
	do(t, e, "kill 1")
	do(t, e, "kill 2")
	eventually(t, "no leader", func() bool { _, ok := e.Leader(t.Context()); return !ok })
	if err := e.Do(t.Context(), Action{Verb: Kill, Targets: []Target{{Leader: true}}}); !errors.Is(err, ErrNoLeader) {
		t.Errorf("killing no leader: %v", err)
	}
	for _, bad := range []Options{{Nodes: 0}, {Nodes: 100}, {Nodes: 3, Observers: -1}, {Nodes: 1, Observers: 1}} {
		if _, err := Start(bad); err == nil {
			t.Errorf("%+v started", bad)
		}
	}
}

// pair is a connection on a line of the switchboard, and its far end.
func pairOn(t *testing.T, s *switchboard) (near, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s.owner[ln.Addr().String()] = 2
	near, err = port{board: s, self: 1}.Dial(t.Context(), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func TestCutLineHoldsBack(t *testing.T) {
	s := newSwitchboard()
	near, far := pairOn(t, s)
	s.set(between(2, 1), false)
	if _, err := far.Write([]byte("held")); err != nil {
		t.Fatal(err)
	}
	if err := near.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4)
	if n, err := near.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes over a cut line, %v", n, err)
	}
	if err := near.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := near.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("wrote over a cut line: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for addr := range s.owner {
		if _, err := (port{board: s, self: 1}).Dial(ctx, addr); err == nil {
			t.Error("dialled over a cut line")
		}
	}
}

func TestMendedLineDelivers(t *testing.T) {
	s := newSwitchboard()
	near, far := pairOn(t, s)
	s.set(between(1, 2), false)
	if _, err := far.Write([]byte("held")); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	// Ends when the line is mended.
	go func() {
		buf := make([]byte, 4)
		_, err := io.ReadFull(near, buf)
		got <- string(buf) + errText(err)
	}()
	s.mendAll()
	if text := <-got; text != "held" {
		t.Errorf("%q after the line was mended", text)
	}
}

func TestCloseUnblocks(t *testing.T) {
	s := newSwitchboard()
	near, _ := pairOn(t, s)
	s.set(between(1, 2), false)
	done := make(chan error)
	// Ends when the connection is closed.
	go func() {
		_, err := near.Write([]byte("x"))
		done <- err
	}()
	if err := near.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write on a closed connection: %v", err)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestPrinter(t *testing.T) {
	var out strings.Builder
	start := time.Unix(100, 0)
	p := NewPrinter(&out, start)
	p.Record(event.Stamped{Time: start.Add(1500 * time.Microsecond), Node: 2, Event: event.LeaderEstablished{Leader: 2, Epoch: 7, After: time.Millisecond}})
	p.Record(event.Stamped{Time: start, Node: 2, Event: &event.NotificationSent{}}) // nothing for people
	if want := "    0.0015s  server 2   established server 2 leads in epoch 7, 1ms after the decision\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
