package recorder

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// TestRing compares a ring with a list that is cut from the front, for many sizes.
func TestRing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		r := ring{max: 20 + rng.IntN(4000)}
		var model []entry
		size, text := 0, make([]byte, 600)
		for seq := uint64(1); seq < 400; seq++ {
			line := text[:rng.IntN(1+rng.IntN(len(text)))]
			for i := range line {
				line[i] = byte(seq)
			}
			fits := headerSize+len(line) <= r.max
			if r.push(seq, line) != fits {
				t.Fatalf("a line of %d in %d", len(line), r.max)
			}
			if fits {
				model = append(model, entry{seq, slices.Clone(line)})
				size += headerSize + len(line)
			}
			for size > r.max {
				size -= headerSize + len(model[0].text)
				model = model[1:]
			}
			if len(r.buf) > r.max || r.n != len(model) || r.used != size {
				t.Fatalf("max %d: %d bytes, %d lines of %d bytes; want %d of %d", r.max, len(r.buf), r.n, r.used, len(model), size)
			}
			i := 0
			for e := range entries(r.packed(0, r.used)) {
				if e.seq != model[i].seq || !slices.Equal(e.text, model[i].text) {
					t.Fatalf("line %d is %d %v, want %v", i, e.seq, e.text, model[i])
				}
				i++
			}
		}
	}
}

// TestRead: from now on, from a place, from one that is gone, from one that never was; bit by bit.
func TestRead(t *testing.T) {
	tape := newTape("t", 1000)
	if b := tape.Read(0, 100); b.Next != 1 || b.Wait == nil || b.Missed != 0 {
		t.Errorf("empty: %+v", b)
	}
	wait := tape.Read(1, 100).Wait
	var line [8]byte
	for i := range uint64(100) { // 20 bytes each with the header: 50 fit
		binary.BigEndian.PutUint64(line[:], i+1)
		tape.write(line[:])
	}
	select {
	case <-wait:
	default:
		t.Error("who waits is not told")
	}
	for _, c := range []struct{ from, first, missed, next uint64 }{
		{0, 101, 0, 101}, {101, 101, 0, 101}, {5000, 101, 0, 101}, {100, 100, 0, 101}, {51, 51, 0, 56}, {50, 51, 1, 56}, {1, 51, 50, 56},
	} {
		b := tape.Read(c.from, 100)
		if b.First != c.first || b.Missed != c.missed || b.Next != c.next || (b.Wait == nil) != (len(b.Lines) > 0) {
			t.Errorf("from %d: %+v", c.from, b)
		}
		for i, l := range b.Lines {
			if binary.BigEndian.Uint64(l) != b.First+uint64(i) {
				t.Errorf("from %d: line %d is %v", c.from, i, l)
			}
		}
	}
	if b := tape.Read(60, 1); len(b.Lines) != 1 || b.Next != 61 {
		t.Errorf("a small bite: %+v", b)
	}
}

// TestReadFromEverywhere: lines of all lengths are found from every number.
func TestReadFromEverywhere(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	tape := newTape("t", 64<<10)
	text := make([]byte, 400)
	const last = 3000
	for i := range uint64(last) {
		binary.BigEndian.PutUint64(text, i+1)
		tape.write(text[:8+rng.IntN(392)])
	}
	oldest := tape.Read(1, 1).First
	if oldest < 2000 || oldest > 2900 {
		t.Fatalf("the oldest is %d", oldest)
	}
	for from := uint64(1); from <= last; from++ {
		b := tape.Read(from, 2000)
		if b.First != max(from, oldest) || b.Missed != b.First-from || len(b.Lines) < 1 {
			t.Fatalf("from %d: %+v", from, b)
		}
		for i, l := range b.Lines {
			if binary.BigEndian.Uint64(l) != b.First+uint64(i) {
				t.Fatalf("from %d: line %d is %d", from, i, binary.BigEndian.Uint64(l))
			}
		}
	}
	if len(tape.marks) > 64 {
		t.Errorf("%d marks", len(tape.marks))
	}
}

