package traceid

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"electnode/internal/quorum"
)

// Trace is the id of a trace, Span that of a span within it; never all zero but for "none".
type (
	Trace [16]byte
	Span  [8]byte
)

// String is 32 lower-case hex digits, empty for none.
func (t Trace) String() string {
	if t == (Trace{}) {
		return ""
	}
	return hex.EncodeToString(t[:])
}

// String is 16 lower-case hex digits, empty for none.
func (s Span) String() string {
	if s == (Span{}) {
		return ""
	}
	return hex.EncodeToString(s[:])
}

// Election is the trace of the election that established epoch, the same on every node that took part.
func Election(ensemble string, epoch quorum.Epoch) Trace {
	return trace("election", ensemble, uint64(epoch))
}

// Joining is the trace of a node's way to a leader that was established in epoch before. start is when its
// election began, as its notifications say: the servers that answer it can tell the trace too.
func Joining(ensemble string, epoch quorum.Epoch, sid quorum.SID, start time.Time) Trace {
	return trace("joining", ensemble, uint64(epoch), uint64(sid), uint64(start.UnixNano()))
}

// Unfinished is the trace of an election that has not come to an established leader, or not yet.
func Unfinished(ensemble string, sid quorum.SID, start time.Time) Trace {
	return trace("unfinished", ensemble, uint64(sid), uint64(start.UnixNano()))
}

// Root is the root span of a trace: the leader's election, or that of the only node.
func Root(t Trace) Span { return span("root", t, 0) }

// Lost is the span in the trace of an established leader that says how sid lost it: what the next election
// links to.
func Lost(t Trace, sid quorum.SID) Span { return span("lost", t, uint64(sid)) }

// Message is the span of the sending of a notification: its message id. None for 0.
func Message(id uint64) Span {
	var s Span
	binary.BigEndian.PutUint64(s[:], id)
	return s
}

func trace(kind, ensemble string, numbers ...uint64) Trace {
	return Trace(digest(kind, ensemble, numbers)[:16])
}

func span(kind string, t Trace, number uint64) Span {
	return Span(digest(kind, string(t[:]), []uint64{number})[:8])
}

// digest hashes its arguments, each with a clear end.
func digest(kind, text string, numbers []uint64) []byte {
	raw := binary.BigEndian.AppendUint32([]byte("electnode "+kind+"\x00"), uint32(len(text)))
	raw = append(raw, text...)
	for _, n := range numbers {
		raw = binary.BigEndian.AppendUint64(raw, n)
	}
	sum := sha256.Sum256(raw)
	return sum[:]
}
