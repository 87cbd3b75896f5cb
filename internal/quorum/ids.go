package quorum

import (
	"fmt"
	"math"
	"strconv"
)

// SID is a server id as it stands in myid and after "server.": any signed 64-bit number but AnonymousSID.
type SID int64

const (
	// AnonymousSID is what an observer without a name of its own puts into a preamble; no configured
	// server may use it. Rule: QuorumCnxManager.OBSERVER_ID.
	AnonymousSID SID = math.MaxInt64
	// NoSID stands for "nobody": the smallest id, which is also the leader an observer votes for before
	// it has heard a voter. Rule: FastLeaderElection.getInitId.
	NoSID SID = math.MinInt64
)

// String prints the id in decimal.
func (s SID) String() string { return strconv.FormatInt(int64(s), 10) }

// Zxid is the number of a transaction: an epoch in the upper 32 bits, a counter in the lower 32.
type Zxid int64

const (
	// NoZxid is what a server reports that may have lost its data; nobody believes a vote with it.
	NoZxid Zxid = -1
	// MinZxid stands in the vote of an observer that has heard no voter yet.
	MinZxid Zxid = math.MinInt64
)

// MakeZxid joins an epoch and a counter. Rule: ZxidUtils.makeZxid.
func MakeZxid(e Epoch, counter uint32) Zxid { return Zxid(int64(e)<<32 | int64(counter)) }

// Epoch is the upper half of z, sign kept: the zxid -1 has epoch -1. Rule: ZxidUtils.getEpochFromZxid.
func (z Zxid) Epoch() Epoch { return Epoch(z >> 32) }

// Counter is the lower half of z.
func (z Zxid) Counter() uint32 { return uint32(z) }

// String prints the zxid in hex, as ZooKeeper's logs do.
func (z Zxid) String() string { return "0x" + strconv.FormatUint(uint64(z), 16) }

// Epoch numbers the leaders that were established one after another; it travels as a signed 32-bit
// number inside zxids and as 64 bits inside notifications.
type Epoch int64

const (
	// MaxEpoch is the largest epoch that fits into a zxid.
	MaxEpoch Epoch = math.MaxInt32
	// MinEpoch stands in the vote of an observer that has heard no voter yet.
	MinEpoch Epoch = math.MinInt64
)

// String prints the epoch in decimal.
func (e Epoch) String() string { return strconv.FormatInt(int64(e), 10) }

// Round numbers the elections a server takes part in: the logical clock of FastLeaderElection. Rounds are
// compared between servers and jump forward to the highest one seen; 0 is before the first election.
type Round int64

// String prints the round in decimal.
func (r Round) String() string { return strconv.FormatInt(int64(r), 10) }

// Version numbers the configurations of an ensemble; the larger one is the newer one. It has the layout of
// a zxid, and 0 means a configuration that was never changed at run time.
type Version int64

// Hex prints the version as configuration texts have it: lower case, no prefix.
func (v Version) Hex() string { return strconv.FormatUint(uint64(v), 16) }

// String prints the version in hex with its prefix.
func (v Version) String() string { return "0x" + v.Hex() }

// State is what a server is doing; the values are those on the wire. Rule: QuorumPeer.ServerState.
type State int32

// The four states of a server.
const (
	Looking   State = 0
	Following State = 1
	Leading   State = 2
	Observing State = 3
)

// States lists the four states in wire order.
func States() []State { return []State{Looking, Following, Leading, Observing} }

// Valid reports whether s is one of the four states.
func (s State) Valid() bool { return s >= Looking && s <= Observing }

// String prints the state as ZooKeeper does, in capitals.
func (s State) String() string {
	switch s {
	case Looking:
		return "LOOKING"
	case Following:
		return "FOLLOWING"
	case Leading:
		return "LEADING"
	case Observing:
		return "OBSERVING"
	default:
		return fmt.Sprintf("STATE(%d)", int32(s))
	}
}
