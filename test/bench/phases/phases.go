package phases

import (
	"fmt"
	"slices"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// The phases, in their order. Each ends with what it is called after and begins where the one before it ended.
const (
	Noticed     = "loss noticed"  // a quorum of survivors looks for a leader
	Decided     = "decided"       // the new leader has a quorum of votes and leaves LOOKING
	Registered  = "epoch fixed"   // connections to the quorum port, and FOLLOWERINFO of a quorum
	Promised    = "epoch promise" // a quorum has acceptedEpoch on disk
	Established = "established"   // a quorum has acknowledged NEWLEADER
	Seen        = "seen"          // the measuring has found out
)

// Names lists the phases in their order.
func Names() []string { return []string{Noticed, Decided, Registered, Promised, Established, Seen} }

// FailOver is what is known of one.
type FailOver struct {
	Killed, Seen time.Time // when the signal was sent and when the measuring saw the new leader
	Quorum       int       // how many voters make one
	Events       []event.Stamped
}

// Cut gives the duration of each phase, in the order of Names: their sum is the time from Killed to Seen. Events of an
// earlier time are ignored, those of other processes of this machine are of the same clock. A phase that ended before the
// one in front of it, which can be by a few microseconds, took no time. The error says which event is missing.
func (f FailOver) Cut() ([]time.Duration, error) {
	events := slices.DeleteFunc(slices.Clone(f.Events), func(s event.Stamped) bool { return s.Time.Before(f.Killed) })
	slices.SortStableFunc(events, func(a, b event.Stamped) int { return a.Time.Compare(b.Time) })
	leader, epoch, established, ok := firstEstablished(events)
	if !ok {
		return nil, fmt.Errorf("no leader was established after %s", f.Killed.Format(time.RFC3339Nano))
	}
	marks := []mark{
		{Noticed, f.Quorum, func(s event.Stamped) bool { return isA[event.ElectionStarted](s) }},
		{Registered, 1, func(s event.Stamped) bool {
			ev, ok := s.Event.(event.EpochProposed)
			return ok && s.Node == leader && ev.Epoch == epoch
		}},
		{Promised, f.Quorum, func(s event.Stamped) bool {
			ev, ok := s.Event.(event.EpochPromised)
			return ok && ev.Epoch == epoch && !ev.Repeated
		}},
	}
	at := map[string]time.Time{Established: established, Seen: f.Seen}
	for _, m := range marks {
		if at[m.name], ok = m.find(events); !ok {
			return nil, fmt.Errorf("epoch %d of server %d: nothing tells the end of %q", epoch, leader, m.name)
		}
	}
	if at[Decided], ok = lastDecision(events, leader, established); !ok {
		return nil, fmt.Errorf("epoch %d: server %d did not decide to lead", epoch, leader)
	}
	var phases []time.Duration
	last := f.Killed
	for _, name := range Names() {
		// Nothing ends later than the whole.
		end := at[name]
		if end.After(f.Seen) {
			end = f.Seen
		}
		phases = append(phases, max(0, end.Sub(last)))
		if end.After(last) {
			last = end
		}
	}
	return phases, nil
}

// mark is the end of a phase: when so many servers have told of it.
type mark struct {
	name    string
	servers int
	is      func(event.Stamped) bool
}

// find is when the last of them did, each with its first such event.
func (m mark) find(events []event.Stamped) (time.Time, bool) {
	told := quorum.Set{}
	for _, s := range events {
		if !m.is(s) {
			continue
		}
		told.Add(s.Node)
		if len(told) == m.servers {
			return s.Time, true
		}
	}
	return time.Time{}, false
}

func isA[T event.Event](s event.Stamped) bool { _, ok := s.Event.(T); return ok }

// firstEstablished is the first leader that says it is one.
func firstEstablished(events []event.Stamped) (leader quorum.SID, epoch quorum.Epoch, at time.Time, ok bool) {
	for _, s := range events {
		if ev, is := s.Event.(event.LeaderEstablished); is && ev.Leader == s.Node {
			return ev.Leader, ev.Epoch, s.Time, true
		}
	}
	return 0, 0, time.Time{}, false
}

// lastDecision is when leader decided to lead, the last time before it was established.
func lastDecision(events []event.Stamped, leader quorum.SID, before time.Time) (at time.Time, ok bool) {
	for _, s := range events {
		ev, is := s.Event.(event.ElectionDecided)
		if is && s.Node == leader && ev.State == quorum.Leading && !s.Time.After(before) {
			at, ok = s.Time, true
		}
	}
	return at, ok
}
