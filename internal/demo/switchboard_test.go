package demo

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// cable is a wire on the line between servers 1 and 2, and what is at its other end.
func cable(t *testing.T) (*switchboard, *wire, net.Conn) {
	t.Helper()
	board := newSwitchboard()
	near, far := net.Pipe()
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return board, &wire{Conn: near, gate: board.gate(line{1, 2}), done: make(chan struct{}), change: make(chan struct{})}, far
}

// result is what a read or a write came to, later.
type result struct {
	text string
	err  error
}

func reading(r io.Reader) chan result {
	c := make(chan result, 1)
	// Ends when the read does; the test waits for it.
	go func() {
		b := make([]byte, 16)
		n, err := r.Read(b)
		c <- result{string(b[:n]), err}
	}()
	return c
}

func writing(w io.Writer, text string) chan result {
	c := make(chan result, 1)
	// Ends when the write does; the test waits for it.
	go func() {
		_, err := io.WriteString(w, text)
		c <- result{text, err}
	}()
	return c
}

// TestDeadlineLosesNothing: the deadline is kept, and no byte is lost that arrived before it.
func TestDeadlineLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board, w, far := cable(t)
		board.set(line{1, 2}, false)
		out := writing(far, "kept")
		in := reading(w)
		synctest.Wait()
		begun := time.Now()
		if err := w.SetReadDeadline(begun.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if r := <-in; !errors.Is(r.err, os.ErrDeadlineExceeded) || time.Since(begun) != time.Minute {
			t.Errorf("%+v after %s", r, time.Since(begun))
		}
		<-out
		if err := w.SetDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if r := <-writing(w, "x"); !errors.Is(r.err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %+v", r)
		}
		if err := w.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		board.mendAll()
		b := make([]byte, 2) // less than was held back
		for _, want := range []string{"ke", "pt"} {
			if n, err := w.Read(b); err != nil || string(b[:n]) != want {
				t.Errorf("%q, %v, want %q", b[:n], err, want)
			}
		}
	})
}
