package names

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// service is a name service in the hands of the test, and a network on which some addresses cannot be bound.
type service struct {
	mu    sync.Mutex
	ips   []string
	delay time.Duration
	err   error
	asked int
	bound []string
	taken string
}

var errGone = errors.New("no name service")

func (s *service) set(delay time.Duration, err error, ips ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay, s.err, s.ips = delay, err, ips
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *service) Lookup(ctx context.Context, _ string) ([]string, error) {
	s.mu.Lock()
	s.asked++
	delay, err, ips := s.delay, s.err, s.ips
	s.mu.Unlock()
	select {
	case <-time.After(delay):
		return ips, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *service) Dial(context.Context, string) (net.Conn, error) { return nil, errGone }

func (s *service) Listen(addr string) (net.Listener, error) {
	if addr == s.taken {
		return nil, errors.New("taken")
	}
	s.bound = append(s.bound, addr)
	return nil, nil
}

// asked has b look "zoo1" up and says how long that took.
func asked(t *testing.T, b *Book, within time.Duration) (ips []string, took time.Duration, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	began := time.Now()
	ips, err = b.Lookup(ctx, "zoo1")
	return ips, time.Since(began), err
}

func TestLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		b := NewBook(s)
		b.Keep([]string{"zoo1"})
		expect := func(what string, want []string, wantTook time.Duration, old bool) {
			t.Helper()
			ips, took, err := asked(t, b, 5*time.Second)
			if !slices.Equal(ips, want) || took != wantTook || errors.Is(err, ErrOld) != old || !old && err != nil {
				t.Errorf("%s: %v after %s, %v; want %v after %s, old %t", what, ips, took, err, want, wantTook, old)
			}
		}
		s.set(3*time.Second, nil, "10.0.0.1")
		expect("the first answer is waited for", []string{"10.0.0.1"}, 3*time.Second, false)
		s.set(time.Millisecond, nil, "10.0.0.2")
		expect("a new answer", []string{"10.0.0.2"}, time.Millisecond, false)
		s.set(time.Millisecond, errGone)
		expect("gone", []string{"10.0.0.2"}, time.Millisecond, true)
		s.set(time.Second, nil, "10.0.0.3")
		expect("slow", []string{"10.0.0.2"}, patience, true)
		expect("known to be slow", []string{"10.0.0.2"}, 0, true)
		time.Sleep(2 * time.Second)
		s.set(0, errGone)
		expect("what came late is known", []string{"10.0.0.3"}, 0, true)
		b.Keep([]string{"zoo2"})
		if ips, _, err := asked(t, b, time.Second); ips != nil || !errors.Is(err, errGone) || errors.Is(err, ErrOld) {
			t.Errorf("a name that is not kept any more: %v, %v", ips, err)
		}
		b.Close()
	})
}

// TestFresh: who has no use for an older answer waits for the present one, and for no longer than its context lasts.
func TestFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		b := NewBook(s)
		defer b.Close()
		b.Keep([]string{"zoo1"})
		s.set(0, nil, "10.0.0.1", "10.0.0.2")
		if _, _, err := asked(t, b, time.Second); err != nil {
			t.Fatal(err)
		}
		if got := b.Leading("10.0.0.2"); !slices.Equal(got, []string{"zoo1"}) || len(b.Leading("10.0.0.3")) > 0 {
			t.Errorf("what leads to 10.0.0.2: %v", got)
		}
		s.set(time.Second, nil, "10.0.0.3")
		if ips, _, err := asked(t, b, time.Minute); !errors.Is(err, ErrOld) || !slices.Equal(ips, []string{"10.0.0.1", "10.0.0.2"}) {
			t.Errorf("the older answer: %v, %v", ips, err)
		}
		ctx, cancel := context.WithTimeout(Fresh(t.Context()), 500*time.Millisecond)
		defer cancel()
		if ips, err := b.Lookup(ctx, "zoo1"); len(ips) > 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("not so soon: %v, %v", ips, err)
		}
		if ips, err := b.Lookup(Fresh(t.Context()), "zoo1"); err != nil || !slices.Equal(ips, []string{"10.0.0.3"}) {
			t.Errorf("the present one: %v, %v", ips, err)
		}
		s.set(0, errGone)
		if ips, err := b.Lookup(Fresh(t.Context()), "zoo1"); len(ips) > 0 || !errors.Is(err, errGone) {
			t.Errorf("gone: %v, %v", ips, err)
		}
	})
}

// TestSilent: a service that never answers delays nobody who has an answer, and Close ends the look-up.
func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		s.set(time.Hour, nil)
		b := NewBook(s)
		b.Keep([]string{"zoo1"})
		if _, took, err := asked(t, b, time.Second); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("without an answer: %v after %s", err, took)
		}
		if n := s.count(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		if _, _, err := asked(t, b, time.Second); err == nil || s.count() != 1 {
			t.Errorf("who asks meanwhile waits for the same look-up: %v, asked %d times", err, s.count())
		}
		began := time.Now()
		b.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("Close took %s", took)
		}
	})
}

func TestListen(t *testing.T) {
	s := &service{taken: "10.0.0.1:2888"}
	b := NewBook(s)
	defer b.Close()
	b.Keep([]string{"zoo1"})
	s.set(0, nil, "10.0.0.1", "10.0.0.2")
	for _, addr := range []string{"zoo1:2888", "127.0.0.1:2888", ":2888", "[::1]:2888"} {
		if _, err := b.Listen(addr); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
	s.set(0, errGone)
	if _, err := b.Listen("zoo1:2888"); err != nil {
		t.Errorf("without a name service: %v", err)
	}
	want := []string{"10.0.0.2:2888", "127.0.0.1:2888", ":2888", "[::1]:2888", "10.0.0.2:2888"}
	if !slices.Equal(s.bound, want) {
		t.Errorf("bound %v, want %v", s.bound, want)
	}
	if _, err := b.Listen("zoo3:2888"); !errors.Is(err, errGone) {
		t.Errorf("an unknown name: %v", err)
	}
}
