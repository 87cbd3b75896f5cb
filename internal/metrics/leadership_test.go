package metrics

import (
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// TestLeaderlessTime grows while it lasts, stands still otherwise, and never goes back.
func TestLeaderlessTime(t *testing.T) {
	const series = "electnode_leaderless_seconds_total"
	r := newRig(t, nil)
	r.after(time.Hour) // not started: nobody was without a leader
	r.want(t, series, "0")
	r.after(0, event.NodeStarted{})
	r.after(2 * time.Second)
	r.want(t, series, "2")
	r.after(time.Second)
	r.want(t, series, "3")

	// Stamped half a second before the scrape that it comes after.
	r.Record(event.Stamped{Time: r.now.Add(-500 * time.Millisecond), Event: event.LeaderEstablished{Leader: 2, Epoch: 1}})
	r.want(t, series, "3")
	r.after(time.Minute)
	r.want(t, series, "3")
	r.after(0, event.LeaderLost{Leader: 2, Epoch: 1, Reason: event.ReasonLeaderLost})
	r.after(250 * time.Millisecond)
	r.want(t, series, "3") // 2.5 and 0.25: not more yet than was told
	r.after(750 * time.Millisecond)
	r.want(t, series, "3.5")
	r.after(0, event.NodeStopped{})
	r.after(time.Hour)
	r.want(t, series, "3.5")
	r.after(0, event.NodeStarted{})
	r.after(time.Second)
	r.want(t, series, "4.5")
}

func TestLeaderChanges(t *testing.T) {
	const series = "electnode_leader_changes_total"
	r := newRig(t, nil)
	for _, step := range []struct {
		leader quorum.SID
		epoch  quorum.Epoch
		want   string
	}{{2, 1, "0"}, {2, 1, "0"}, {2, 2, "1"}, {3, 3, "2"}, {3, 3, "2"}, {1, 4, "3"}} {
		r.after(time.Second, event.LeaderEstablished{Leader: step.leader, Epoch: step.epoch})
		r.want(t, series, step.want)
		r.want(t, "electnode_leader_sid", step.leader.String())
		r.want(t, "electnode_has_leader", "1")
		r.after(time.Second, event.LeaderLost{Leader: step.leader, Epoch: step.epoch})
		r.want(t, series, step.want)
		r.want(t, "electnode_leader_sid", "-1")
		r.want(t, "electnode_has_leader", "0")
	}
}

// TestFailureTolerance follows server 1 through a leadership and under somebody else's.
func TestFailureTolerance(t *testing.T) {
	r := newRig(t, nil)
	steps := []struct {
		ev   event.Event
		want string
	}{
		{event.QuorumUndone{}, "-2"},
		{event.NodeStarted{}, "-1"},
		{event.StateChanged{To: quorum.Leading}, "-1"},
		{event.FollowerJoined{Peer: 2}, "-1"},
		{event.LeaderEstablished{Leader: 1, Epoch: 1}, "0"},
		{event.FollowerJoined{Peer: 4, Observer: true}, "0"},
		{event.FollowerJoined{Peer: 9}, "0"},
		{event.FollowerJoined{Peer: 3, Observer: true}, "0"}, // a voter that came as an observer
		{event.FollowerJoined{Peer: 3}, "1"},
		{event.FollowerJoined{Peer: 3}, "1"},
		{event.FollowerLost{Peer: 2}, "0"},
		{event.FollowerLost{Peer: 3}, "-1"},
		{event.FollowerJoined{Peer: 3}, "0"},
		{event.LeaderLost{Leader: 1, Epoch: 1}, "-1"},
		{event.StateChanged{From: quorum.Leading, To: quorum.Looking}, "-1"},
		{event.StateChanged{To: quorum.Following}, "-1"},
		{event.LeaderEstablished{Leader: 3, Epoch: 2}, "-2"},
		{event.LeaderLost{Leader: 3, Epoch: 2}, "-1"},
		{event.StateChanged{To: quorum.Leading}, "-1"},
		{event.LeaderEstablished{Leader: 1, Epoch: 3}, "-1"}, // who followed before does not follow now
		{event.NodeStopped{}, "-2"},
	}
	for i, step := range steps {
		r.after(time.Second, step.ev)
		if got := r.value(t, "electnode_failure_tolerance"); got != step.want {
			t.Fatalf("step %d, %T: tolerance %s, want %s", i, step.ev, got, step.want)
		}
	}
}

// TestAnObserver has no vote of its own, and an outcome and role of its own kind.
func TestAnObserver(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Self, o.Clock = 4, nil })
	nobody := quorum.Vote{Leader: quorum.NoSID, Zxid: quorum.MinZxid, PeerEpoch: quorum.MinEpoch}
	r.after(0, event.NodeStarted{Role: quorum.Observer},
		event.ElectionStarted{Reason: event.ReasonStart, Round: 1, Vote: nobody})
	r.want(t, "electnode_vote_leader_sid", "-1")
	r.want(t, "electnode_election_start_timestamp_seconds", "1.767366245e+09")
	r.after(time.Second, event.ElectionDecided{Vote: quorum.Vote{Leader: 3}, Round: 5, State: quorum.Observing,
		How: event.HowJoined, Phases: event.Phases{Decided: time.Second}})
	r.want(t, "electnode_vote_leader_sid", "3")
	r.want(t, "electnode_round", "5")
	r.want(t, "electnode_election_start_timestamp_seconds", "0")
	r.want(t, `electnode_elections_total{outcome="observing",reason="start"}`, "1")
	r.after(time.Second, event.StateChanged{To: quorum.Observing}, event.LeaderEstablished{Leader: 3, Epoch: 1, After: time.Second})
	r.want(t, `electnode_leader_establishment_seconds_count{role="observer"}`, "1")
	r.want(t, `electnode_node_state{state="OBSERVING"}`, "1")
	r.want(t, `electnode_node_state{state="LOOKING"}`, "0")
	r.after(time.Second, event.StateChanged{To: quorum.Looking}, event.ElectionStarted{Reason: event.ReasonNoLeader})
	r.after(time.Second, event.ElectionAborted{Reason: event.ReasonStopped})
	r.want(t, "electnode_election_start_timestamp_seconds", "0")
	r.want(t, `electnode_elections_total{outcome="aborted",reason="no_leader"}`, "1")
}
