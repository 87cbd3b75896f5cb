package system

import (
	"fmt"
	"net"
	"testing"
	"time"

	"electnode/internal/quorum"
)

// TestSilentSockets opens fifty silent connections to every election port, which hold for ten seconds each, and
// restarts members one after the other meanwhile: none of them is late. A Java server accepts nobody while
// one socket is silent.
func TestSilentSockets(t *testing.T) {
	t.Parallel()
	const sockets, hold, bound = 50, 10 * time.Second, 3 * time.Second
	e := newEnsemble(t, 3, fmt.Sprintf("%squorumCnxnTimeoutMs=%d\n", defaults, hold.Milliseconds()))
	e.start()
	mute := func(s *server) {
		for range sockets {
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.election))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() }) // the server may have closed it
		}
	}
	for _, s := range e.servers {
		mute(s)
	}
	for _, s := range e.servers {
		s.Kill()
		begun := time.Now()
		s.StartAndWait()
		mute(s)
		e.established()
		if took := time.Since(begun); took > bound {
			t.Errorf("server %d was back after %s, want at most %s", s.SID, took, bound)
		}
	}
	if n := len(e.server(1).Lines("connection up")); n == 0 {
		t.Error("no connection was ever made")
	}
}

// TestSplitPreamble writes a preamble byte by byte; a Java server refuses it when its text is split.
func TestSplitPreamble(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, defaults)
	leader, epoch := e.start()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", leader.election))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := (attack{bytes: preamble(99, "127.0.0.1:1"), pace: 5 * time.Millisecond}).send(c); err != nil {
		t.Fatal(err)
	}
	v := speak(t, leader, 98)
	v.say(note(""))
	v.answer(quorum.Leading)
	accepted := func() error {
		for _, l := range leader.Lines("connection up") {
			if l["peer"] == 99.0 {
				return nil
			}
		}
		return fmt.Errorf("no connection")
	}
	quick(t, "the split preamble is taken", accepted)
	e.undisturbed(leader, epoch)
}
