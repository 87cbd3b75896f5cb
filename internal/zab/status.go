package zab

import (
	"time"

	"electnode/internal/quorum"
)

// Phase is how far a role has come. Rule: QuorumPeer.ZabState, without its ELECTION.
type Phase uint8

// The phases of a role.
const (
	Discovery       Phase = iota + 1 // finding the epoch
	Synchronization                  // bringing learners to the leader's history, collecting acknowledgements
	Broadcast                        // established
	Over                             // done
)

// String prints the phase in lower case.
func (p Phase) String() string {
	switch p {
	case Discovery:
		return "discovery"
	case Synchronization:
		return "synchronization"
	case Broadcast:
		return "broadcast"
	case Over:
		return "over"
	default:
		return "unknown"
	}
}

// Status is a copy of what a role knows, for those who show it.
type Status struct {
	Phase  Phase
	Leader quorum.SID
	Epoch  quorum.Epoch // proposed by or learned from the leader; 0 before that
	Epochs Epochs       // as far as known to be durable
	// Learners are the connections that a leader has identified, by age, oldest first.
	Learners []LearnerStatus
	// LastHeard is when a learner last heard its leader; zero before the first packet.
	LastHeard time.Time
}

// LearnerStatus is one learner's connection as its leader sees it.
type LearnerStatus struct {
	Conn      ConnID
	SID       quorum.SID
	Observer  bool
	Live      bool // acknowledged NEWLEADER and heard within syncLimit
	Remote    string
	Zxid      quorum.Zxid // as reported in ACKEPOCH
	LastHeard time.Time
	RTT       time.Duration // of the last answered PING; 0 before the first
}
