package event

import (
	"time"

	"electnode/internal/quorum"
)

// EpochProposed says that this leader fixed the epoch it wants to establish (LEADERINFO follows).
type EpochProposed struct {
	Epoch quorum.Epoch
	From  []quorum.SID // whose FOLLOWERINFO made the quorum, ascending
}

// EpochPromised says that this node promised Epoch to Leader: acceptedEpoch is on disk. Repeated is a
// promise that was given before and is not counted again.
type EpochPromised struct {
	Leader   quorum.SID
	Epoch    quorum.Epoch
	Repeated bool
}

// LeaderEstablished says that Leader was acknowledged by a quorum in Epoch: on the leader when the last
// acknowledgement came, on a learner when UPTODATE came.
type LeaderEstablished struct {
	Leader quorum.SID
	Epoch  quorum.Epoch
	After  time.Duration // since the decision of this node's election
}

// LeaderLost says that this node no longer has an established leader.
type LeaderLost struct {
	Leader quorum.SID
	Epoch  quorum.Epoch
	Reason string // one of the Reason constants
	Detail string
}

// FollowerJoined says that a learner of this leader acknowledged NEWLEADER.
type FollowerJoined struct {
	Peer     quorum.SID
	Observer bool
	Zxid     quorum.Zxid // what it reported in ACKEPOCH
}

// FollowerLost says that this leader's connection with a learner ended.
type FollowerLost struct {
	Peer   quorum.SID
	Reason string // one of the Learner constants
	Detail string
}

// Reasons why a leader parts from a learner: a closed set, fit for a label.
const (
	LearnerClosed     = "closed"      // the learner closed, or the connection broke
	LearnerTimeout    = "timeout"     // not heard in time
	LearnerAhead      = "ahead"       // its history is newer than this leader's
	LearnerHistory    = "history"     // it holds history that a leader without data must not touch
	LearnerConfig     = "config"      // its configuration is newer
	LearnerProtocol   = "protocol"    // an unexpected packet
	LearnerSlow       = "slow"        // it does not read
	LearnerLegacy     = "legacy"      // it is older than 3.4
	LearnerLeaderGone = "leader_gone" // this node stopped leading
)

// LearnerReasons lists every reason why a leader parts from a learner.
func LearnerReasons() []string {
	return []string{LearnerClosed, LearnerTimeout, LearnerAhead, LearnerHistory, LearnerConfig, LearnerProtocol,
		LearnerSlow, LearnerLegacy, LearnerLeaderGone}
}

// HeartbeatMissed says that a half tick passed without an answer to the PING of the half tick before.
type HeartbeatMissed struct{ Peer quorum.SID }

// HeartbeatAnswered says that Peer answered a PING of this leader.
type HeartbeatAnswered struct {
	Peer quorum.SID
	RTT  time.Duration
}

// SyncReceived says how the leader brought this learner up to date.
type SyncReceived struct {
	Leader quorum.SID
	Type   string // "DIFF", "SNAP" or "TRUNC"
	Zxid   quorum.Zxid
	Nodes  int64 // SNAP: data nodes in the stream, all discarded
	Bytes  int64 // SNAP: size of the stream
}

// DurableWritten says that an epoch file was written, fsync and rename included, or that this failed.
type DurableWritten struct {
	File     string // FileAccepted or FileCurrent
	Epoch    quorum.Epoch
	Duration time.Duration
	Error    string
}

// The epoch files.
const (
	FileAccepted = "acceptedEpoch"
	FileCurrent  = "currentEpoch"
)

// Files lists the epoch files.
func Files() []string { return []string{FileAccepted, FileCurrent} }

// HistoryRefused says that this node left a leader, or turned a learner away, because history would have
// been vouched for that it does not hold (electnode.voter).
type HistoryRefused struct {
	Peer   quorum.SID
	Detail string
}

// RequestRefused says that a learner's client asked for what a leader without data cannot do.
type RequestRefused struct {
	Peer quorum.SID
	Type string // "REQUEST" or "REVALIDATE"
}
