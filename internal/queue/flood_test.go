package queue

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// TestFloodLeavesElections: chatter and connections without end push out no event of an election, and the order is
// kept.
func TestFloodLeavesElections(t *testing.T) {
	const size = 1024
	q := New(size)
	for i := range 100 * size {
		q.Record(event.Stamped{Event: event.HandshakeCompleted{Peer: quorum.SID(i)}})
		q.Record(event.Stamped{Event: event.ConnectionUp{Peer: quorum.SID(i)}})
		if i%size == 0 {
			q.Record(event.Stamped{Event: event.RoundChanged{To: quorum.Round(i)}})
			q.Record(event.Stamped{Event: event.HandshakeCompleted{Peer: quorum.SID(i)}})
		}
	}
	buf := make([]event.Stamped, 2*q.Size())
	n, lost := q.Take(buf)
	if n != 100+size/share+size || lost != 100*size*2+200-uint64(n) {
		t.Errorf("%d taken and %d lost", n, lost)
	}
	rounds, up, done := quorum.Round(0), quorum.SID(0), quorum.SID(0)
	for _, s := range buf[:n] {
		switch ev := s.Event.(type) {
		case event.RoundChanged:
			if ev.To != rounds*size {
				t.Fatalf("round %d in place of %d", ev.To, rounds*size)
			}
			rounds++
		case event.ConnectionUp:
			if ev.Peer < up || done > ev.Peer {
				t.Fatalf("up of %d after that of %d and the hand-shake of %d", ev.Peer, up, done)
			}
			up = ev.Peer
		case event.HandshakeCompleted:
			done = ev.Peer
		}
	}
	if rounds != 100 {
		t.Errorf("%d events of elections of 100", rounds)
	}
}

// rejections adds up what a sink is told of rejections: events, and what they stand for.
type rejections struct {
	mu     sync.Mutex
	events int
	all    map[string]uint64
}

func (r *rejections) Record(s event.Stamped) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ev := s.Event.(event.HandshakeRejected)
	r.events++
	r.all[ev.Port+ev.Reason] += 1 + ev.More
}

func (r *rejections) get(kind string) (events int, n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events, r.all[kind]
}

// TestRejectionsAreMerged: a flood of them is a few events, which say exactly how many there were: now and then, when
// somebody asks, and at the end.
func TestRejectionsAreMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := &rejections{all: map[string]uint64{}}
		r := NewRelay(event.FanOut{got}, func(uint64) { t.Error("lost") })
		told := 0
		flood := func(n int, reason string) {
			told += n
			for range n {
				r.Record(event.Stamped{Time: time.Now(), Node: 1, Event: event.HandshakeRejected{Port: "p", Reason: reason}})
			}
		}
		flood(rejectedBurst, "a")
		r.Sync()
		if events, n := got.get("pa"); events != rejectedBurst || n != rejectedBurst {
			t.Errorf("%d events tell of %d, a burst is told one by one", events, n)
		}
		flood(1000, "a")
		flood(1, "b")
		time.Sleep(patience)
		synctest.Wait()
		if events, n := got.get("pa"); events != rejectedBurst+1 || n != rejectedBurst {
			t.Errorf("%d events tell of %d before their time", events, n)
		}
		if _, n := got.get("pb"); n != 1 {
			t.Error("one of another reason waits for a flood")
		}
		time.Sleep(mergePatience)
		synctest.Wait()
		if events, n := got.get("pa"); events != rejectedBurst+2 || n != uint64(told)-1 {
			t.Errorf("%d events tell of %d of %d", events, n, told-1)
		}
		flood(500, "a")
		r.Sync()
		if _, n := got.get("pa"); n != uint64(told)-1 {
			t.Errorf("who asks sees %d of %d", n, told-1)
		}
		flood(500, "a")
		r.Close()
		if events, n := got.get("pa"); n != uint64(told)-1 || events > 2*rejectedBurst {
			t.Errorf("at the end %d events tell of %d of %d", events, n, told-1)
		}
	})
}

// TestAFloodHoldsUpNoOther: what waits of one kind is told in its time, however many of another kind come meanwhile.
func TestAFloodHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := &rejections{all: map[string]uint64{}}
		r := NewRelay(event.FanOut{got}, func(uint64) { t.Error("lost") })
		defer r.Close()
		reject := func(reason string) {
			r.Record(event.Stamped{Time: time.Now(), Node: 1, Event: event.HandshakeRejected{Port: "p", Reason: reason}})
		}
		for range rejectedBurst + 16 {
			reject("a")
		}
		for range 500 { // as many of the other as begin to wait again and again
			time.Sleep(2 * time.Millisecond)
			reject("b")
		}
		time.Sleep(patience + time.Millisecond)
		synctest.Wait()
		if _, n := got.get("pa"); n != rejectedBurst+16 {
			t.Errorf("%d of %d are told after a second", n, rejectedBurst+16)
		}
	})
}

// TestRecordAfterClose: what the sinks say of their own end reaches the others.
func TestRecordAfterClose(t *testing.T) {
	got := &rejections{all: map[string]uint64{}}
	r := NewRelay(event.FanOut{got}, func(uint64) { t.Error("lost") })
	r.Close()
	r.Record(event.Stamped{Event: event.HandshakeRejected{Port: "p", Reason: "late"}})
	if events, _ := got.get("plate"); events != 1 {
		t.Errorf("%d events", events)
	}
}
