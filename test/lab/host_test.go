package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"electnode/test/proc"
)

// patience is how long anything may take that has no limit of its own, on a machine that is busy.
const patience = 30 * time.Second

// counting is a TCP connection between two hosts on which one side sends 0, 1, 2... as fast as it is let.
type counting struct {
	near, far net.Conn
}

func (c counting) pump() {
	for i := uint64(0); ; i++ {
		if _, err := c.near.Write(binary.BigEndian.AppendUint64(nil, i)); err != nil {
			return // the test is over
		}
	}
}

// read reads numbers from next on for as long as given, and gives the next one after that.
func (c counting) read(t *testing.T, next uint64, during time.Duration) uint64 {
	t.Helper()
	if err := c.far.SetReadDeadline(time.Now().Add(during)); err != nil {
		t.Fatal(err)
	}
	var b [8]byte
	for n := 0; ; {
		m, err := c.far.Read(b[n:])
		n += m
		var late net.Error
		switch {
		case errors.As(err, &late) && late.Timeout() && n == 0:
			return next
		case errors.As(err, &late) && late.Timeout(): // in the middle of a number
			if err = c.far.SetReadDeadline(time.Now().Add(patience)); err == nil {
				_, err = io.ReadFull(c.far, b[n:])
			}
			n, during = 8, 0
		}
		if err != nil {
			t.Fatalf("after %d numbers: %v", next, err)
		}
		if n == 8 {
			if got := binary.BigEndian.Uint64(b[:]); got != next {
				t.Fatalf("read %d, want %d", got, next)
			}
			next, n = next+1, 0
			if during == 0 {
				return next
			}
		}
	}
}

// connect makes a TCP connection from one host to another, over the wire.
func connect(t *testing.T, from, to *Host) counting {
	t.Helper()
	ln, err := to.Listen("tcp", net.JoinHostPort(to.Addr().String(), "2888"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err := from.DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return counting{near, far}
}

// TestHosts sends numbers over TCP from one host to another while the wire gets worse: a cut of either direction
// stops them, and over a bad one all of them come, in order.
func TestHosts(t *testing.T) {
	Require(t)
	one, two := NewHost(t, 1), NewHost(t, 2)
	w := NewWire(1)
	t.Cleanup(w.Close)
	w.Join(one)
	w.Join(two)
	c := connect(t, one, two)
	pumped := make(chan struct{})
	// Ends when the connection is closed.
	go func() {
		defer close(pumped)
		c.pump()
	}()
	defer func() {
		c.near.Close()
		<-pumped
	}()
	next := c.more(t, 0)
	for _, cut := range [][2]int{{1, 2}, {2, 1}} {
		w.Set(cut[0], cut[1], Fault{Cut: true})
		next = c.drain(t, next)
		w.Heal()
		next = c.more(t, next)
	}
	w.SetAll(Fault{Loss: 0.1, Duplicate: 0.1, Delay: 5 * time.Millisecond, Jitter: 5 * time.Millisecond})
	next = c.more(t, next)
	w.Heal()
	c.more(t, next)
	if total, _ := w.Total(); total.Lost == 0 || total.Duplicated == 0 || total.Cut == 0 {
		t.Errorf("%+v", total)
	}
}

// drain reads what the kernels still have, until nothing has come for a while.
func (c counting) drain(t *testing.T, next uint64) uint64 {
	t.Helper()
	proc.Eventually(t, patience, "the wire is silent", func() error {
		before := next
		if next = c.read(t, next, 300*time.Millisecond); next != before {
			return fmt.Errorf("%d numbers", next-before)
		}
		return nil
	})
	return next
}

// many numbers take some hundred packets.
const many = 50_000

// more reads until some numbers more have come.
func (c counting) more(t *testing.T, next uint64) uint64 {
	t.Helper()
	first := next
	proc.Eventually(t, patience, "more numbers", func() error {
		if next = c.read(t, next, 50*time.Millisecond); next-first < many {
			return fmt.Errorf("only %d", next-first)
		}
		return nil
	})
	return next
}

// TestHostAlone: a host has no way out, its loopback is its own, and after Close it does nothing any more.
func TestHostAlone(t *testing.T) {
	Require(t)
	one, two := NewHost(t, 1), NewHost(t, 2)
	ln, err := one.Listen("tcp", "127.0.0.1:7000")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){
		"the test's own": (&net.Dialer{}).DialContext, "another host's": two.DialContext,
	} {
		if c, err := dial(t.Context(), "tcp", "127.0.0.1:7000"); err == nil {
			c.Close()
			t.Errorf("%s loopback leads to the host's", name)
		}
	}
	c, err := one.DialContext(t.Context(), "tcp", "127.0.0.1:7000")
	if err != nil {
		t.Fatalf("its own loopback: %v", err)
	}
	c.Close()
	if c, err := one.DialContext(t.Context(), "tcp", "198.51.100.1:80"); err == nil {
		c.Close()
		t.Error("there is a way out")
	}
	one.Close()
	if err := one.Do(func() { t.Error("done after Close") }); !errors.Is(err, ErrHostClosed) {
		t.Errorf("after Close: %v", err)
	}
	one.Close()
}

// TestKeeps: a host tells whether its end of a connection is still kept, also when the other side has not read what was
// said and knows nothing of the end.
func TestKeeps(t *testing.T) {
	Require(t)
	t.Parallel()
	wire := NewWire(1)
	t.Cleanup(wire.Close)
	one, two := NewHost(t, 1), NewHost(t, 2)
	wire.Join(one)
	wire.Join(two)
	c := connect(t, one, two)
	from, err := netip.ParseAddrPort(c.near.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := two.keeps(quorumPort, from); !kept || err != nil {
		t.Errorf("kept %t, %v, while it stands", kept, err)
	}
	if kept, err := two.keeps(clientPort, from); kept || err != nil {
		t.Errorf("kept %t, %v, at another port", kept, err)
	}
	if err := c.far.SetWriteDeadline(time.Now().Add(tick)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = c.far.Write(make([]byte, 64<<10)) // until nothing more fits
	}
	if err := c.far.Close(); err != nil {
		t.Fatal(err)
	}
	if kept, err := two.keeps(quorumPort, from); kept || err != nil {
		t.Errorf("kept %t, %v, after its end", kept, err)
	}
}
