package lab

import (
	"bytes"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// Fault is what happens to the packets from one host to another. The zero value is a good wire.
type Fault struct {
	Cut       bool    // nothing gets through, not even what is on its way
	Loss      float64 // share of packets that vanish, 0..1
	Duplicate float64 // share of the others that come twice, 0..1
	Delay     time.Duration
	Jitter    time.Duration // up to so much more, evenly: packets overtake each other
}

// Counts is what a wire did with packets.
type Counts struct {
	Passed     uint64 // handed over, copies included
	Cut        uint64 // dropped because of Fault.Cut
	Lost       uint64 // because of Fault.Loss
	Duplicated uint64
	Crowded    uint64 // dropped because maxFlight were on their way already
	Refused    uint64 // by the device they were for
}

func (c *Counts) add(o Counts) {
	c.Passed += o.Passed
	c.Cut += o.Cut
	c.Lost += o.Lost
	c.Duplicated += o.Duplicated
	c.Crowded += o.Crowded
	c.Refused += o.Refused
}

const (
	// maxFlight bounds the packets on their way from one host to another: 200 ms of what servers send to each other
	// at their worst, and at 1500 bytes 3 MiB.
	maxFlight = 2048
	// maxPacket is more than the MTU of a device.
	maxPacket = 64 << 10
)

// Wire joins devices: what one sends is handed to the device that it is for, after what is set for the pair. Faults
// may change at any time. All methods are safe from any goroutine.
type Wire struct {
	wake    chan struct{} // one place: the first packet to deliver has changed
	quit    chan struct{}
	running sync.WaitGroup

	mu     sync.Mutex // guards what follows; never held while anything blocks
	rand   *rand.Rand
	ends   map[int]io.ReadWriteCloser
	pairs  map[pair]*direction
	flight flight
	seq    uint64
	stray  uint64
	closed bool
}

// pair is an ordered pair of hosts.
type pair struct{ from, to int }

// direction is one pair's share of the wire.
type direction struct {
	fault Fault
	count Counts
	fly   int // packets on their way
}

// NewWire makes a wire without ends, whose loss, duplication and jitter come from seed; Close ends it.
func NewWire(seed uint64) *Wire {
	w := &Wire{wake: make(chan struct{}, 1), quit: make(chan struct{}), ends: map[int]io.ReadWriteCloser{},
		pairs: map[pair]*direction{}, rand: rand.New(rand.NewPCG(seed, 0))}
	// Owned by the wire, ended by Close.
	w.running.Go(w.deliver)
	return w
}

// Join attaches a host; it must outlive the wire.
func (w *Wire) Join(h *Host) { w.Attach(h.Number, h.dev) }

// Attach attaches a device: each Read gives one packet that host sends, each Write takes one for it and does not
// block. Close closes it.
func (w *Wire) Attach(host int, dev io.ReadWriteCloser) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ends[host] = dev
	// Owned by the wire: ends when Close closes the device.
	w.running.Go(func() { w.carry(host, dev) })
}

// carry takes what host sends until its device is closed.
func (w *Wire) carry(host int, dev io.Reader) {
	buf := make([]byte, maxPacket)
	for {
		n, err := dev.Read(buf)
		if err != nil {
			return
		}
		w.take(time.Now(), host, buf[:n])
	}
}

// take decides what becomes of one packet.
func (w *Wire) take(now time.Time, from int, packet []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	to, ok := addressee(packet)
	if !ok || w.ends[to] == nil {
		w.stray++
		return
	}
	d := w.direction(pair{from, to})
	switch {
	case d.fault.Cut:
		d.count.Cut++
		return
	case d.fault.Loss > 0 && w.rand.Float64() < d.fault.Loss:
		d.count.Lost++
		return
	}
	w.send(now, pair{from, to}, d, packet)
	if d.fault.Duplicate > 0 && w.rand.Float64() < d.fault.Duplicate {
		d.count.Duplicated++
		w.send(now, pair{from, to}, d, packet)
	}
}

// send sets one copy of a packet on its way. The caller holds the lock.
func (w *Wire) send(now time.Time, p pair, d *direction, packet []byte) {
	if d.fly >= maxFlight {
		d.count.Crowded++
		return
	}
	due := now.Add(d.fault.Delay)
	if d.fault.Jitter > 0 {
		due = due.Add(time.Duration(w.rand.Int64N(int64(d.fault.Jitter))))
	}
	d.fly++
	w.seq++
	w.flight.push(inFlight{due: due, seq: w.seq, pair: p, packet: bytes.Clone(packet)})
	if w.flight[0].seq == w.seq {
		w.rouse()
	}
}

func (w *Wire) rouse() {
	select {
	case w.wake <- struct{}{}:
	default: // told already
	}
}

// deliver hands packets over when they are due, until Close.
func (w *Wire) deliver() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next, some := w.handOver(time.Now())
		timer.Stop()
		var due <-chan time.Time
		if some {
			timer.Reset(time.Until(next))
			due = timer.C
		}
		select {
		case <-due:
		case <-w.wake:
		case <-w.quit:
			return
		}
	}
}

// handOver delivers all that is due now, and says when the next packet is, if there is one.
func (w *Wire) handOver(now time.Time) (next time.Time, some bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.flight) > 0 && !w.flight[0].due.After(now) {
		f := w.flight.pop()
		d := w.direction(f.pair)
		d.fly--
		if d.fault.Cut {
			d.count.Cut++
			continue
		}
		// A device takes a packet or refuses it: it never blocks.
		if _, err := w.ends[f.pair.to].Write(f.packet); err != nil {
			d.count.Refused++
			continue
		}
		d.count.Passed++
	}
	if len(w.flight) == 0 {
		return time.Time{}, false
	}
	return w.flight[0].due, true
}

// direction is the state of a pair. The caller holds the lock.
func (w *Wire) direction(p pair) *direction {
	d := w.pairs[p]
	if d == nil {
		d = &direction{}
		w.pairs[p] = d
	}
	return d
}

// Set says what happens from now on to packets from one host to another. A cut holds when Set returns.
func (w *Wire) Set(from, to int, f Fault) { w.Change(from, to, func(old *Fault) { *old = f }) }

// Change changes something of what is set for a pair; change must not call the wire.
func (w *Wire) Change(from, to int, change func(*Fault)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.direction(pair{from, to}).fault)
}

// SetAll sets the same for every ordered pair of the hosts that are attached.
func (w *Wire) SetAll(f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for from := range w.ends {
		for to := range w.ends {
			if from != to {
				w.direction(pair{from, to}).fault = f
			}
		}
	}
}

// Heal makes a good wire of it.
func (w *Wire) Heal() { w.SetAll(Fault{}) }

// Count is what was done to packets from one host to another.
func (w *Wire) Count(from, to int) Counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.direction(pair{from, to}).count
}

// Total is what was done to all packets, and how many were for nobody: the kernel sends some of its own.
func (w *Wire) Total() (total Counts, stray uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.pairs {
		total.add(d.count)
	}
	return total, w.stray
}

// Close ends the wire and closes the devices. It may be called again.
func (w *Wire) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.quit)
		for _, dev := range w.ends {
			_ = dev.Close() // what is on its way is lost, as on a wire that is pulled out
		}
	}
	w.mu.Unlock()
	w.running.Wait()
}