// TestReaders: while events come from many goroutines every reader gets each of them once, in order, or is told
// how many it missed; and those who ask for elections disturb nobody.
func TestReaders(t *testing.T) {
	const writers, each = 4, 5_000
	var dropped atomic.Uint64
	opt := Options{Bytes: 1 << 20, Dropped: func(n uint64) { dropped.Add(n) }}
	r := New(opt)
	e := event.NewEmitter(1, time.Now, r)
	e.Emit(event.ElectionStarted{})
	var all sync.WaitGroup
	for range writers {
		// Ends with its events.
		all.Go(func() {
			for i := range each {
				e.Emit(event.HeartbeatMissed{Peer: quorum.SID(i)})
				if i%500 == 0 {
					e.Emit(event.ElectionStarted{})
					r.Elections()
					r.Election("1")
				}
			}
		})
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		// Ends when it has read all after stop.
		readers.Go(func() {
			next, got := uint64(1), uint64(0)
			for {
				b := r.Read(next, 4096)
				if b.First != next+b.Missed || b.Next != b.First+uint64(len(b.Lines)) {
					t.Errorf("read on at %d: %+v", next, b)
				}
				got += b.Missed + uint64(len(b.Lines))
				next = b.Next
				if b.Wait == nil {
					continue
				}
				select {
				case <-b.Wait:
				case <-stop:
					if r.Read(next, 1).Wait != nil {
						if total := r.last; got != total {
							t.Errorf("%d events of %d", got, total)
						}
						return
					}
				}
			}
		})
	}
	all.Wait()
	r.Close(time.Minute)
	close(stop)
	readers.Wait()
	if r.last+dropped.Load() != writers*(each+each/500)+1 {
		t.Errorf("%d recorded and %d dropped", r.last, dropped.Load())
	}
}

// TestClose: what waits is recorded, what comes later is not, and questions are still answered.
func TestClose(t *testing.T) {
	s := NewStream(Options{Token: "here"})
	e := event.NewEmitter(1, time.Now, s)
	for range 100 {
		e.Emit(event.ElectionStarted{})
	}
	s.Close(time.Minute)
	e.Emit(event.ElectionStarted{})
	s.Close(time.Minute)
	if b := s.Read(1, 1<<20); len(b.Lines) != 100 || s.Token() != "here" {
		t.Errorf("%d lines of 100", len(b.Lines))
	}
	if a, b := NewStream(Options{}), NewStream(Options{}); a.Token() == b.Token() || len(a.Token()) < 8 {
		t.Errorf("tokens %q and %q", a.Token(), b.Token())
	} else {
		a.Close(time.Minute)
		b.Close(time.Minute)
	}
}

// TestStuck: a recorder whose goroutine is held up does not hold up others, not even at the end.
func TestStuck(t *testing.T) {
	held, free := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s := NewStream(Options{Queue: 4, Dropped: func(uint64) { once.Do(func() { close(held); <-free }) }})
	deadline := time.After(time.Minute)
	for stuck := false; !stuck; {
		s.Record(event.Stamped{Event: event.QuorumUndone{}})
		select {
		case <-held:
			stuck = true
		case <-deadline:
			t.Fatal("nothing is ever said to be lost")
		default:
		}
	}
	for range 1000 {
		s.Record(event.Stamped{Event: event.QuorumUndone{}})
	}
	s.Close(time.Millisecond)
	s.Read(1, 100)
	close(free)
	s.Close(time.Minute)
}

// TestRecordTakesNoMemory on the side of those who record.
func TestRecordTakesNoMemory(t *testing.T) {
	r := New(Options{})
	r.Close(time.Minute) // nobody else counts
	s := event.Stamped{Time: time.Now(), Node: 1, Event: &event.NotificationSent{Peer: 2}}
	if n := testing.AllocsPerRun(1000, func() { r.Record(s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkRecord is what recording costs those who emit; with the goroutine at work beside it.
func BenchmarkRecord(b *testing.B) {
	r := New(Options{})
	defer r.Close(time.Minute)
	s := event.Stamped{Time: time.Now(), Node: 1, Event: &event.NotificationSent{Peer: 2}}
	b.ReportAllocs()
	for b.Loop() {
		r.Record(s)
	}
}

// BenchmarkTake is what it costs the recorder's own goroutine.
func BenchmarkTake(b *testing.B) {
	r := New(Options{})
	defer r.Close(time.Minute)
	s := event.Stamped{Time: time.Now(), Node: 1, Event: &event.NotificationSent{Peer: 2}}
	b.ReportAllocs()
	for b.Loop() {
		r.take(s)
	}
}

// TestSync: what was recorded before is there, also when others ask, record and close meanwhile.
func TestSync(t *testing.T) {
	s := NewStream(Options{Bytes: 4 << 20})
	var group sync.WaitGroup
	for range 4 {
		// Ends with its events.
		group.Go(func() {
			for range 100 {
				s.Record(event.Stamped{Event: event.HeartbeatMissed{}})
				s.Sync()
			}
		})
	}
	for n := range 40 {
		s.Record(event.Stamped{Node: 7, Event: event.HeartbeatMissed{Peer: quorum.SID(n)}})
		s.Sync()
		lines := s.Read(1, 4<<20).Lines
		if got := numbersOf(t, lines); got != n+1 {
			t.Fatalf("%d of %d", got, n+1)
		}
	}
	s.Close(time.Minute)
	s.Sync() // nothing comes any more
	group.Wait()
}

// numbersOf counts the lines of node 7.
func numbersOf(t *testing.T, lines [][]byte) (n int) {
	t.Helper()
	for _, line := range lines {
		if s, err := event.ParseJSON(line); err != nil {
			t.Fatal(err)
		} else if s.Node == 7 {
			n++
		}
	}
	return n
}
