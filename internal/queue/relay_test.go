package queue

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kept keeps what it gets.
type kept struct {
	mu  sync.Mutex
	all []event.Stamped
}

func (k *kept) Record(s event.Stamped) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, s)
}

func (k *kept) len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.all)
}

// TestRelay: every sink gets every event in order, a while later, or at once when somebody asks or it ends.
func TestRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b kept
		r := NewRelay(event.FanOut{&a, &b}, func(uint64) { t.Error("lost") })
		next := 0
		record := func(n int) {
			for range n {
				next++
				r.Record(event.Stamped{Node: quorum.SID(next)})
			}
		}
		record(100)
		time.Sleep(patience - 1)
		synctest.Wait()
		if a.len() != 0 {
			t.Errorf("%d events before the time", a.len())
		}
		time.Sleep(1)
		synctest.Wait()
		if a.len() != 100 || b.len() != 100 {
			t.Errorf("%d and %d events of 100", a.len(), b.len())
		}
		record(10)
		r.Sync()
		if a.len() != 110 {
			t.Errorf("%d events of 110 after Sync", a.len())
		}
		record(relaySize / 2)
		synctest.Wait()
		if a.len() != next {
			t.Errorf("%d events of %d when the queue was half full", a.len(), next)
		}
		record(1)
		r.Close()
		r.Close()
		r.Sync()
		for i, s := range b.all {
			if int(s.Node) != i+1 {
				t.Fatalf("event %d is number %d", i, s.Node)
			}
		}
		if b.len() != next {
			t.Errorf("%d events of %d at the end", b.len(), next)
		}
	})
}

// TestRelayLoses: a sink that holds the relay up costs events, which are counted.
func TestRelayLoses(t *testing.T) {
	gate := make(chan struct{})
	var lost, got atomic.Uint64
	r := NewRelay(event.FanOut{event.SinkFunc(func(event.Stamped) { <-gate; got.Add(1) })}, func(n uint64) { lost.Add(n) })
	const all = 3 * relaySize
	for range all {
		r.Record(event.Stamped{})
	}
	close(gate)
	r.Sync()
	r.Sync() // each takes a whole queue at most
	r.Close()
	if got.Load()+lost.Load() != all || lost.Load() < all-2*relaySize {
		t.Errorf("%d events handed on and %d lost of %d", got.Load(), lost.Load(), all)
	}
}

func BenchmarkRelay(b *testing.B) {
	r := NewRelay(event.FanOut{}, func(uint64) {})
	defer r.Close()
	s := event.Stamped{Event: &event.NotificationSent{}}
	b.ReportAllocs()
	for b.Loop() {
		r.Record(s)
	}
}
