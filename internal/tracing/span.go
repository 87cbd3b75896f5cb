package tracing

import (
	"time"

	"electnode/internal/quorum"
	"electnode/internal/traceid"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// The names of spans: these and no others. Whom and what a span is about stands in its attributes.
const (
	nameElection    = "election"
	nameRound       = "round"
	nameSend        = "notification send"
	nameReceive     = "notification receive"
	nameEstablish   = "establish epoch"
	namePromise     = "promise"
	nameAcknowledge = "acknowledge"
	nameWrite       = "durable write"
	nameSynchronise = "synchronise"
	nameConnection  = "connection"
	nameDial        = "dial"
	nameHandshake   = "hand-shake"
	nameTieBreak    = "tie-break"
	nameLost        = "leader lost"
)

// Names of events within a round's span.
const (
	eventVote         = "vote change"
	eventQuorum       = "quorum reached"
	eventQuorumUndone = "quorum undone"
)

// span is a finished span as a plain value.
type span struct {
	trace  traceid.Trace
	id     traceid.Span
	parent traceid.Span // zero: it is a root
	remote bool         // the parent is another node's
	name   string
	kind   trace.SpanKind // zero: internal
	start  time.Time
	end    time.Time
	attrs  []attribute.KeyValue
	notes  []note
	links  []link
	failed string // why the status is error; empty: it is unset
}

// note is an event within a span.
type note struct {
	name  string
	at    time.Time
	attrs []attribute.KeyValue
}

// link says which other span belongs to this one, and how: one of the link constants.
type link struct {
	trace traceid.Trace
	span  traceid.Span
	how   string
}

// What a link means.
const (
	linkCause      = "leader_lost"       // the loss that the election followed
	linkBefore     = "unfinished_before" // the election before, which came to no established leader
	linkParts      = "unfinished_parts"  // what was shown of this election before its leader was established
	linkJoined     = "joined"            // the election that established the leader that was joined
	linkUnfinished = "sent_in"           // the send, in the unfinished election of its sender
)

// fail sets the status to error.
func (s *span) fail(errorType, why string) {
	s.failed = why
	s.add(attribute.String("error.type", errorType))
}

func (s *span) add(attrs ...attribute.KeyValue) { s.attrs = append(s.attrs, attrs...) }

// The attributes, spelled as log keys are, after a prefix of their own.

func number[T ~int64](key string, n T) attribute.KeyValue {
	return attribute.Int64("electnode."+key, int64(n))
}

func word[T ~string](key string, w T) attribute.KeyValue {
	return attribute.String("electnode."+key, string(w))
}

// detail is an attribute if there is something to say.
func (s *span) detail(text string) {
	if text != "" {
		s.add(word("detail", text))
	}
}

func peerOf(sid quorum.SID) attribute.KeyValue   { return number("peer", sid) }
func leaderOf(sid quorum.SID) attribute.KeyValue { return number("leader", sid) }
func epochOf(e quorum.Epoch) attribute.KeyValue  { return number("epoch", e) }
func roundOf(r quorum.Round) attribute.KeyValue  { return number("round", r) }
func messageID(id uint64) attribute.KeyValue     { return word("message_id", traceid.Message(id).String()) }
func took(key string, d time.Duration) attribute.KeyValue {
	return attribute.Float64("electnode."+key, float64(d.Microseconds())/1000)
}

// voteAttrs are the three parts of a vote under one prefix, such as "vote".
func voteAttrs(prefix string, v quorum.Vote) []attribute.KeyValue {
	return []attribute.KeyValue{number(prefix+".leader", v.Leader), word(prefix+".zxid", v.Zxid.String()),
		number(prefix+".epoch", v.PeerEpoch)}
}

func sids(key string, of []quorum.SID) attribute.KeyValue {
	all := make([]int64, len(of))
	for i, sid := range of {
		all[i] = int64(sid)
	}
	return attribute.Int64Slice("electnode."+key, all)
}
