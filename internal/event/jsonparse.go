package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrUnknown says that a line is an event that this program does not know: one of a later release. A reader
// may go on with the next line.
var ErrUnknown = errors.New("unknown event")

// ParseJSON reads what AppendJSON wrote: the same event at the same time, without a monotonic reading. A field
// that is missing is zero, one that is not known is ignored, so that recordings of other releases can be read.
// Empty lists come back nil, views as what their text says. The line is hostile: it may cost memory in
// proportion to its length, and an error. Safe from any goroutine.
func ParseJSON(line []byte) (Stamped, error) {
	s, _, err := ParseTimed(line)
	return s, err
}

// ParseTimed is ParseJSON and tells mono_ns too: the time since the base of the recording, by a clock that
// nobody sets. Two lines of one recording are that far apart, whatever their wall clock says.
func ParseTimed(line []byte) (Stamped, time.Duration, error) {
	var d decoder
	if err := json.Unmarshal(line, &d.fields); err != nil {
		return Stamped{}, 0, fmt.Errorf("recorded event: %w", err)
	}
	for _, key := range []string{"time", "sid", "election", "event"} {
		if _, ok := d.fields[key]; !ok {
			return Stamped{}, 0, fmt.Errorf("recorded event: no %s in it", key)
		}
	}
	s := Stamped{Time: d.instant("time"), Node: d.sid("sid"), Election: d.count("election")}
	mono := d.duration("mono_ns")
	name := d.text("event")
	if d.err == nil {
		s.Event = d.event(name)
	}
	switch {
	case d.err != nil:
		return Stamped{}, 0, fmt.Errorf("recorded event %.40q: %w", name, d.err)
	case s.Event == nil:
		return Stamped{}, 0, fmt.Errorf("recorded event %.40q: %w", name, ErrUnknown)
	}
	return s, mono, nil
}

// event reads the fields of the event with this name; nil: there is none.
func (d *decoder) event(name string) Event {
	for _, read := range []func(string) Event{d.election, d.message, d.link, d.epochs} {
		if ev := read(name); ev != nil {
			return ev
		}
	}
	return nil
}

func (d *decoder) election(name string) Event {
	switch name {
	case "NodeStarted":
		return NodeStarted{Role: d.role("role"), AcceptedEpoch: d.epoch("accepted_epoch"),
			CurrentEpoch: d.epoch("current_epoch"), Zxid: d.zxid("zxid"), View: d.view("config")}
	case "NodeStopped":
		return NodeStopped{Error: d.text("detail")}
	case "StateChanged":
		return StateChanged{From: d.state("from"), To: d.state("to"), Reason: d.text("reason"), Detail: d.text("detail")}
	case "ElectionStarted":
		return ElectionStarted{Reason: d.text("reason"), At: d.instant("at"), Round: d.round("round"),
			Vote: d.vote("vote")}
	case "RoundChanged":
		return RoundChanged{From: d.round("from"), To: d.round("to"), Cause: RoundCause(d.text("cause")),
			Peer: d.sid("peer")}
	case "VoteChanged":
		return VoteChanged{From: d.vote("from"), To: d.vote("to"), Round: d.round("round"),
			Cause: VoteCause(d.text("cause")), Peer: d.sid("peer"), MessageID: d.messageID("message_id")}
	case "QuorumReached":
		return QuorumReached{Vote: d.vote("vote"), Round: d.round("round"), Supporters: d.sids("supporters")}
	case "QuorumUndone":
		return QuorumUndone{Round: d.round("round")}
	case "ElectionDecided":
		return ElectionDecided{Vote: d.vote("vote"), Round: d.round("round"), State: d.state("state"),
			How: How(d.text("how")), Phases: d.phases("phases")}
	case "ElectionAborted":
		return ElectionAborted{Reason: d.text("reason")}
	case "ConfigSeen":
		return ConfigSeen{Peer: d.sid("peer"), Version: d.version("version"), Adopted: d.flag("adopted"),
			View: d.view("config"), Detail: d.text("detail")}
	case "EventsDropped":
		return EventsDropped{Sink: d.text("sink"), Count: d.count("count")}
	case "CertificateRenewed":
		return CertificateRenewed{Start: d.flag("start"), OK: d.flag("ok"), NotAfter: d.instant("not_after"), Detail: d.text("detail")}
	case "LinesLeftOut":
		return LinesLeftOut{Line: d.text("line"), Reason: d.text("reason"), Count: d.count("count")}
	}
	return nil
}

