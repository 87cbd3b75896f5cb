package event

import "sync/atomic"

// slabSize is how many events share one allocation. Whoever keeps one of them keeps them all.
const slabSize = 64

// ReceivedSlab gives out memory for events, so that a notification costs no allocation of its own. One
// goroutine owns it.
type ReceivedSlab struct{ free []NotificationReceived }

// Take is memory for one event, all zero. Nobody else gets it again.
func (s *ReceivedSlab) Take() *NotificationReceived {
	if len(s.free) == 0 {
		s.free = make([]NotificationReceived, slabSize)
	}
	p := &s.free[0]
	s.free = s.free[1:]
	return p
}

// sentSlab does the same for the events of all the links of a node: safe for many goroutines.
type sentSlab struct{ chunk atomic.Pointer[sentChunk] }

type sentChunk struct {
	used   atomic.Int32
	events [slabSize]NotificationSent
}

func (s *sentSlab) take() *NotificationSent {
	for {
		c := s.chunk.Load()
		if c != nil {
			if i := c.used.Add(1) - 1; i < slabSize {
				return &c.events[i]
			}
		}
		s.chunk.CompareAndSwap(c, &sentChunk{})
	}
}
