package growth

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// TestTally follows an ensemble of three that loses its leader, and counts.
func TestTally(t *testing.T) {
	s, err := Simulate(1, 3)
	if err != nil {
		t.Fatal(err)
	}
	tally := NewTally(s.View)
	record := func(node quorum.SID, ev event.Event) {
		tally.Record(event.Stamped{Time: time.Now(), Node: node, Event: ev})
	}
	newest := func() (zab.Established, int) {
		tally.mu.Lock()
		defer tally.mu.Unlock()
		return tally.newest(0)
	}
	record(1, event.LeaderEstablished{Leader: 3, Epoch: 4})
	if got, know := newest(); know != 0 {
		t.Errorf("%+v, before the leader has said so", got)
	}
	record(3, event.LeaderEstablished{Leader: 3, Epoch: 4})
	record(2, event.LeaderEstablished{Leader: 3, Epoch: 4})
	if got, know := newest(); know != 3 || got.Leader != 3 {
		t.Errorf("%d know %+v", know, got)
	}
	record(1, event.LeaderLost{})
	if got, know := newest(); know != 2 || got.Leader != 3 {
		t.Errorf("%d know %+v after one has lost it", know, got)
	}
	record(2, event.LeaderEstablished{Leader: 2, Epoch: 5})
	if got, know := newest(); know != 1 || got.Leader != 2 {
		t.Errorf("%d know %+v, which is newer", know, got)
	}
	tally.Reset()
	for range 2 {
		record(1, &event.NotificationSent{Cause: event.SendOwnVote})
	}
	record(2, &event.NotificationSent{Cause: event.SendResend})
	record(2, event.ElectionDecided{})
	record(2, event.ConnectionAttempt{Result: event.DialConnected})
	record(2, event.ConnectionAttempt{Result: event.DialRefused})
	record(2, event.HandshakeRejected{Reason: event.RejectTooMany})
	want := Counts{Sent: 3, MostSent: 2, Bytes: 3 * tally.frame, Decided: 1, Failed: 1,
		Causes:   map[event.SendCause]int{event.SendOwnVote: 2, event.SendResend: 1},
		Rejected: map[string]int{event.RejectTooMany: 1}}
	if d := cmp.Diff(want, tally.Counts()); d != "" || tally.frame < 100 {
		t.Errorf("a frame of %d bytes: %s", tally.frame, d)
	}
}