func (d *decoder) message(name string) Event {
	switch name {
	case "NotificationSent":
		return &NotificationSent{Peer: d.sid("peer"), MessageID: d.messageID("message_id"),
			Cause: SendCause(d.text("cause")), Notification: d.says()}
	case "NotificationReceived":
		return &NotificationReceived{Peer: d.sid("peer"), MessageID: d.messageID("message_id"),
			SentAt: d.instant("sent_at"), ElectionAt: d.instant("election_at"),
			Outcome: ReceiveOutcome(d.text("outcome")), Detail: d.text("detail"), Notification: d.says()}
	case "NotificationReplaced":
		return NotificationReplaced{Peer: d.sid("peer"), MessageID: d.messageID("message_id")}
	case "ResendScheduled":
		return ResendScheduled{Wait: d.duration("wait_ns")}
	}
	return nil
}

func (d *decoder) link(name string) Event {
	switch name {
	case "ConnectionAttempt":
		return ConnectionAttempt{Peer: d.sid("peer"), Address: d.text("address"), Result: d.text("result"),
			Detail: d.text("detail"), Duration: d.duration("duration_ns")}
	case "ConnectionTieBreak":
		return ConnectionTieBreak{Peer: d.sid("peer"), Side: TieBreakSide(d.text("side")),
			Outcome: TieBreakOutcome(d.text("outcome"))}
	case "ConnectionUp":
		return ConnectionUp{Peer: d.sid("peer"), DialledByUs: d.flag("dialled_by_us"), Remote: d.text("remote")}
	case "ConnectionDown":
		return ConnectionDown{Peer: d.sid("peer"), Reason: d.text("reason"), Detail: d.text("detail")}
	case "HandshakeCompleted":
		return HandshakeCompleted{Peer: d.sid("peer"), Form: d.text("form"), Duration: d.duration("duration_ns")}
	case "HandshakeRejected":
		return HandshakeRejected{Port: d.text("port"), Remote: d.text("remote"), Reason: d.text("reason"),
			Detail: d.text("detail"), Duration: d.duration("duration_ns"), More: d.count("more")}
	case "ListenFailed":
		return ListenFailed{Address: d.text("address"), Port: d.text("port"), Detail: d.text("detail"),
			Final: d.flag("final")}
	case "PeerResolved":
		return PeerResolved{Peer: d.sid("peer"), Host: d.text("host"), Addresses: d.texts("addresses"),
			Detail: d.text("detail")}
	}
	return nil
}

func (d *decoder) epochs(name string) Event {
	switch name {
	case "EpochProposed":
		return EpochProposed{Epoch: d.epoch("epoch"), From: d.sids("from")}
	case "EpochPromised":
		return EpochPromised{Leader: d.sid("leader"), Epoch: d.epoch("epoch"), Repeated: d.flag("repeated")}
	case "LeaderEstablished":
		return LeaderEstablished{Leader: d.sid("leader"), Epoch: d.epoch("epoch"), After: d.duration("after_ns")}
	case "LeaderLost":
		return LeaderLost{Leader: d.sid("leader"), Epoch: d.epoch("epoch"), Reason: d.text("reason"),
			Detail: d.text("detail")}
	case "FollowerJoined":
		return FollowerJoined{Peer: d.sid("peer"), Observer: d.flag("observer"), Zxid: d.zxid("zxid")}
	case "FollowerLost":
		return FollowerLost{Peer: d.sid("peer"), Reason: d.text("reason"), Detail: d.text("detail")}
	case "HeartbeatMissed":
		return HeartbeatMissed{Peer: d.sid("peer")}
	case "HeartbeatAnswered":
		return HeartbeatAnswered{Peer: d.sid("peer"), RTT: d.duration("rtt_ns")}
	case "SyncReceived":
		return SyncReceived{Leader: d.sid("leader"), Type: d.text("type"), Zxid: d.zxid("zxid"),
			Nodes: d.number("nodes"), Bytes: d.number("bytes")}
	case "DurableWritten":
		return DurableWritten{File: d.text("file"), Epoch: d.epoch("epoch"), Duration: d.duration("duration_ns"),
			Error: d.text("detail")}
	case "HistoryRefused":
		return HistoryRefused{Peer: d.sid("peer"), Detail: d.text("detail")}
	case "RequestRefused":
		return RequestRefused{Peer: d.sid("peer"), Type: d.text("type")}
	}
	return nil
}
