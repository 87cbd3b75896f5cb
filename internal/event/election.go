package event

import (
	"time"

	"electnode/internal/quorum"
)

// NodeStarted is the first event of a node.
type NodeStarted struct {
	Role          quorum.Role
	AcceptedEpoch quorum.Epoch
	CurrentEpoch  quorum.Epoch
	Zxid          quorum.Zxid
	View          *quorum.View // the committed configuration
}

// NodeStopped is the last event of a node; Error is empty after a clean stop.
type NodeStopped struct{ Error string }

// StateChanged says that the node went from one state to another.
type StateChanged struct {
	From, To quorum.State
	Reason   string // one of the Reason constants when To is LOOKING, else the ElectionDecided's How
	// Detail says more about a leader or learner that never came into office; what ends an office is in LeaderLost.
	Detail string
}

// Reasons why an election starts or a leadership ends: a closed set, fit for a label.
const (
	ReasonStart        = "start"         // the process started
	ReasonLeaderLost   = "leader_lost"   // a learner's connection to its leader ended
	ReasonQuorumLost   = "quorum_lost"   // a leader no longer hears a quorum
	ReasonNoLeader     = "no_leader"     // a learner could not reach or was not taken by the leader it elected
	ReasonNotSupported = "not_supported" // a leader found no quorum of learners in time
	ReasonConfigChange = "config_change" // another configuration was adopted
	ReasonStorage      = "storage"       // an epoch file could not be written
	ReasonPolicy       = "policy"        // the leader holds history that this node must not vouch for
	ReasonVoterAhead   = "voter_ahead"   // a member has promised a later epoch than this leader's
	ReasonPort         = "port"          // the leader could not open its quorum port
	ReasonResigned     = "resigned"      // asked to by its operator
	ReasonStopped      = "stopped"       // the node is shutting down
)

// Reasons lists every reason.
func Reasons() []string {
	return []string{ReasonStart, ReasonLeaderLost, ReasonQuorumLost, ReasonNoLeader, ReasonNotSupported,
		ReasonConfigChange, ReasonStorage, ReasonPolicy, ReasonVoterAhead, ReasonPort, ReasonResigned, ReasonStopped}
}

// ElectionStarted says that the node is LOOKING from now on.
type ElectionStarted struct {
	Reason string // one of the Reason constants
	// At is the start as this node's notifications tell it to the others (ElectionAt there).
	At    time.Time
	Round quorum.Round
	Vote  quorum.Vote // what it proposes first
}

// RoundCause says why a node is in another round.
type RoundCause string

// Causes of a round change.
const (
	RoundStart      RoundCause = "start"       // a new election begins
	RoundBehindPeer RoundCause = "behind_peer" // a peer's notification had a higher round
	RoundLateJoin   RoundCause = "late_join"   // the settled servers' round was taken over
)

// RoundCauses lists every RoundCause.
func RoundCauses() []RoundCause { return []RoundCause{RoundStart, RoundBehindPeer, RoundLateJoin} }

// RoundChanged says that the logical clock moved.
type RoundChanged struct {
	From, To quorum.Round
	Cause    RoundCause
	Peer     quorum.SID // whose notification it was; the node itself for start
}

// VoteCause says why a vote replaced another.
type VoteCause string

// Causes of a vote change.
const (
	VoteBetterEpoch VoteCause = "better_epoch"
	VoteBetterZxid  VoteCause = "better_zxid"
	VoteBetterSID   VoteCause = "better_sid"
	VoteNewRound    VoteCause = "new_round"
)

// VoteCauses lists every VoteCause.
func VoteCauses() []VoteCause {
	return []VoteCause{VoteBetterEpoch, VoteBetterZxid, VoteBetterSID, VoteNewRound}
}

// VoteChanged says that this node now proposes To.
type VoteChanged struct {
	From, To  quorum.Vote
	Round     quorum.Round
	Cause     VoteCause
	Peer      quorum.SID // whose notification it was; the node itself when it went back to its own vote
	MessageID uint64     // of that notification; 0 if it had none
}

// SendCause says why a notification was sent.
type SendCause string

// Causes of a sent notification.
const (
	SendOwnVote         SendCause = "own_vote"          // the first broadcast of a round
	SendVoteChange      SendCause = "vote_change"       // the proposal changed
	SendResend          SendCause = "resend"            // nothing was heard for the back-off time
	SendReplyStaleRound SendCause = "reply_stale_round" // the sender is LOOKING in a lower round
	SendReplySettled    SendCause = "reply_settled"     // the sender is LOOKING, this node is not
	SendReplyNonVoter   SendCause = "reply_nonvoter"    // the sender has no vote; each of its messages is answered
	SendReconnect       SendCause = "reconnect"         // the last notification again, on a new connection
	SendProbe           SendCause = "probe"             // a watcher's question
)

// SendCauses lists every SendCause.
func SendCauses() []SendCause {
	return []SendCause{SendOwnVote, SendVoteChange, SendResend, SendReplyStaleRound, SendReplySettled,
		SendReplyNonVoter, SendReconnect, SendProbe}
}

// Notification is what an election message says, for those who show it.
type Notification struct {
	State         quorum.State
	Vote          quorum.Vote
	Round         quorum.Round
	ConfigVersion quorum.Version
}

