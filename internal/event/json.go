package event

import (
	"strconv"
	"time"

	"electnode/internal/quorum"
)

// AppendJSON appends the recorded form of s, one line of JSON without a line feed, and returns the extended
// dst. base is where mono_ns counts from: a time of this process, so that the difference is one of the
// monotonic clock. docs/events.md lists the fields of every event; they are all there, always, in one order.
//
// Text that is not UTF-8 loses its bad bytes to U+FFFD. A view travels as its configuration text, which does
// not tell client addresses that only zoo.cfg has. Safe from any goroutine; takes no memory but dst.
func AppendJSON(dst []byte, s Stamped, base time.Time) []byte {
	e := encoder{append(dst, '{')}
	e.when("time", s.Time)
	e.number("mono_ns", int64(s.Time.Sub(base)))
	e.sid("sid", s.Node)
	e.count("election", s.Election)
	if s.Event == nil {
		e.text("event", "")
		return append(e.b, '}')
	}
	e.text("event", s.Event.Name())
	if !e.election(s.Event) && !e.message(s.Event) && !e.link(s.Event) {
		e.epochs(s.Event)
	}
	return append(e.b, '}')
}

// election writes what happens to the node and its election, and reports whether ev is of that kind.
func (e *encoder) election(ev Event) bool {
	switch ev := ev.(type) {
	case NodeStarted:
		e.text("role", ev.Role.String())
		e.epoch("accepted_epoch", ev.AcceptedEpoch)
		e.epoch("current_epoch", ev.CurrentEpoch)
		e.zxid("zxid", ev.Zxid)
		e.view("config", ev.View)
	case NodeStopped:
		e.text("detail", ev.Error)
	case StateChanged:
		e.state("from", ev.From)
		e.state("to", ev.To)
		e.text("reason", ev.Reason)
		e.text("detail", ev.Detail)
	case ElectionStarted:
		e.text("reason", ev.Reason)
		e.instant("at", ev.At)
		e.round("round", ev.Round)
		e.vote("vote", ev.Vote)
	case RoundChanged:
		e.round("from", ev.From)
		e.round("to", ev.To)
		e.text("cause", string(ev.Cause))
		e.sid("peer", ev.Peer)
	case VoteChanged:
		e.vote("from", ev.From)
		e.vote("to", ev.To)
		e.round("round", ev.Round)
		e.text("cause", string(ev.Cause))
		e.sid("peer", ev.Peer)
		e.messageID("message_id", ev.MessageID)
	case QuorumReached:
		e.vote("vote", ev.Vote)
		e.round("round", ev.Round)
		e.sids("supporters", ev.Supporters)
	case QuorumUndone:
		e.round("round", ev.Round)
	case ElectionDecided:
		e.vote("vote", ev.Vote)
		e.round("round", ev.Round)
		e.state("state", ev.State)
		e.text("how", string(ev.How))
		e.phases("phases", ev.Phases)
	case ElectionAborted:
		e.text("reason", ev.Reason)
	case ConfigSeen:
		e.sid("peer", ev.Peer)
		e.version("version", ev.Version)
		e.flag("adopted", ev.Adopted)
		e.view("config", ev.View)
		e.text("detail", ev.Detail)
	case EventsDropped:
		e.text("sink", ev.Sink)
		e.count("count", ev.Count)
	case CertificateRenewed:
		e.flag("start", ev.Start)
		e.flag("ok", ev.OK)
		e.instant("not_after", ev.NotAfter)
		e.text("detail", ev.Detail)
	case LinesLeftOut:
		e.text("line", ev.Line)
		e.text("reason", ev.Reason)
		e.count("count", ev.Count)
	default:
		return false
	}
	return true
}

// message writes what happens to notifications.
func (e *encoder) message(ev Event) bool {
	switch ev := ev.(type) {
	case *NotificationSent:
		e.sid("peer", ev.Peer)
		e.messageID("message_id", ev.MessageID)
		e.text("cause", string(ev.Cause))
		e.says(ev.Notification)
	case *NotificationReceived:
		e.sid("peer", ev.Peer)
		e.messageID("message_id", ev.MessageID)
		e.instant("sent_at", ev.SentAt)
		e.instant("election_at", ev.ElectionAt)
		e.text("outcome", string(ev.Outcome))
		e.text("detail", ev.Detail)
		e.says(ev.Notification)
	case NotificationReplaced:
		e.sid("peer", ev.Peer)
		e.messageID("message_id", ev.MessageID)
	case ResendScheduled:
		e.duration("wait_ns", ev.Wait)
	default:
		return false
	}
	return true
}

