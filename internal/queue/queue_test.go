package queue

import (
	"sync"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// TestQueue: what is taken is what was recorded, in order; when there is no room the oldest go, counted.
func TestQueue(t *testing.T) {
	q := New(4)
	record := func(from, to int64) {
		for i := from; i <= to; i++ {
			q.Record(event.Stamped{Node: quorum.SID(i)})
		}
	}
	buf := make([]event.Stamped, 3)
	check := func(want ...quorum.SID) {
		t.Helper()
		n, _ := q.Take(buf)
		for i := range n {
			if i >= len(want) || buf[i].Node != want[i] {
				t.Fatalf("took %+v, want %v", buf[:n], want)
			}
		}
		if n != len(want) {
			t.Fatalf("took %d, want %v", n, want)
		}
	}
	check()
	record(1, 2)
	<-q.Ready()
	check(1, 2)
	record(3, 9)
	if n, lost := q.Take(buf[:1]); n != 1 || lost != 3 || buf[0].Node != 6 {
		t.Fatalf("%d, %d lost, %+v", n, lost, buf[0])
	}
	check(7, 8, 9)
	check()
}

// TestQueueLosesNothingSilently: whatever many goroutines record is either taken or counted as lost, and a
// taker that waits for Ready sees all of it.
func TestQueueLosesNothingSilently(t *testing.T) {
	const writers, each = 8, 10_000
	q := New(64)
	var emit sync.WaitGroup
	for range writers {
		emit.Go(func() {
			for range each {
				q.Record(event.Stamped{})
			}
		})
	}
	buf := make([]event.Stamped, 16)
	total := uint64(0)
	deadline := time.After(time.Minute)
	for total < writers*each {
		select {
		case <-q.Ready():
		case <-deadline:
			t.Fatalf("%d of %d events, and no sign of more", total, writers*each)
		}
		for {
			n, lost := q.Take(buf)
			total += uint64(n) + lost
			if n == 0 {
				break
			}
		}
	}
	emit.Wait()
	if total != writers*each {
		t.Errorf("%d events of %d", total, writers*each)
	}
}

func BenchmarkQueue(b *testing.B) {
	q := New(4096)
	s := event.Stamped{Event: &event.NotificationSent{}}
	b.ReportAllocs()
	for b.Loop() {
		q.Record(s)
	}
}
