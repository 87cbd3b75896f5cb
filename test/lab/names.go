package lab

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer is where a host with a name service of its own asks: its loopback.
const nameServer = "127.0.0.1:53"

// Names is the name service of one host, in the hands of the test. Its methods may be called from any goroutine.
type Names struct {
	conn    net.PacketConn
	quit    chan struct{}
	running sync.WaitGroup

	mu     sync.Mutex // guards what follows
	names  map[string]netip.Addr
	silent bool
	delay  time.Duration
	asked  int
}

// NewNames gives the host a name service that knows these names, without a dot at the end, and nobody else. No process
// may have been started on the host before.
func (h *Host) NewNames(t testing.TB, names map[string]netip.Addr) *Names {
	t.Helper()
	h.ownMounts(t)
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver 127.0.0.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &Names{quit: make(chan struct{}), names: names}
	h.must(t, "a name service", func() (err error) {
		if err := bindFile(conf, "/etc/resolv.conf"); err != nil {
			return err
		}
		s.conn, err = net.ListenPacket("udp", nameServer)
		return err
	})
	// Owned by s: ends when its socket is closed.
	s.running.Go(s.serve)
	t.Cleanup(func() {
		close(s.quit)
		_ = s.conn.Close() // nobody waits for what was on its way
		s.running.Wait()
	})
	return s
}

// Silent makes the service say nothing at all, or speak again.
func (s *Names) Silent(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = on
}

// Slow makes each answer take so long from now on.
func (s *Names) Slow(delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = delay
}

// Asked is how many questions came so far.
func (s *Names) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *Names) serve() {
	buf := make([]byte, 512)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		var question dnsmessage.Message
		if err != nil || question.Unpack(buf[:n]) != nil || len(question.Questions) != 1 {
			continue
		}
		s.mu.Lock()
		s.asked++
		silent, delay := s.silent, s.delay
		s.mu.Unlock()
		if silent {
			continue
		}
		// Owned by s: ends when the answer was sent.
		s.running.Go(func() {
			select {
			case <-time.After(delay):
				if reply, err := s.answer(question); err == nil {
					_, _ = s.conn.WriteTo(reply, from) // who asked asks again
				}
			case <-s.quit:
			}
		})
	}
}

// answer is an address for an A question about a known name, nothing for another kind, and otherwise no such name.
func (s *Names) answer(m dnsmessage.Message) ([]byte, error) {
	q := m.Questions[0]
	name := q.Name.String()
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}
	m.Additionals = nil
	addr, ok := s.names[name[:max(0, len(name)-1)]]
	switch {
	case !ok:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
			Body: &dnsmessage.AResource{A: addr.As4()}}}
	}
	return m.Pack()
}
