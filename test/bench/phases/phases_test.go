package phases

import (
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

var killed = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// at is an event some milliseconds after the kill.
func at(ms int, node quorum.SID, ev event.Event) event.Stamped {
	return event.Stamped{Time: killed.Add(time.Duration(ms) * time.Millisecond), Node: node, Event: ev}
}

// history is the fail-over of three servers, of which 3 was killed and 2 won in its second attempt.
func history() []event.Stamped {
	return []event.Stamped{
		at(-5, 2, event.ElectionStarted{}), at(-4, 2, event.LeaderEstablished{Leader: 2, Epoch: 8}), // long ago
		at(3, 1, event.ElectionStarted{}), at(4, 2, event.ElectionStarted{}),
		at(5, 2, event.ElectionDecided{State: quorum.Leading}),
		at(6, 2, event.ElectionStarted{}),
		at(7, 2, event.ElectionDecided{State: quorum.Leading}),
		at(7, 1, event.ElectionDecided{State: quorum.Following}),
		at(10, 2, event.EpochProposed{Epoch: 9}),
		at(11, 2, event.EpochPromised{Leader: 2, Epoch: 9}),
		at(12, 1, event.EpochPromised{Leader: 2, Epoch: 9, Repeated: true}),
		at(14, 1, event.EpochPromised{Leader: 2, Epoch: 9}),
		at(19, 2, event.LeaderEstablished{Leader: 2, Epoch: 9}),
		at(18, 1, event.LeaderEstablished{Leader: 2, Epoch: 9}), // a learner's word is not the leader's
	}
}

func TestCut(t *testing.T) {
	f := FailOver{Killed: killed, Seen: killed.Add(20 * time.Millisecond), Quorum: 2, Events: history()}
	got, err := f.Cut()
	if err != nil {
		t.Fatal(err)
	}
	want := []time.Duration{4, 3, 3, 4, 5, 1}
	for i := range want {
		want[i] *= time.Millisecond
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, not %v, of %q", got, want, Names())
	}
	slices.Reverse(f.Events)
	if again, err := f.Cut(); err != nil || !slices.Equal(again, want) {
		t.Errorf("in another order of events: %v, %v", again, err)
	}
}

// TestOverlap: a phase that ends before the one in front of it, or after the whole, takes no time away from the sum.
func TestOverlap(t *testing.T) {
	events := append(history(), at(30, 1, event.ElectionStarted{}))
	for i, s := range events {
		switch ev := s.Event.(type) {
		case event.EpochProposed:
			events[i].Time = killed.Add(6 * time.Millisecond)
		case event.LeaderEstablished:
			if ev.Epoch == 9 {
				events[i].Time = killed.Add(25 * time.Millisecond)
			}
		}
	}
	f := FailOver{Killed: killed, Seen: killed.Add(20 * time.Millisecond), Quorum: 2, Events: events}
	got, err := f.Cut()
	if err != nil {
		t.Fatal(err)
	}
	var sum time.Duration
	for i, d := range got {
		if d < 0 {
			t.Errorf("%s took %s", Names()[i], d)
		}
		sum += d
	}
	if sum != 20*time.Millisecond || got[2] != 0 {
		t.Errorf("%v: together %s", got, sum)
	}
}

// TestMissing: what is not told is said.
func TestMissing(t *testing.T) {
	for name, drop := range map[string]func(event.Stamped) bool{
		"no leader was established": func(s event.Stamped) bool { return isA[event.LeaderEstablished](s) },
		Noticed:                     func(s event.Stamped) bool { return isA[event.ElectionStarted](s) && s.Node == 1 },
		Registered:                  func(s event.Stamped) bool { return isA[event.EpochProposed](s) },
		Promised:                    func(s event.Stamped) bool { return isA[event.EpochPromised](s) && s.Node == 1 },
		"did not decide to lead":    func(s event.Stamped) bool { return isA[event.ElectionDecided](s) },
	} {
		f := FailOver{Killed: killed, Seen: killed.Add(time.Second), Quorum: 2, Events: slices.DeleteFunc(history(), drop)}
		if _, err := f.Cut(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without what tells %q: %v", name, err)
		}
	}
}