// NotificationSent says that a notification was handed to the kernel for Peer. It is a pointer where it
// is an Event, as NotificationReceived is: these two happen most, and come out of a Slab.
type NotificationSent struct {
	Peer      quorum.SID
	MessageID uint64
	Cause     SendCause
	Notification
}

// ReceiveOutcome says what a received notification did.
type ReceiveOutcome string

// Outcomes of a received notification.
const (
	ReceivedCounted      ReceiveOutcome = "counted"        // its vote is in the tally, nothing else changed
	ReceivedBetterVote   ReceiveOutcome = "better_vote"    // its vote was adopted
	ReceivedNewerRound   ReceiveOutcome = "newer_round"    // its round was adopted
	ReceivedStaleRound   ReceiveOutcome = "stale_round"    // its round is over
	ReceivedFromNonVoter ReceiveOutcome = "from_nonvoter"  // answered, never counted
	ReceivedForNonVoter  ReceiveOutcome = "for_nonvoter"   // it votes for a server that cannot be elected
	ReceivedNoHistory    ReceiveOutcome = "no_history"     // zxid -1 on one of the two sides
	ReceivedSettledPeer  ReceiveOutcome = "settled_peer"   // a vote of a server that is not LOOKING, noted
	ReceivedJoined       ReceiveOutcome = "joined"         // it completed the proof of an established leader
	ReceivedAnswered     ReceiveOutcome = "answered"       // this node is settled and answered
	ReceivedIgnored      ReceiveOutcome = "ignored"        // both are settled, or the sender is OBSERVING
	ReceivedBadState     ReceiveOutcome = "bad_state"      // its state is none of the four
	ReceivedMalformed    ReceiveOutcome = "malformed"      // no form of a notification; dropped
	ReceivedConfigTaken  ReceiveOutcome = "config_adopted" // its configuration was adopted; the election restarts
)

// ReceiveOutcomes lists every ReceiveOutcome.
func ReceiveOutcomes() []ReceiveOutcome {
	return []ReceiveOutcome{ReceivedCounted, ReceivedBetterVote, ReceivedNewerRound, ReceivedStaleRound,
		ReceivedFromNonVoter, ReceivedForNonVoter, ReceivedNoHistory, ReceivedSettledPeer, ReceivedJoined,
		ReceivedAnswered, ReceivedIgnored, ReceivedBadState, ReceivedMalformed, ReceivedConfigTaken}
}

// NotificationReceived says that a notification of Peer was processed.
type NotificationReceived struct {
	Peer      quorum.SID
	MessageID uint64    // 0 if the peer is no electnode
	SentAt    time.Time // by the peer's clock; zero if it is no electnode
	// ElectionAt is when the peer's running or last election began, by its clock: At of its ElectionStarted.
	ElectionAt time.Time
	Outcome    ReceiveOutcome
	Detail     string // for malformed: what is wrong with it; otherwise empty
	Notification
}

// NotificationReplaced says that a newer notification took the place of one that still waited for Peer:
// the queue to a peer holds one.
type NotificationReplaced struct {
	Peer      quorum.SID
	MessageID uint64 // of the one that will never be sent
}

// ResendScheduled says how long this node will wait, from now on, before it repeats an unchanged vote.
type ResendScheduled struct{ Wait time.Duration }

// QuorumReached says that a quorum of every view supports the present vote in the present round.
type QuorumReached struct {
	Vote       quorum.Vote
	Round      quorum.Round
	Supporters []quorum.SID // ascending
}

// QuorumUndone says that a quorum that had been reached no longer holds: a better vote arrived in time.
type QuorumUndone struct{ Round quorum.Round }

// How says what ended an election.
type How string

// Ways an election is decided.
const (
	HowAllHeard        How = "all_heard"          // every voter supports the vote
	HowRestUnreachable How = "rest_unreachable"   // every voter does that can be reached, and was not left for its silence
	HowWaited          How = "waited"             // nothing better came within the wait
	HowJoined          How = "joined_established" // settled servers proved their leader
)

// Hows lists every How.
func Hows() []How { return []How{HowAllHeard, HowRestUnreachable, HowWaited, HowJoined} }

// Phases are the durations of an election, each from its start; zero for what did not happen, and only for that.
type Phases struct {
	FirstVoteHeard time.Duration // a voter other than this node was heard
	Quorum         time.Duration // the quorum that held was reached
	Decided        time.Duration
}

// ElectionDecided says that the node leaves LOOKING.
type ElectionDecided struct {
	Vote   quorum.Vote
	Round  quorum.Round
	State  quorum.State // what it becomes
	How    How
	Phases Phases
}

// ElectionAborted says that an election ended without a decision.
type ElectionAborted struct{ Reason string }

// ConfigSeen says that a notification carried a configuration of another version than this node's.
type ConfigSeen struct {
	Peer    quorum.SID
	Version quorum.Version
	Adopted bool
	View    *quorum.View // what is committed now; nil unless Adopted
	Detail  string       // why it was not adopted, or what is wrong with its text
}

// EventsDropped says that a sink lost events.
type EventsDropped struct {
	Sink  string
	Count uint64
}

// LinesLeftOut says that lines of one kind were not written to the log because there were too many of them.
type LinesLeftOut struct {
	Line   string // the message of such a line
	Reason string // what else is the same in all of them; empty: nothing
	Count  uint64 // of lines, and of what lines that stand for several would have told
}
