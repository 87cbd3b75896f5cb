package lab

import (
	"container/heap"
	"time"
)

// inFlight is one packet on its way.
type inFlight struct {
	due    time.Time
	seq    uint64 // order of sending: what is due at the same time keeps it
	pair   pair
	packet []byte
}

// flight holds packets, the one that is due first in front.
type flight []inFlight

func (f *flight) push(p inFlight) { heap.Push((*byDue)(f), p) }

func (f *flight) pop() inFlight { return heap.Pop((*byDue)(f)).(inFlight) }

// byDue is a flight as container/heap wants it.
type byDue flight

// Len implements heap.Interface.
func (f byDue) Len() int { return len(f) }

// Less implements heap.Interface.
func (f byDue) Less(i, j int) bool {
	if !f[i].due.Equal(f[j].due) {
		return f[i].due.Before(f[j].due)
	}
	return f[i].seq < f[j].seq
}

// Swap implements heap.Interface.
func (f byDue) Swap(i, j int) { f[i], f[j] = f[j], f[i] }

// Push implements heap.Interface.
func (f *byDue) Push(p any) { *f = append(*f, p.(inFlight)) }

// Pop implements heap.Interface.
func (f *byDue) Pop() any {
	old := *f
	last := old[len(old)-1]
	old[len(old)-1] = inFlight{}
	*f = old[:len(old)-1]
	return last
}

// addressee is the host that an IPv4 packet is for; false: it is none of the laboratory's.
func addressee(packet []byte) (host int, ok bool) {
	const header = 20 // bytes, without options
	if len(packet) < header || packet[0]>>4 != 4 {
		return 0, false
	}
	to := packet[16:20]
	if to[0] != 192 || to[1] != 0 || to[2] != 2 {
		return 0, false
	}
	return int(to[3]), true
}
