package watch

import (
	"slices"
	"time"

	"electnode/internal/quorum"
)

// Status is what a watcher knows of its ensemble: a copy, for whoever asks.
type Status struct {
	At time.Time // of this copy
	// View is the configuration in force; nil until a server has told one.
	View *quorum.View
	// HasLeader says that a quorum of the voters names Leader, and that Leader itself says LEADING: it is
	// elected. That it is established too, a moment later, cannot be told from outside. Leader and Epoch stay
	// those of the last one when there is none; they mean something once EverLed.
	HasLeader bool
	EverLed   bool
	Leader    quorum.SID
	Epoch     quorum.Epoch
	Since     time.Time // of HasLeader being what it is; zero before the first verdict

	// Leaderless says that somebody was asked with success, or is known not to run, and no leader is seen. It
	// is false, without a leader, before every voter was tried once, while every voter is silent, and while a
	// quorum follows one that only the watcher does not see: then nothing is known.
	Leaderless      bool
	LeaderlessSince time.Time     // zero unless Leaderless
	LeaderlessTotal time.Duration // up to this copy; never falls
	// LeaderChanges counts the leaders after the first, one that was elected again included.
	LeaderChanges uint64
	// Conflicting lists the servers that say LEADING at the same time, ascending; empty for one or none.
	Conflicting []quorum.SID
	// Blind says that too few voters are in sight to judge: no quorum, or not the leader that a quorum has followed for
	// longer than servers follow one that is gone (30 s).
	Blind bool

	Servers []Server // members of View, and targets with a sid; ascending
	Seeds   []Seed   // targets without a sid that turned out to be no known address
}

// Server is what a watcher knows of one server.
type Server struct {
	SID       quorum.SID
	Role      quorum.Role
	Weight    int64
	Group     int64    // 0 unless the quorums are hierarchical
	Addresses []string // election addresses, host:port, where it is asked

	Up    bool      // the last question was answered, by this ensemble's server
	Since time.Time // of Up being what it is; zero before the first question

	// What it said last; Known says that it ever said anything.
	Known         bool
	State         quorum.State
	Vote          quorum.Vote
	Round         quorum.Round
	ConfigKnown   bool
	ConfigVersion quorum.Version
	ConfigProblem string // why ConfigKnown is false
	Electnode     bool   // it is no real ZooKeeper server
	LastAnswer    time.Time
	Latency       time.Duration
	// Stale says that it is Up and names a leader that does not itself say LEADING.
	Stale bool

	// ClientAddress is its client port as the configuration tells it, host:port; empty: the configuration does
	// not. Client is what it said there last, with Options.Enrich; nil: it was not asked yet.
	ClientAddress string
	Client        *ClientInfo

	Answers  uint64
	Failures map[Reason]uint64
	// The last failure; LastFailure is empty if there was none.
	LastFailure   Reason
	FailureDetail string
	FailedAt      time.Time
}

// Seed is a target that is not known to be a server of the ensemble.
type Seed struct {
	Address string
	Asked   bool   // false: not needed any more, or not before all servers are out of sight
	Problem string // why it was of no use so far
	Reason  Reason // of the last failure, empty if there was none
}

// Server is the server sid of s.
func (s Status) Server(sid quorum.SID) (Server, bool) {
	i := slices.IndexFunc(s.Servers, func(o Server) bool { return o.SID == sid })
	if i < 0 {
		return Server{}, false
	}
	return s.Servers[i], true
}

// asOf is s with the leaderless time up to now.
func (s Status) asOf(now time.Time) Status {
	s.At = now
	if s.Leaderless {
		s.LeaderlessTotal += max(now.Sub(s.LeaderlessSince), 0)
	}
	return s
}
