package metrics

import (
	"electnode/internal/event"
	"electnode/internal/quorum"
)

// The closed sets of label values that package event has no list of.

// Outcomes of an election.
const (
	outcomeLeading   = "leading"
	outcomeFollowing = "following"
	outcomeObserving = "observing"
	outcomeAborted   = "aborted"
)

func outcomes() []string {
	return []string{outcomeLeading, outcomeFollowing, outcomeObserving, outcomeAborted}
}

// outcomeOf is the outcome of an election that led to state.
func outcomeOf(state quorum.State) string {
	switch state {
	case quorum.Leading:
		return outcomeLeading
	case quorum.Observing:
		return outcomeObserving
	default:
		return outcomeFollowing
	}
}

// Parts of an election, one after the other.
const (
	phaseFirstVote = "first_vote_heard" // LOOKING entered -> another voter was heard
	phaseQuorum    = "quorum"           // -> a quorum agreed
	phaseFinalize  = "finalize"         // -> decided
	phaseEstablish = "establish"        // -> the leader is established
)

func phases() []string {
	return []string{phaseFirstVote, phaseQuorum, phaseFinalize, phaseEstablish}
}

// Roles at the establishment of a leader.
const (
	roleLeader   = "leader"
	roleFollower = "follower"
	roleObserver = "observer"
)

func roles() []string { return []string{roleLeader, roleFollower, roleObserver} }

// Results of an incoming hand-shake.
const (
	handshakeCompleted = "completed"
	handshakeRejected  = "rejected"
)

func handshakes() []string { return []string{handshakeCompleted, handshakeRejected} }

// Results of reading stores of TLS that have changed.
const (
	reloadOK     = "ok"
	reloadFailed = "failed"
)

func reloadResults() []string { return []string{reloadOK, reloadFailed} }

// Directions of messages.
const (
	directionSent     = "sent"
	directionReceived = "received"
)

// unknownPeer stands for every sid that is in no view; otherSink for a sink that the options do not name.
const (
	unknownPeer = "unknown"
	otherSink   = "other"
)

// eventNames lists the names of all events.
func eventNames() []string {
	var names []string
	for _, ev := range event.All() {
		names = append(names, ev.Name())
	}
	return names
}

// stateNames lists the four states as ZooKeeper prints them.
func stateNames() []string {
	var names []string
	for _, s := range quorum.States() {
		names = append(names, s.String())
	}
	return names
}
