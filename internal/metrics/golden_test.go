package metrics

import (
	"flag"
	"os"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

const ms = time.Millisecond

// firstElection is how server 1 comes to follow server 3.
func firstElection(t *testing.T, r *rig) {
	own, best := quorum.Vote{Leader: 1, Zxid: 0x100000002, PeerEpoch: 1}, quorum.Vote{Leader: 3, Zxid: 0x100000002, PeerEpoch: 1}
	r.after(0, event.NodeStarted{AcceptedEpoch: 1, CurrentEpoch: 1, Zxid: 0x100000002, View: configured(t, 0x300000000)},
		event.CertificateRenewed{Start: true, OK: true, NotAfter: r.now.Add(24 * time.Hour)},
		event.ElectionStarted{Reason: event.ReasonStart, Round: 1, Vote: own},
		event.RoundChanged{To: 1, Cause: event.RoundStart, Peer: 1})
	r.after(1*ms, event.PeerResolved{Peer: 2, Host: "b", Addresses: []string{"10.0.0.2"}},
		event.PeerResolved{Peer: 4, Host: "d", Detail: "no such host"},
		event.ConnectionAttempt{Peer: 2, Result: event.DialConnected, Duration: ms},
		event.ConnectionAttempt{Peer: 4, Result: event.DialUnresolved},
		event.ConnectionTieBreak{Peer: 2, Side: event.Dialler, Outcome: event.TieDropped},
		event.HandshakeCompleted{Peer: 3, Form: "v2", Duration: 2 * ms},
		event.HandshakeRejected{Port: event.PortElection, Reason: event.RejectSilent, Duration: 5 * time.Second},
		event.HandshakeRejected{Port: event.PortQuorum, Reason: event.RejectTooMany, More: 6},
		event.HandshakeRejected{Port: event.PortElection, Reason: event.RejectIdentity, Duration: ms},
		event.ConnectionAttempt{Peer: 3, Result: event.DialIdentity},
		event.ConnectionTieBreak{Peer: 3, Side: event.Acceptor, Outcome: event.TieKept},
		event.ConnectionUp{Peer: 3}, event.ConnectionUp{Peer: 2})
	r.after(1*ms, &event.NotificationSent{Peer: 3, Cause: event.SendOwnVote},
		event.NotificationReplaced{Peer: 2},
		&event.NotificationReceived{Peer: 3, SentAt: r.now.Add(-ms), Outcome: event.ReceivedBetterVote},
		event.VoteChanged{From: own, To: best, Round: 1, Cause: event.VoteBetterSID, Peer: 3},
		&event.NotificationReceived{Peer: 77, Outcome: event.ReceivedFromNonVoter})
	r.after(200*ms, event.QuorumReached{Vote: best, Round: 1, Supporters: []quorum.SID{1, 3}},
		event.ElectionDecided{Vote: best, Round: 1, State: quorum.Following, How: event.HowWaited,
			Phases: event.Phases{FirstVoteHeard: 2 * ms, Quorum: 3 * ms, Decided: 202 * ms}},
		event.StateChanged{To: quorum.Following, Reason: string(event.HowWaited)})
	r.after(20*ms, event.EpochPromised{Leader: 3, Epoch: 2},
		event.DurableWritten{File: "acceptedEpoch", Epoch: 2, Duration: 4 * ms},
		event.DurableWritten{File: "currentEpoch", Epoch: 2, Duration: 3 * ms},
		event.SyncReceived{Leader: 3, Type: "DIFF"},
		event.LeaderEstablished{Leader: 3, Epoch: 2, After: 20 * ms})
}

// secondElection is how server 1 comes to lead after server 3 is gone.
func secondElection(t *testing.T, r *rig) {
	own := quorum.Vote{Leader: 1, Zxid: 0x100000002, PeerEpoch: 2}
	r.after(time.Minute, event.ConnectionDown{Peer: 3, Reason: event.DropReset},
		event.LeaderLost{Leader: 3, Epoch: 2, Reason: event.ReasonLeaderLost},
		event.StateChanged{From: quorum.Following, To: quorum.Looking, Reason: event.ReasonLeaderLost},
		event.ElectionStarted{Reason: event.ReasonLeaderLost, Round: 2, Vote: own},
		event.RoundChanged{From: 1, To: 2, Cause: event.RoundStart, Peer: 1})
	r.after(3*ms, event.ElectionDecided{Vote: own, Round: 2, State: quorum.Leading, How: event.HowRestUnreachable,
		Phases: event.Phases{FirstVoteHeard: ms, Quorum: 3 * ms, Decided: 3 * ms}},
		event.StateChanged{To: quorum.Leading})
	r.after(10*ms, event.DurableWritten{File: "acceptedEpoch", Epoch: 3, Duration: 400 * time.Microsecond},
		event.DurableWritten{File: "currentEpoch", Epoch: 3, Duration: 2 * time.Second, Error: "disk full"},
		event.FollowerJoined{Peer: 2}, event.FollowerJoined{Peer: 4, Observer: true},
		event.LeaderEstablished{Leader: 1, Epoch: 3, After: 10 * ms})
	renewed := start().Add(90 * 24 * time.Hour)
	r.after(time.Second, event.CertificateRenewed{OK: true, NotAfter: renewed}, event.CertificateRenewed{NotAfter: renewed},
		event.CertificateRenewed{NotAfter: renewed}, event.HeartbeatAnswered{Peer: 2, RTT: 300 * time.Microsecond},
		event.HeartbeatMissed{Peer: 4}, event.FollowerLost{Peer: 4, Reason: event.LearnerTimeout},
		event.ConfigSeen{Peer: 2, Version: 0x300000000, Adopted: true, View: ensemble(t)},
		event.EventsDropped{Sink: "log", Count: 7}, event.EventsDropped{Sink: "elsewhere", Count: 1})
}

// TestExposition compares the whole text of /metrics after a scripted life with testdata.
func TestExposition(t *testing.T) {
	r := newRig(t, nil)
	firstElection(t, r)
	secondElection(t, r)
	r.after(time.Second, event.LeaderLost{Leader: 1, Epoch: 3, Reason: event.ReasonQuorumLost},
		event.StateChanged{From: quorum.Leading, To: quorum.Looking, Reason: event.ReasonQuorumLost},
		event.ElectionStarted{Reason: event.ReasonQuorumLost, Round: 3})
	r.after(1500*ms, event.ElectionAborted{Reason: event.ReasonConfigChange},
		event.ElectionStarted{Reason: event.ReasonConfigChange, Round: 1, Vote: quorum.Vote{Leader: 1}},
		event.ResendScheduled{Wait: 400 * ms})
	r.after(500 * ms)
	got, _ := r.text(t, "text/plain")
	const file = "testdata/exposition.txt"
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("/metrics changed (-want +got); -rewrite if that is right:\n%s", d)
	}
}
