package event

import (
	"testing"

	"electnode/internal/quorum"
)

// TestLanes: every event that strangers can cause waits apart from those of elections.
func TestLanes(t *testing.T) {
	nobody := func(quorum.SID) bool { return false }
	everybody := func(quorum.SID) bool { return true }
	strangers := 0
	for _, ev := range All() {
		if OfStranger(ev, nobody) {
			strangers++
			if LaneOf(ev) == LaneElection {
				t.Errorf("%s is a stranger's and waits with elections", ev.Name())
			}
		}
		if _, always := ev.(HandshakeRejected); OfStranger(ev, everybody) != always {
			t.Errorf("%s is of a stranger where everybody is a member", ev.Name())
		}
	}
	if strangers != 15 {
		t.Errorf("%d events tell of strangers", strangers)
	}
	for ev, want := range map[Event]Lane{StateChanged{}: LaneElection, ElectionDecided{}: LaneElection, LeaderLost{}: LaneElection,
		ConfigSeen{Adopted: true}: LaneElection, ConfigSeen{}: LaneChatter, ConnectionDown{}: LanePeers, nil: LaneChatter} {
		if got := LaneOf(ev); got != want {
			t.Errorf("%+v waits in lane %d, want %d", ev, got, want)
		}
	}
}