// link writes what happens to connections.
func (e *encoder) link(ev Event) bool {
	switch ev := ev.(type) {
	case ConnectionAttempt:
		e.sid("peer", ev.Peer)
		e.text("address", ev.Address)
		e.text("result", ev.Result)
		e.text("detail", ev.Detail)
		e.duration("duration_ns", ev.Duration)
	case ConnectionTieBreak:
		e.sid("peer", ev.Peer)
		e.text("side", string(ev.Side))
		e.text("outcome", string(ev.Outcome))
	case ConnectionUp:
		e.sid("peer", ev.Peer)
		e.flag("dialled_by_us", ev.DialledByUs)
		e.text("remote", ev.Remote)
	case ConnectionDown:
		e.sid("peer", ev.Peer)
		e.text("reason", ev.Reason)
		e.text("detail", ev.Detail)
	case HandshakeCompleted:
		e.sid("peer", ev.Peer)
		e.text("form", ev.Form)
		e.duration("duration_ns", ev.Duration)
	case HandshakeRejected:
		e.text("port", ev.Port)
		e.text("remote", ev.Remote)
		e.text("reason", ev.Reason)
		e.text("detail", ev.Detail)
		e.duration("duration_ns", ev.Duration)
		e.count("more", ev.More)
	case ListenFailed:
		e.text("address", ev.Address)
		e.text("port", ev.Port)
		e.text("detail", ev.Detail)
		e.flag("final", ev.Final)
	case PeerResolved:
		e.sid("peer", ev.Peer)
		e.text("host", ev.Host)
		e.texts("addresses", ev.Addresses)
		e.text("detail", ev.Detail)
	default:
		return false
	}
	return true
}

// epochs writes what happens between a leader and its learners.
func (e *encoder) epochs(ev Event) {
	switch ev := ev.(type) {
	case EpochProposed:
		e.epoch("epoch", ev.Epoch)
		e.sids("from", ev.From)
	case EpochPromised:
		e.sid("leader", ev.Leader)
		e.epoch("epoch", ev.Epoch)
		e.flag("repeated", ev.Repeated)
	case LeaderEstablished:
		e.sid("leader", ev.Leader)
		e.epoch("epoch", ev.Epoch)
		e.duration("after_ns", ev.After)
	case LeaderLost:
		e.sid("leader", ev.Leader)
		e.epoch("epoch", ev.Epoch)
		e.text("reason", ev.Reason)
		e.text("detail", ev.Detail)
	case FollowerJoined:
		e.sid("peer", ev.Peer)
		e.flag("observer", ev.Observer)
		e.zxid("zxid", ev.Zxid)
	case FollowerLost:
		e.sid("peer", ev.Peer)
		e.text("reason", ev.Reason)
		e.text("detail", ev.Detail)
	case HeartbeatMissed:
		e.sid("peer", ev.Peer)
	case HeartbeatAnswered:
		e.sid("peer", ev.Peer)
		e.duration("rtt_ns", ev.RTT)
	case SyncReceived:
		e.sid("leader", ev.Leader)
		e.text("type", ev.Type)
		e.zxid("zxid", ev.Zxid)
		e.number("nodes", ev.Nodes)
		e.number("bytes", ev.Bytes)
	case DurableWritten:
		e.text("file", ev.File)
		e.epoch("epoch", ev.Epoch)
		e.duration("duration_ns", ev.Duration)
		e.text("detail", ev.Error)
	case HistoryRefused:
		e.sid("peer", ev.Peer)
		e.text("detail", ev.Detail)
	case RequestRefused:
		e.sid("peer", ev.Peer)
		e.text("type", ev.Type)
	}
}

// says writes what a notification says.
func (e *encoder) says(n Notification) {
	e.state("state", n.State)
	e.vote("vote", n.Vote)
	e.round("round", n.Round)
	e.version("config_version", n.ConfigVersion)
}

func (e *encoder) phases(key string, p Phases) {
	e.key(key)
	e.b = append(e.b, '{')
	e.duration("first_vote_heard_ns", p.FirstVoteHeard)
	e.duration("quorum_ns", p.Quorum)
	e.duration("decided_ns", p.Decided)
	e.b = append(e.b, '}')
}

func (e *encoder) vote(key string, v quorum.Vote) {
	e.key(key)
	e.b = append(e.b, '{')
	e.sid("leader", v.Leader)
	e.zxid("zxid", v.Zxid)
	e.epoch("peer_epoch", v.PeerEpoch)
	e.b = append(e.b, '}')
}

// messageID writes a span id: 16 hex digits, null for none.
func (e *encoder) messageID(key string, id uint64) {
	e.key(key)
	if id == 0 {
		e.b = append(e.b, "null"...)
		return
	}
	const digits = "0123456789abcdef"
	e.b = append(e.b, '"')
	for shift := 60; shift >= 0; shift -= 4 {
		e.b = append(e.b, digits[id>>shift&15])
	}
	e.b = append(e.b, '"')
}

func (e *encoder) view(key string, v *quorum.View) {
	e.key(key)
	if v == nil {
		e.b = append(e.b, "null"...)
		return
	}
	e.b = appendQuoted(e.b, v.Text())
}

func (e *encoder) sid(key string, s quorum.SID)     { e.number(key, int64(s)) }
func (e *encoder) epoch(key string, v quorum.Epoch) { e.decimal(key, int64(v)) }
func (e *encoder) round(key string, v quorum.Round) { e.decimal(key, int64(v)) }
func (e *encoder) zxid(key string, v quorum.Zxid)   { e.hex(key, uint64(v)) }
func (e *encoder) version(key string, v quorum.Version) {
	e.hex(key, uint64(v))
}

// state writes the state's name; one that came from outside and is none of the four is STATE(n).
func (e *encoder) state(key string, s quorum.State) {
	if s.Valid() {
		e.text(key, s.String())
		return
	}
	e.key(key)
	e.b = append(e.b, `"STATE(`...)
	e.b = strconv.AppendInt(e.b, int64(s), 10)
	e.b = append(e.b, `)"`...)
}
