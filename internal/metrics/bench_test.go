package metrics

import (
	"testing"
	"time"

	"electnode/internal/event"
)

// boxed are events of an election as the emitter hands them over.
func boxed() []event.Stamped {
	at := start()
	var all []event.Stamped
	for _, ev := range []event.Event{
		&event.NotificationSent{Peer: 2, Cause: event.SendVoteChange},
		&event.NotificationReceived{Peer: 3, Outcome: event.ReceivedCounted, SentAt: at.Add(-time.Millisecond)},
		event.RoundChanged{To: 7, Cause: event.RoundBehindPeer},
		event.HeartbeatAnswered{Peer: 2, RTT: time.Millisecond},
	} {
		all = append(all, event.Stamped{Time: at, Node: 1, Election: 1, Event: ev})
	}
	return all
}

func BenchmarkRecord(b *testing.B) {
	r := newRig(b, nil)
	for _, s := range boxed() {
		b.Run(s.Event.Name(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Record(s)
			}
		})
	}
}

func BenchmarkScrape(b *testing.B) {
	r := newRig(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		r.text(b, "text/plain")
	}
}

// TestRecordDoesNotAllocate holds the events that come by the hundred to no allocation at all.
func TestRecordDoesNotAllocate(t *testing.T) {
	r := newRig(t, nil)
	for _, s := range boxed() {
		if n := testing.AllocsPerRun(100, func() { r.Record(s) }); n > 0 {
			t.Errorf("%s: %v allocations", s.Event.Name(), n)
		}
	}
}
