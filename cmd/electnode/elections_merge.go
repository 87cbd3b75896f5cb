package main

import "electnode/internal/event"

// mergeTales makes one list of what several servers tell, by time. Each server's events keep their order, and
// no notification is received before it was sent, whatever the clocks of two machines say.
func mergeTales(tales [][]told) []told {
	m := merger{left: append([][]told{}, tales...), unsent: map[uint64]bool{}}
	total := 0
	for _, t := range tales {
		total += len(t)
		for _, ev := range t {
			if sent, ok := ev.Event.(*event.NotificationSent); ok && sent.MessageID != 0 {
				m.unsent[sent.MessageID] = true
			}
		}
	}
	out := make([]told, 0, total)
	for range total {
		out = append(out, m.next())
	}
	return out
}

// merger is the state of one mergeTales.
type merger struct {
	left   [][]told
	unsent map[uint64]bool // messages whose sending is recorded and not listed yet
}

// next is the earliest event of those that are first in their tales and need not wait. When all must wait, which
// broken recordings can bring about, it is the earliest.
func (m *merger) next() told {
	best, earliest := -1, -1
	for i, t := range m.left {
		if len(t) == 0 {
			continue
		}
		if earliest < 0 || t[0].at.Before(m.left[earliest][0].at) {
			earliest = i
		}
		if !m.waits(t[0]) && (best < 0 || t[0].at.Before(m.left[best][0].at)) {
			best = i
		}
	}
	if best < 0 {
		best = earliest
	}
	ev := m.left[best][0]
	m.left[best] = m.left[best][1:]
	if sent, ok := ev.Event.(*event.NotificationSent); ok {
		delete(m.unsent, sent.MessageID)
	}
	return ev
}

func (m *merger) waits(ev told) bool {
	received, ok := ev.Event.(*event.NotificationReceived)
	return ok && m.unsent[received.MessageID]
}
