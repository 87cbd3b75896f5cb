package web

import (
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"electnode/internal/event"
)

// TestWordsGiveWay opens more connections than are kept: the oldest ones give way, each with an event, and the
// newest is answered.
func TestWordsGiveWay(t *testing.T) {
	const more = 5
	var mu sync.Mutex
	reasons := map[string]int{}
	seen := make(chan struct{}, wordConnsPerHost+more)
	w, err := ListenWords(WordOptions{Addr: "127.0.0.1:0", Whitelist: []string{"ruok"}, Source: still{err: errStuck},
		Events: event.NewEmitter(1, time.Now, event.SinkFunc(func(s event.Stamped) {
			if ev, ok := s.Event.(event.HandshakeRejected); ok {
				mu.Lock()
				reasons[ev.Reason]++
				mu.Unlock()
				seen <- struct{}{}
			}
		}))})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", w.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() }) // the server has closed it, or will
		return c
	}
	for range wordConnsPerHost + more - 1 {
		dial()
	}
	c := dial()
	if _, err := io.WriteString(c, "ruok"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "imok" {
		t.Errorf("%q, %v", got, err)
	}
	for range more {
		<-seen
	}
	mu.Lock()
	defer mu.Unlock()
	if reasons[event.RejectTooMany] != more || len(reasons) != 1 {
		t.Errorf("%v", reasons)
	}
}

// TestHalfAWord is rejected as closed, not as silent; a connection without a byte is no event.
func TestHalfAWord(t *testing.T) {
	got := make(chan string, 4)
	w, err := ListenWords(WordOptions{Addr: "127.0.0.1:0", Source: still{err: errStuck},
		Events: event.NewEmitter(1, time.Now, event.SinkFunc(func(s event.Stamped) {
			got <- s.Event.(event.HandshakeRejected).Reason
		}))})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "ru", ""} {
		c, err := net.Dial("tcp", w.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	close(got)
	var all []string
	for r := range got {
		all = append(all, r)
	}
	if len(all) != 1 || all[0] != event.RejectClosed {
		t.Errorf("events %q", all)
	}
}

// from dials addr from an address of loopback of its own, as another host would.
func from(t *testing.T, local, addr string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}}
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the server may have closed it
	return c
}

// TestWordsFloodSpares: a flood from one host crowds out itself; a slow client of another is answered.
func TestWordsFloodSpares(t *testing.T) {
	const flood = 3 * wordConns
	rejected := make(chan struct{}, flood)
	w, err := ListenWords(WordOptions{Addr: "127.0.0.1:0", Whitelist: []string{"ruok"}, Source: still{err: errStuck},
		Events: event.NewEmitter(1, time.Now, event.SinkFunc(func(s event.Stamped) {
			if s.Event.(event.HandshakeRejected).Reason == event.RejectTooMany {
				rejected <- struct{}{}
			}
		}))})
	if err != nil {
		t.Fatal(err)
	}
	slow := from(t, "127.0.0.2", w.Addr())
	for range flood {
		from(t, "127.0.0.1", w.Addr())
	}
	late := time.After(wordTime)
	for range flood - wordConnsPerHost {
		select {
		case <-rejected:
		case <-late:
			t.Fatal("too few were rejected")
		}
	}
	if n := w.guests.open(); n != wordConnsPerHost+1 {
		t.Errorf("%d connections are open", n)
	}
	if _, err := io.WriteString(slow, "ruok"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(slow); err != nil || string(got) != "imok" {
		t.Errorf("%q, %v", got, err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// failing is a listener whose first calls find no file descriptor.
type failing struct {
	net.Listener
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left--; f.left >= 0 {
		return nil, syscall.EMFILE
	}
	return f.Listener.Accept()
}

// TestWordsAcceptAgain: the client port outlives a time without file descriptors.
func TestWordsAcceptAgain(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := serveWords(WordOptions{Whitelist: []string{"ruok"}, Source: still{err: errStuck}}, &failing{ln, 3})
	c := from(t, "127.0.0.1", w.Addr())
	if _, err := io.WriteString(c, "ruok"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "imok" {
		t.Errorf("%q, %v", got, err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
