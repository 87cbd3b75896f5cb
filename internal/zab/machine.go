package zab

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// ConnID names one connection of the quorum port within a node's life; never used twice.
type ConnID uint64

// Role is a node's part after an election: *Leader or *Learner. One goroutine owns it. Step applies one
// input at the instant now, Tick says that the deadline of the last Output has come (too early does no
// harm); both do no I/O. An Output is valid until the next call; Status makes a copy.
type Role interface {
	Start(now time.Time) Output
	Step(now time.Time, in Input) Output
	Tick(now time.Time) Output
	Status() Status
}

// InputKind says what an Input tells.
type InputKind uint8

// The inputs of a role.
const (
	Opened    InputKind = iota + 1 // a learner connected (leader), or the dial asked for stands (learner)
	DialError                      // the dial asked for did not succeed at any address (learner)
	Received                       // Packet arrived on Conn
	Progress                       // bytes of the snapshot stream after Packet, a SNAP, arrived on Conn, its end has not yet
	Closed                         // Conn ended: Detail says why; nothing more comes from it
	Persisted                      // the write asked for is durable
	WriteErr                       // the write asked for did not succeed: Detail says why
	Resign                         // the operator wants another leader
	CutOff                         // the operator wants nothing to pass between this server and Peer from now on
	PortLost                       // the quorum port takes no connections any more: Detail says why (leader)
)

// Input is one thing that happened to a role.
type Input struct {
	Kind   InputKind
	Conn   ConnID
	Packet Packet
	Remote string     // Opened: address of the other side
	Peer   quorum.SID // CutOff
	Detail string
	Reject string // Closed: one of event's Reject constants when the connection never spoke the protocol
	Reason string // Closed: one of event's Learner constants; empty: LearnerClosed
}

// Epochs are the two durable numbers of a node.
type Epochs struct {
	Accepted quorum.Epoch
	Current  quorum.Epoch
}

// Persist asks for an epoch file to be written durably; the answer is Persisted or WriteErr. Exactly one
// of the two is asked for at a time, and a role is not Done before the answer.
type Persist struct {
	File  string // FileAccepted or FileCurrent
	Epoch quorum.Epoch
}

// The two epoch files.
const (
	FileAccepted = "acceptedEpoch"
	FileCurrent  = "currentEpoch"
)

// Send is a packet for a connection.
type Send struct {
	Conn   ConnID
	Packet Packet
}

// Established says that the role is in office: a leader with a quorum of acknowledgements, or a learner
// with UPTODATE.
type Established struct {
	Leader quorum.SID
	Epoch  quorum.Epoch
}

// Done says that the role is over: the node goes back to LOOKING.
type Done struct {
	Reason string // one of event's Reason constants
	Detail string
	// Silent says that the connection with the leader stood, but nothing came on it while heartbeats were due.
	Silent bool
	// RetryAfter asks the node to wait before the next election, 0 for at once: after a leader was left
	// because of electnode.voter=strict.
	RetryAfter time.Duration
}

// Output is all that the caller must do, in this order. The Step that answers a Persist comes after all
// the rest was done; none of it depends on that write.
type Output struct {
	Events      []event.Event
	Dial        bool     // dial the leader (all its quorum addresses, first that answers)
	Persist     *Persist // write, then Step with Persisted or WriteErr
	Sends       []Send
	Close       []ConnID // after their Sends were written, bounded in time
	Established *Established
	Done        *Done     // drop the role; all its connections are to be closed
	Deadline    time.Time // call Tick then; zero: nothing to wait for
}

var (
	_ Role = (*Leader)(nil)
	_ Role = (*Learner)(nil)
)
