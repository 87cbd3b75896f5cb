package zab

import (
	"time"

	"electnode/internal/quorum"
)

// Policy is electnode.voter: what a participant without data does among servers that may have some.
type Policy uint8

// The policies.
const (
	Strict Policy = iota // never vouch for history that this node does not hold
	Echo                 // acknowledge whatever the others hold: for tests, drills and demonstrations
)

// Options is what a role needs to know.
type Options struct {
	Self     quorum.SID
	Leader   quorum.SID   // the elected one; Self for a leader
	View     *quorum.View // the committed configuration
	LastSeen *quorum.View // a proposed one with a higher version; nil if there is none
	Observer bool

	Tick          time.Duration
	InitLimit     int // ticks
	SyncLimit     int // ticks
	ConnectLimit  int // ticks to reach the leader; 0: InitLimit
	ReconfigOn    bool
	Policy        Policy
	LastZxid      quorum.Zxid // reported history: 0, or electnode.lab.lastZxid, which implies Echo
	Epochs        Epochs
	DecidedAt     time.Time  // when the election was decided; LeaderEstablished counts from it
	Cut           quorum.Set // servers that the operator has cut off; nil: none. Only the owner of the role changes it
	MaxPacketData int        // bytes of one buffer [2097150]; for the caller's Transport
}

// cutDetail stands in the events of a connection that the operator cut.
const cutDetail = "cut on request"

// initTime is how long each stage may take before a leader is established.
func (o *Options) initTime() time.Duration { return o.Tick * time.Duration(o.InitLimit) }

// syncTime is how long the other side may be silent afterwards.
func (o *Options) syncTime() time.Duration { return o.Tick * time.Duration(o.SyncLimit) }

// connectTime is how long a learner tries to reach the leader.
func (o *Options) connectTime() time.Duration {
	if o.ConnectLimit > 0 {
		return o.Tick * time.Duration(o.ConnectLimit)
	}
	return o.initTime()
}

// echo reports whether this node goes along with history that it does not hold.
func (o *Options) echo() bool { return o.Policy == Echo || o.LastZxid != 0 }

// votes reports whether the promises of sid count in one of the views.
func (o *Options) votes(sid quorum.SID) bool {
	return o.View.IsVoter(sid) || o.LastSeen != nil && o.LastSeen.IsVoter(sid)
}

// member reports whether sid is in one of the views.
func (o *Options) member(sid quorum.SID) bool { return quorum.HasMember(sid, o.View, o.LastSeen) }

// servers is how many servers are in the views.
func (o *Options) servers() int { return quorum.Servers(o.View, o.LastSeen) }

// quorum reports whether the servers for which has is true are a quorum of every view.
func (o *Options) quorum(has func(quorum.SID) bool) bool {
	return o.View.IsQuorum(has) && (o.LastSeen == nil || o.LastSeen.IsQuorum(has))
}
