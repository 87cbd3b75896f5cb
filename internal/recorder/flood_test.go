package recorder

import (
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// flood is what strangers can make happen: hand-shakes that are rejected, connections and questions of made-up
// servers, configurations that nobody has.
func (l *life) flood(n int) {
	text := strings.Repeat("hostile ", 20)
	for i := range n {
		sid := quorum.SID(1000 + i)
		l.pass(10 * time.Microsecond)
		l.emit(event.HandshakeRejected{Port: event.PortElection, Reason: event.RejectSilent, Detail: text, More: 100},
			event.HandshakeCompleted{Peer: sid}, event.ConnectionTieBreak{Peer: sid}, event.ConnectionUp{Peer: sid, Remote: text},
			&event.NotificationReceived{Peer: sid, Outcome: event.ReceivedMalformed, Detail: text},
			&event.NotificationSent{Peer: sid}, event.ConfigSeen{Peer: sid, Detail: text},
			event.FollowerLost{Peer: sid, Detail: text}, event.ConnectionDown{Peer: sid, Detail: text})
	}
}

// TestFloodLeavesElections: a flood from strangers, before, during and after elections, takes nothing from what is
// kept of them.
func TestFloodLeavesElections(t *testing.T) {
	play := func(flood int) (elections [][]string) {
		l := newLife(t, Options{Bytes: 1 << 20})
		for epoch := range quorum.Epoch(4) {
			l.look(event.ReasonStart)
			l.flood(flood)
			l.look2()
			l.flood(flood)
			l.settle(epoch)
			l.flood(flood)
			l.lose(epoch)
			l.flood(flood)
		}
		for _, id := range []string{"1", "2", "3", "4"} {
			elections = append(elections, own(t, l.must(id)))
		}
		return elections
	}
	quiet, flooded := play(0), play(2000)
	for i := range quiet {
		if !slices.Equal(flooded[i], quiet[i]) {
			t.Errorf("election %d: kept %v, without a flood %v", i+1, flooded[i], quiet[i])
		}
	}
}

// own lists the names of the events that are no strangers'.
func own(t *testing.T, rec Recording) (all []string) {
	t.Helper()
	member := func(sid quorum.SID) bool { return sid < 1000 }
	for _, line := range rec.Lines {
		s, err := event.ParseJSON(line)
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if _, gap := s.Event.(event.EventsDropped); !gap && !event.OfStranger(s.Event, member) {
			all = append(all, s.Event.Name())
		}
	}
	return all
}

// look2 is what happens in the middle of an election.
func (l *life) look2() {
	l.emit(event.RoundChanged{From: 1, To: 2, Cause: event.RoundBehindPeer, Peer: 2},
		event.QuorumReached{Round: 2, Supporters: []quorum.SID{1, 2}}, event.QuorumUndone{Round: 2})
}
