package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair connects 10.0.0.1 to a listener of 10.0.0.2 and returns the dialled and the accepted end.
func pair(t *testing.T, n *Net) (a, b net.Conn) {
	t.Helper()
	ln, err := n.Host("10.0.0.2").Listen("10.0.0.2:80")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if a, err = n.Host("10.0.0.1").Dial(t.Context(), "10.0.0.2:80"); err != nil {
		t.Fatal(err)
	}
	if b, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func read(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Errorf("read %q, %v, want %q", got, err, want)
	}
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Errorf("write %q: %v", text, err)
	}
}

func TestConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		a, b := pair(t, n)
		write(t, a, "to b")
		write(t, b, "to a")
		read(t, a, "to a")
		read(t, b, "to b")
		if a.LocalAddr().String() != b.RemoteAddr().String() || a.RemoteAddr().String() != "10.0.0.2:80" {
			t.Errorf("%s to %s", a.LocalAddr(), a.RemoteAddr())
		}
		write(t, a, "bye")
		a.Close()
		read(t, b, "bye")
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after the end: %v", err)
		}
		if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write to a closed end: %v", err)
		}
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read of a closed end: %v", err)
		}
		b.Close()
		if n.Conns() != 0 || len(n.conns) != 0 {
			t.Errorf("%d ends left", n.Conns())
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		a, b := pair(t, n)
		began := time.Now()
		a.SetReadDeadline(began.Add(time.Second))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		a.SetWriteDeadline(began.Add(3 * time.Second))
		if k, err := a.Write(make([]byte, pipeSize+1)); k != pipeSize || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("%d bytes, %v after %s", k, err, time.Since(began))
		}
		a.SetDeadline(time.Time{})
		go func() { // ends when a is closed
			if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("read while closing: %v", err)
			}
		}()
		synctest.Wait()
		a.Close()
		b.Close()
	})
}

func TestCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		a, b := pair(t, n)
		n.Cut("10.0.0.1", "10.0.0.2")
		write(t, a, "held")
		write(t, b, "not held")
		read(t, a, "not held")
		a.Close()
		b.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("through the cut: %v", err)
		}
		b.SetReadDeadline(time.Time{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.Host("10.0.0.2").Dial(ctx, "10.0.0.1:80"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dial through the cut: %v", err)
		}
		n.Mend("10.0.0.1", "10.0.0.2")
		read(t, b, "held")
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after the end: %v", err)
		}
		b.Close()

		a, b = pair(t, n)
		n.CutBoth("10.0.0.1", "10.0.0.2")
		n.Crash("10.0.0.1")
		b.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("news of a crash through the cut: %v", err)
		}
		n.MendBoth("10.0.0.1", "10.0.0.2")
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after the crash: %v", err)
		}
		a.Close()
		b.Close()
	})
}

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		n.Latency(20 * time.Millisecond)
		began := time.Now()
		a, b := pair(t, n)
		write(t, a, "x")
		read(t, b, "x")
		if took := time.Since(began); took != 60*time.Millisecond {
			t.Errorf("took %s", took)
		}
		n.Break("10.0.0.1", "10.0.0.2")
		for _, c := range []net.Conn{a, b} {
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("after a break: %v", err)
			}
			c.Close()
		}
		host := n.Host("10.0.0.1")
		if _, err := host.Dial(t.Context(), "10.0.0.2:80"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens: %v", err)
		}
		ln, err := host.Listen("10.0.0.1:80")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := host.Listen("10.0.0.1:80"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("taken: %v", err)
		}
		if _, err := host.Listen("10.0.0.9:80"); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("another's address: %v", err)
		}
		n.Refuse("10.0.0.1", true)
		if _, err := host.Dial(t.Context(), "10.0.0.1:80"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("refusing: %v", err)
		}
		n.Refuse("10.0.0.1", false)
		n.BlackHole("10.0.0.1:80", true)
		dialled := make(chan error)
		go func() { // ends when the hole is closed
			c, err := host.Dial(t.Context(), "10.0.0.1:80")
			if err == nil {
				c.Close()
			}
			dialled <- err
		}()
		time.Sleep(time.Hour)
		n.BlackHole("10.0.0.1:80", false)
		if err := <-dialled; err != nil {
			t.Errorf("hole closed: %v", err)
		}
		ln.Close()
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		host := n.Host("10.0.0.1")
		n.Name("zoo", time.Second, "10.0.0.2", "fd00::2")
		began := time.Now()
		if ips, err := host.Lookup(t.Context(), "zoo"); err != nil || len(ips) != 2 || time.Since(began) != time.Second {
			t.Errorf("%v, %v after %s", ips, err, time.Since(began))
		}
		if ips, err := host.Lookup(t.Context(), "fd00::3"); err != nil || ips[0] != "fd00::3" {
			t.Errorf("%v, %v", ips, err)
		}
		var dns *net.DNSError
		if _, err := host.Lookup(t.Context(), "nobody"); !errors.As(err, &dns) {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := host.Lookup(ctx, "zoo"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
