package observe

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"electnode/test/proc"
	"electnode/test/zk"
)

// silent is an address that takes connections and never says anything, until the test ends.
func silent(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	var accepting sync.WaitGroup
	// Owned by the test: ends when the listener is closed at its end.
	accepting.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c) // kept open, and never read
		}
	})
	t.Cleanup(func() {
		_ = ln.Close() // the other side is gone, as all that follows
		accepting.Wait()
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return ln.Addr().String()
}

// pipe is a pipe that nobody reads.
type pipe struct {
	path string
	file *os.File
}

// newPipe makes an empty one.
func newPipe(t testing.TB) *pipe {
	t.Helper()
	p := &pipe{path: filepath.Join(t.TempDir(), "stderr")}
	if err := syscall.Mkfifo(p.path, 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	// Both ends, so that opening waits for nobody; without blocking, so that a full pipe can be told.
	if p.file, err = os.OpenFile(p.path, os.O_RDWR|syscall.O_NONBLOCK, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.file.Close() }) // nobody reads what is in it
	return p
}

// fill writes into the pipe until not one more byte goes in: who writes from now on waits.
func (p *pipe) fill(t testing.TB) {
	t.Helper()
	raw, err := p.file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		for chunk := make([]byte, 4096); len(chunk) > 0; {
			if _, err := syscall.Write(int(fd), chunk); errors.Is(err, syscall.EAGAIN) {
				chunk = chunk[:len(chunk)/2]
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// startStuck starts the server with its log going into a pipe of its own, which is still empty.
func (s *server) startStuck(t testing.TB) *pipe {
	t.Helper()
	p, cmd := newPipe(t), s.command()
	shell := exec.Command("sh", append([]string{"-c", `exec "$0" "$@" 2>"$STDERR_PIPE"`}, cmd.Args...)...)
	shell.Env = append(cmd.Env, "STDERR_PIPE="+p.path)
	s.Process.Start(shell)
	return p
}

// failOver kills the leader once and has it back; took is the time until the others had another.
func (e *ensemble) failOver(r reign, start func(*server)) (next reign, took time.Duration) {
	e.t.Helper()
	next, took = e.killLeader(r)
	start(r.leader)
	if again := e.established(e.servers...); again != next {
		e.t.Fatalf("%+v became %+v when server %d came back", next, again, r.leader.SID)
	}
	return next, took
}

// TestStuckSinks has spans go to somebody who never answers and log lines into pipes that nobody reads: leaders
// follow each other as fast as in an ensemble without all that, what is lost is counted, and SIGTERM ends a
// server in time.
func TestStuckSinks(t *testing.T) {
	const failOvers, bound, ends = 5, 150 * time.Millisecond, 2 * time.Second
	free, stuck := newEnsemble(t, 3), newEnsemble(t, 3, "--trace.endpoint=http://"+silent(t))
	startStuck := func(s *server) {
		p := s.startStuck(t)
		stuck.established(stuck.servers...)
		p.fill(t)
	}
	for _, s := range stuck.servers {
		s.env = append(s.env, "OTEL_EXPORTER_OTLP_TIMEOUT=1000") // milliseconds until an export has failed
	}
	calm := free.start()
	var pipes []*pipe
	for _, s := range stuck.servers {
		pipes = append(pipes, s.startStuck(t))
	}
	held := stuck.established(stuck.servers...)
	for _, p := range pipes {
		p.fill(t)
	}
	var calmly, heldUp []time.Duration
	for range failOvers { // one after the other: whatever else the machine does is the same for both
		var took time.Duration
		calm, took = free.failOver(calm, (*server).start)
		calmly = append(calmly, took)
		held, took = stuck.failOver(held, startStuck)
		heldUp = append(heldUp, took)
	}
	slices.Sort(calmly)
	slices.Sort(heldUp)
	t.Logf("from kill -9 to the next leader: %v; with all sinks stuck %v", calmly, heldUp)
	if a, b := calmly[failOvers/2], heldUp[failOvers/2]; b > 2*a+bound {
		t.Errorf("median %s, with all sinks stuck %s", a, b)
	}
	for _, s := range free.servers {
		if n := dropped(t, s); n["log"]+n["tracing"] != 0 {
			t.Errorf("server %d, which has somewhere to write to, dropped %v", s.SID, n)
		}
	}
	one := stuck.others(held.leader)[0]
	lose(t, one)
	for _, s := range stuck.servers {
		at := time.Now()
		s.Signal(syscall.SIGTERM)
		if code, took := s.Wait(patience), time.Since(at); code != 0 || took > ends {
			t.Errorf("server %d ended after %s with exit status %d", s.SID, took, code)
		}
	}
}

// dropped is what electnode_events_dropped_total says of each sink.
func dropped(t testing.TB, s *server) map[string]float64 {
	t.Helper()
	body, err := get("http://" + s.HTTP + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	return text(string(body)).bySink()
}

// lose talks to a server until its traces have lost something and its log was spared something, by its own count.
func lose(t testing.TB, s *server) {
	t.Helper()
	const questions = 50 // as many as a stranger may ask in a second
	stranger := zk.NewStranger(t, s.SID)
	proc.Eventually(t, patience/2, fmt.Sprintf("server %d counts what it lost", s.SID), func() error {
		for range questions { // each makes two lines, of two kinds
			if _, err := stranger.Ask(fmt.Sprintf("127.0.0.1:%d", s.election)); err != nil {
				return err
			}
		}
		n := dropped(t, s)
		if n[leftOut] == 0 || n["tracing"] == 0 {
			return fmt.Errorf("dropped: %v", n)
		}
		return nil
	})
}
