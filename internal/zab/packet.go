package zab

import (
	"fmt"

	"electnode/internal/quorum"
)

// PacketType is the type field of a quorum packet.
type PacketType int32

// The packet types of the quorum port; the values are those on the wire. Rule: constants of Leader.java.
const (
	TypeRequest           PacketType = 1
	TypeProposal          PacketType = 2
	TypeAck               PacketType = 3
	TypeCommit            PacketType = 4
	TypePing              PacketType = 5
	TypeRevalidate        PacketType = 6
	TypeSync              PacketType = 7
	TypeInform            PacketType = 8
	TypeCommitAndActivate PacketType = 9
	TypeNewLeader         PacketType = 10
	TypeFollowerInfo      PacketType = 11
	TypeUpToDate          PacketType = 12
	TypeDiff              PacketType = 13
	TypeTrunc             PacketType = 14
	TypeSnap              PacketType = 15
	TypeObserverInfo      PacketType = 16
	TypeLeaderInfo        PacketType = 17
	TypeAckEpoch          PacketType = 18
	TypeInformAndActivate PacketType = 19
)

// PacketTypes lists every type that is known.
func PacketTypes() []PacketType {
	types := make([]PacketType, 0, int(TypeInformAndActivate))
	for t := TypeRequest; t <= TypeInformAndActivate; t++ {
		types = append(types, t)
	}
	return types
}

// String prints the type as ZooKeeper names it, in capitals.
func (t PacketType) String() string {
	switch t {
	case TypeRequest:
		return "REQUEST"
	case TypeProposal:
		return "PROPOSAL"
	case TypeAck:
		return "ACK"
	case TypeCommit:
		return "COMMIT"
	case TypePing:
		return "PING"
	case TypeRevalidate:
		return "REVALIDATE"
	case TypeSync:
		return "SYNC"
	case TypeInform:
		return "INFORM"
	case TypeCommitAndActivate:
		return "COMMITANDACTIVATE"
	case TypeNewLeader:
		return "NEWLEADER"
	case TypeFollowerInfo:
		return "FOLLOWERINFO"
	case TypeUpToDate:
		return "UPTODATE"
	case TypeDiff:
		return "DIFF"
	case TypeTrunc:
		return "TRUNC"
	case TypeSnap:
		return "SNAP"
	case TypeObserverInfo:
		return "OBSERVERINFO"
	case TypeLeaderInfo:
		return "LEADERINFO"
	case TypeAckEpoch:
		return "ACKEPOCH"
	case TypeInformAndActivate:
		return "INFORMANDACTIVATE"
	default:
		return fmt.Sprintf("TYPE(%d)", int32(t))
	}
}

// AuthID is one entry of a packet's authinfo.
type AuthID struct{ Scheme, ID string }

// Packet is one record of the quorum port. Data nil is a null buffer, which is not the same as an empty
// one; likewise AuthInfo. A packet that was handed on is not changed any more.
type Packet struct {
	Type     PacketType
	Zxid     quorum.Zxid
	Data     []byte // from a Transport: its first keptData bytes, together with the texts of AuthInfo
	AuthInfo []AuthID
	// Snapshot tells of the stream that followed a SNAP packet and was discarded.
	Snapshot *SnapshotSummary
}

// SnapshotSummary says what a discarded snapshot stream held.
type SnapshotSummary struct {
	Sessions int
	Nodes    int64 // all of them, the four standard ones included
	// History: a session, a node besides the four standard ones, or a transaction's trace on one of those.
	History bool
	Bytes   int64
}
