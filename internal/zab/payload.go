package zab

import (
	"encoding/binary"
	"errors"
	"fmt"

	"electnode/internal/quorum"
)

// protocolVersion is what both sides name: the one since ZooKeeper 3.4.
const protocolVersion = 0x10000

// opSync is the operation code of a client's sync request. Rule: ZooDefs.OpCode.sync.
const opSync = 9

// ErrLegacy says that a learner is older than ZooKeeper 3.4: its LearnerInfo has no protocol version, or
// an older one.
var ErrLegacy = errors.New("learner older than 3.4")

// LearnerInfo is the data of FOLLOWERINFO and OBSERVERINFO.
type LearnerInfo struct {
	SID             quorum.SID
	ProtocolVersion int32
	ConfigVersion   quorum.Version
}

// AppendLearnerInfo appends the 20 bytes of i to dst.
func AppendLearnerInfo(dst []byte, i LearnerInfo) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(i.SID))
	dst = binary.BigEndian.AppendUint32(dst, uint32(i.ProtocolVersion))
	return binary.BigEndian.AppendUint64(dst, uint64(i.ConfigVersion))
}

// ParseLearnerInfo reads the data of a learner's first packet. The error wraps ErrLegacy for null, for the
// sid alone and for an old protocol version (the result has what is known), and ErrMalformed for any other
// length below 12. Without a configuration version, which came with 3.5, that version is 0; bytes after it
// are ignored. Rule: LearnerHandler.run.
func ParseLearnerInfo(data []byte) (LearnerInfo, error) {
	var i LearnerInfo
	if data == nil {
		return i, fmt.Errorf("learner info: null: %w", ErrLegacy)
	}
	if len(data) < 8 {
		return i, fmt.Errorf("learner info: %d bytes: %w", len(data), ErrMalformed)
	}
	i.SID = quorum.SID(int64(binary.BigEndian.Uint64(data)))
	if len(data) == 8 {
		return i, fmt.Errorf("learner info of sid %d: no protocol version: %w", i.SID, ErrLegacy)
	}
	if len(data) < 12 {
		return i, fmt.Errorf("learner info: %d bytes: %w", len(data), ErrMalformed)
	}
	i.ProtocolVersion = int32(binary.BigEndian.Uint32(data[8:]))
	if i.ProtocolVersion < protocolVersion {
		return i, fmt.Errorf("learner info of sid %d: protocol version %#x: %w", i.SID, i.ProtocolVersion, ErrLegacy)
	}
	if len(data) >= 20 {
		i.ConfigVersion = quorum.Version(int64(binary.BigEndian.Uint64(data[12:])))
	}
	return i, nil
}

// appendVersion appends the data of a LEADERINFO.
func appendVersion(dst []byte) []byte { return binary.BigEndian.AppendUint32(dst, protocolVersion) }

// AppendAckEpoch appends the data of an ACKEPOCH: the learner's current epoch, or -1 for a promise that it
// gave before.
func AppendAckEpoch(dst []byte, current quorum.Epoch) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(int32(current)))
}

// ParseAckEpoch reads the data of an ACKEPOCH.
func ParseAckEpoch(data []byte) (quorum.Epoch, error) {
	if len(data) < 4 {
		return 0, fmt.Errorf("ackepoch: %d bytes: %w", len(data), ErrMalformed)
	}
	return quorum.Epoch(int32(binary.BigEndian.Uint32(data))), nil
}

// requestOp is the operation code of a REQUEST: after the session id and the client's request number.
func requestOp(data []byte) (int32, bool) {
	if len(data) < 16 {
		return 0, false
	}
	return int32(binary.BigEndian.Uint32(data[12:])), true
}

// refuseSession makes the answer to a REVALIDATE: the same session id, and that it is not valid.
func refuseSession(data []byte) ([]byte, bool) {
	if len(data) < 8 {
		return nil, false
	}
	return append(append(make([]byte, 0, 9), data[:8]...), 0), true
}
