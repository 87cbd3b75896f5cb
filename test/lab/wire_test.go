package lab

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// socket is a device in memory.
type socket struct {
	out    chan []byte // what its host sends
	in     chan []byte // what was delivered
	closed chan struct{}
}

func newSocket() *socket {
	return &socket{out: make(chan []byte), in: make(chan []byte, 3*maxFlight), closed: make(chan struct{})}
}

func (s *socket) Read(b []byte) (int, error) {
	select {
	case p := <-s.out:
		return copy(b, p), nil
	case <-s.closed:
		return 0, io.EOF
	}
}

func (s *socket) Write(p []byte) (int, error) {
	select {
	case s.in <- p:
		return len(p), nil
	default:
		return 0, errors.New("full")
	}
}

func (s *socket) Close() error {
	close(s.closed)
	return nil
}

// packet makes an IPv4 packet with a number in it.
func packet(to byte, number uint32) []byte {
	p := make([]byte, 24)
	p[0] = 0x45
	copy(p[16:], []byte{192, 0, 2, to})
	binary.BigEndian.PutUint32(p[20:], number)
	return p
}

// arrived lists the numbers of the packets that were delivered so far.
func (s *socket) arrived() []uint32 {
	var all []uint32
	for {
		select {
		case p := <-s.in:
			all = append(all, binary.BigEndian.Uint32(p[20:]))
		default:
			return all
		}
	}
}

// bench is a wire in a bubble with two devices in memory.
type bench struct {
	*Wire
	one, two *socket
}

func onWire(t *testing.T, f func(t *testing.T, b bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := bench{NewWire(1), newSocket(), newSocket()}
		b.Attach(1, b.one)
		b.Attach(2, b.two)
		f(t, b)
		b.Close()
	})
}

// say sends n numbered packets from 1 to 2 at once.
func (b bench) say(n uint32) {
	for i := range n {
		b.one.out <- packet(2, i)
	}
	synctest.Wait()
}

func TestWireGood(t *testing.T) {
	onWire(t, func(t *testing.T, b bench) {
		b.say(3)
		if got := b.two.arrived(); !slices.Equal(got, []uint32{0, 1, 2}) {
			t.Errorf("arrived %v", got)
		}
		b.two.out <- packet(1, 7)
		b.two.out <- packet(9, 8)                // nobody has that address
		b.two.out <- []byte{0x60, 0, 0, 0, 0, 0} // IPv6, as kernels send unasked
		synctest.Wait()
		if got := b.one.arrived(); !slices.Equal(got, []uint32{7}) {
			t.Errorf("arrived %v", got)
		}
		if c, stray := b.Total(); c != (Counts{Passed: 4}) || stray != 2 {
			t.Errorf("%+v, %d stray", c, stray)
		}
	})
}

// TestWireCut: one direction alone is cut, and that counts for what is on its way too.
func TestWireCut(t *testing.T) {
	onWire(t, func(t *testing.T, b bench) {
		b.Set(1, 2, Fault{Delay: time.Second})
		b.say(2)
		b.Change(1, 2, func(f *Fault) { f.Cut = true })
		b.say(1)
		b.two.out <- packet(1, 5)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := b.two.arrived(); len(got) != 0 {
			t.Errorf("arrived %v over a wire that is cut", got)
		}
		if got := b.one.arrived(); !slices.Equal(got, []uint32{5}) {
			t.Errorf("the other direction: %v", got)
		}
		if c := b.Count(1, 2); c != (Counts{Cut: 3}) {
			t.Errorf("%+v", c)
		}
		b.Heal()
		b.say(1)
		if got := b.two.arrived(); len(got) != 1 {
			t.Errorf("after healing: %v", got)
		}
	})
}

func TestWireDelay(t *testing.T) {
	onWire(t, func(t *testing.T, b bench) {
		b.Set(1, 2, Fault{Delay: 30 * time.Millisecond, Jitter: 20 * time.Millisecond})
		b.say(200)
		time.Sleep(30*time.Millisecond - 1)
		synctest.Wait()
		if got := b.two.arrived(); len(got) != 0 {
			t.Errorf("too early: %v", got)
		}
		time.Sleep(10*time.Millisecond + 1)
		synctest.Wait()
		half := b.two.arrived()
		if len(half) < 60 || len(half) > 140 {
			t.Errorf("%d of 200 after half of the jitter", len(half))
		}
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		all := append(half, b.two.arrived()...)
		if len(all) != 200 || slices.IsSorted(all) {
			t.Errorf("%d arrived, in order: %t", len(all), slices.IsSorted(all))
		}
		// A packet with less delay overtakes those that are on their way.
		b.say(1)
		b.Set(1, 2, Fault{})
		b.say(2)
		if got := b.two.arrived(); !slices.Equal(got, []uint32{0, 1}) {
			t.Errorf("%v did not overtake", got)
		}
	})
}

func TestWireLossAndDuplicates(t *testing.T) {
	onWire(t, func(t *testing.T, b bench) {
		b.Set(1, 2, Fault{Loss: 0.25, Duplicate: 0.5})
		b.say(1000)
		got := len(b.two.arrived())
		c := b.Count(1, 2)
		if c.Lost < 190 || c.Lost > 310 || c.Duplicated < 310 || c.Duplicated > 440 {
			t.Errorf("%+v of 1000 with a loss of 0.25 and 0.5 doubled", c)
		}
		if want := 1000 - c.Lost + c.Duplicated; c.Passed != want || got != int(want) {
			t.Errorf("%d arrived, %+v", got, c)
		}
	})
}

// TestWireBounded: what does not fit is dropped and counted, and the packets before it are delivered.
func TestWireBounded(t *testing.T) {
	onWire(t, func(t *testing.T, b bench) {
		b.Set(1, 2, Fault{Delay: time.Second})
		b.say(maxFlight + 10)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := len(b.two.arrived()); got != maxFlight {
			t.Errorf("%d arrived", got)
		}
		if c := b.Count(1, 2); c != (Counts{Passed: maxFlight, Crowded: 10}) {
			t.Errorf("%+v", c)
		}
	})
}
