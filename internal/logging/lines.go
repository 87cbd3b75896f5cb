package logging

import (
	"log/slog"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// levelOf says how loud an event is; false: a line would tell nobody anything.
func levelOf(ev event.Event) (slog.Level, bool) {
	switch ev := ev.(type) {
	case event.NodeStarted, event.ElectionDecided, event.LeaderEstablished,
		event.ElectionStarted, event.ConnectionUp, event.EpochProposed, event.FollowerJoined,
		event.SyncReceived:
		return slog.LevelInfo, true
	case event.StateChanged:
		if ev.Detail != "" {
			return slog.LevelWarn, true // an election was in vain
		}
		return slog.LevelInfo, true
	case event.NodeStopped:
		if ev.Error != "" {
			return slog.LevelError, true
		}
		return slog.LevelInfo, true
	case event.LeaderLost, event.FollowerLost, event.HistoryRefused, event.EventsDropped, event.LinesLeftOut,
		event.ElectionAborted, event.RequestRefused:
		return slog.LevelWarn, true
	case event.HandshakeRejected:
		if ev.Reason == event.RejectClosed {
			return slog.LevelDebug, true // a member that found its link standing already, a port probe
		}
		return slog.LevelWarn, true
	case event.ConnectionDown:
		if ev.Reason == event.DropReplaced {
			return slog.LevelDebug, true
		}
		return slog.LevelInfo, true
	case event.ConnectionAttempt:
		if ev.Result == event.DialTLS || ev.Result == event.DialIdentity {
			return slog.LevelWarn, true // a certificate has to be renewed or a setting changed: time heals nothing
		}
		return slog.LevelDebug, true
	case event.ConfigSeen:
		if ev.Adopted {
			return slog.LevelInfo, true
		}
		return slog.LevelWarn, true
	case event.CertificateRenewed:
		if ev.OK {
			return slog.LevelInfo, true
		}
		return slog.LevelWarn, true
	case event.ListenFailed:
		return slog.LevelError, true
	case event.DurableWritten:
		if ev.Error != "" {
			return slog.LevelError, true
		}
		return slog.LevelDebug, true
	case event.PeerResolved:
		if ev.Detail != "" {
			return slog.LevelWarn, true
		}
		return slog.LevelDebug, true
	case event.RoundChanged, event.VoteChanged, *event.NotificationSent, *event.NotificationReceived,
		event.NotificationReplaced, event.ResendScheduled, event.QuorumReached, event.QuorumUndone,
		event.ConnectionTieBreak, event.HandshakeCompleted, event.EpochPromised, event.HeartbeatMissed:
		return slog.LevelDebug, true
	case event.HeartbeatAnswered:
		return 0, false
	}
	return 0, false
}

// describe makes the message and the attributes of an event's line.
func describe(ev event.Event) (string, []slog.Attr) {
	if msg, attrs := describeElection(ev); msg != "" {
		return msg, attrs
	}
	if msg, attrs := describeLink(ev); msg != "" {
		return msg, attrs
	}
	return describeEpoch(ev)
}

func peer(sid quorum.SID) slog.Attr            { return slog.Int64("peer", int64(sid)) }
func leader(sid quorum.SID) slog.Attr          { return slog.Int64("leader", int64(sid)) }
func epoch(e quorum.Epoch) slog.Attr           { return slog.Int64("epoch", int64(e)) }
func round(r quorum.Round) slog.Attr           { return slog.Int64("round", int64(r)) }
func vote(key string, v quorum.Vote) slog.Attr { return slog.String(key, v.String()) }
func reason(r string) slog.Attr                { return slog.String("reason", r) }

// detail is left out when there is none.
func detail(d string) slog.Attr {
	if d == "" {
		return slog.Attr{}
	}
	return slog.String("detail", d)
}

// more is left out when there are none.
func more(n uint64) slog.Attr {
	if n == 0 {
		return slog.Attr{}
	}
	return slog.Uint64("more", n)
}

func says(n event.Notification) slog.Attr {
	return slog.GroupAttrs("", slog.String("state", n.State.String()), vote("vote", n.Vote), round(n.Round))
}

func describeElection(ev event.Event) (string, []slog.Attr) {
	switch ev := ev.(type) {
	case event.NodeStarted:
		return "node started", []slog.Attr{slog.String("role", ev.Role.String()),
			slog.Int64("accepted_epoch", int64(ev.AcceptedEpoch)), slog.Int64("current_epoch", int64(ev.CurrentEpoch)),
			slog.String("zxid", ev.Zxid.String())}
	case event.NodeStopped:
		return "node stopped", []slog.Attr{detail(ev.Error)}
	case event.StateChanged:
		return "state", []slog.Attr{slog.String("from", ev.From.String()), slog.String("to", ev.To.String()),
			reason(ev.Reason), detail(ev.Detail)}
	case event.ElectionStarted:
		return "election started", []slog.Attr{reason(ev.Reason), round(ev.Round), vote("vote", ev.Vote)}
	case event.RoundChanged:
		return "round", []slog.Attr{slog.Int64("from", int64(ev.From)), slog.Int64("to", int64(ev.To)),
			slog.String("cause", string(ev.Cause)), peer(ev.Peer)}
	case event.VoteChanged:
		return "vote", []slog.Attr{vote("from", ev.From), vote("to", ev.To), slog.String("cause", string(ev.Cause)),
			peer(ev.Peer)}
	case *event.NotificationSent:
		return "notification sent", []slog.Attr{peer(ev.Peer), slog.String("cause", string(ev.Cause)),
			says(ev.Notification)}
	case *event.NotificationReceived:
		return "notification received", []slog.Attr{peer(ev.Peer), slog.String("outcome", string(ev.Outcome)),
			says(ev.Notification), detail(ev.Detail)}
	case event.NotificationReplaced:
		return "notification replaced by a newer one", []slog.Attr{peer(ev.Peer)}
	case event.ResendScheduled:
		return "next repetition", []slog.Attr{slog.Float64("wait_ms", milliseconds(ev.Wait))}
	case event.QuorumReached:
		return "quorum", []slog.Attr{vote("vote", ev.Vote), round(ev.Round), slog.Any("supporters", ev.Supporters)}
	case event.QuorumUndone:
		return "quorum undone", []slog.Attr{round(ev.Round)}
	case event.ElectionDecided:
		return "election decided", []slog.Attr{slog.String("state", ev.State.String()), vote("vote", ev.Vote),
			round(ev.Round), slog.String("how", string(ev.How)), slog.Float64("ms", milliseconds(ev.Phases.Decided))}
	case event.ElectionAborted:
		return "election aborted", []slog.Attr{reason(ev.Reason)}
	case event.ConfigSeen:
		return "configuration of another version", []slog.Attr{peer(ev.Peer), slog.String("version", ev.Version.String()),
			slog.Bool("adopted", ev.Adopted), detail(ev.Detail)}
	case event.EventsDropped:
		return "events dropped", []slog.Attr{slog.String("sink", ev.Sink), slog.Uint64("count", ev.Count)}
	case event.LinesLeftOut:
		return "lines left out", []slog.Attr{slog.String("line", ev.Line), reason(ev.Reason), slog.Uint64("count", ev.Count)}
	}
	return "", nil
}

func describeLink(ev event.Event) (string, []slog.Attr) {
	switch ev := ev.(type) {
	case event.ConnectionAttempt:
		return "dialled", []slog.Attr{peer(ev.Peer), slog.String("address", ev.Address),
			slog.String("result", ev.Result), slog.Float64("ms", milliseconds(ev.Duration)), detail(ev.Detail)}
	case event.ConnectionTieBreak:
		return "tie-break", []slog.Attr{peer(ev.Peer), slog.String("side", string(ev.Side)),
			slog.String("outcome", string(ev.Outcome))}
	case event.ConnectionUp:
		return "connection up", []slog.Attr{peer(ev.Peer), slog.Bool("dialled_by_us", ev.DialledByUs),
			slog.String("remote", ev.Remote)}
	case event.ConnectionDown:
		return "connection down", []slog.Attr{peer(ev.Peer), reason(ev.Reason), detail(ev.Detail)}
	case event.HandshakeCompleted:
		return "hand-shake", []slog.Attr{peer(ev.Peer), slog.String("form", ev.Form),
			slog.Float64("ms", milliseconds(ev.Duration))}
	case event.HandshakeRejected:
		return "hand-shake rejected", []slog.Attr{slog.String("port", ev.Port),
			slog.String("remote", ev.Remote), reason(ev.Reason), detail(ev.Detail), more(ev.More)}
	case event.ListenFailed:
		return "cannot listen", []slog.Attr{slog.String("address", ev.Address), slog.String("port", ev.Port),
			slog.Bool("final", ev.Final), detail(ev.Detail)}
	case event.CertificateRenewed:
		return certificateLine(ev)
	case event.PeerResolved:
		return "peer's name", []slog.Attr{peer(ev.Peer), slog.String("host", ev.Host),
			slog.Any("addresses", ev.Addresses), detail(ev.Detail)}
	}
	return "", nil
}

// certificateLine tells when the own certificate ends, if there is one.
func certificateLine(ev event.CertificateRenewed) (string, []slog.Attr) {
	attrs := []slog.Attr{slog.Bool("start", ev.Start), slog.Bool("ok", ev.OK)}
	if !ev.NotAfter.IsZero() {
		attrs = append(attrs, slog.String("not_after", ev.NotAfter.UTC().Format(time.RFC3339)))
	}
	return "stores of TLS", append(attrs, detail(ev.Detail))
}

func describeEpoch(ev event.Event) (string, []slog.Attr) {
	switch ev := ev.(type) {
	case event.EpochProposed:
		return "epoch proposed", []slog.Attr{epoch(ev.Epoch), slog.Any("from", ev.From)}
	case event.EpochPromised:
		return "epoch promised", []slog.Attr{epoch(ev.Epoch), leader(ev.Leader), slog.Bool("repeated", ev.Repeated)}
	case event.LeaderEstablished:
		return "leader established", []slog.Attr{leader(ev.Leader), epoch(ev.Epoch),
			slog.Float64("ms", milliseconds(ev.After))}
	case event.LeaderLost:
		return "leader lost", []slog.Attr{leader(ev.Leader), epoch(ev.Epoch), reason(ev.Reason), detail(ev.Detail)}
	case event.FollowerJoined:
		return "follower joined", []slog.Attr{peer(ev.Peer), slog.Bool("observer", ev.Observer),
			slog.String("zxid", ev.Zxid.String())}
	case event.FollowerLost:
		return "follower lost", []slog.Attr{peer(ev.Peer), reason(ev.Reason), detail(ev.Detail)}
	case event.HeartbeatMissed:
		return "heartbeat missed", []slog.Attr{peer(ev.Peer)}
	case event.HeartbeatAnswered:
		return "heartbeat", []slog.Attr{peer(ev.Peer), slog.Float64("ms", milliseconds(ev.RTT))}
	case event.SyncReceived:
		return "brought up to date", []slog.Attr{leader(ev.Leader), slog.String("type", ev.Type),
			slog.String("zxid", ev.Zxid.String()), slog.Int64("nodes", ev.Nodes), slog.Int64("bytes", ev.Bytes)}
	case event.DurableWritten:
		return "epoch written", []slog.Attr{slog.String("file", ev.File), epoch(ev.Epoch),
			slog.Float64("ms", milliseconds(ev.Duration)), detail(ev.Error)}
	case event.HistoryRefused:
		return "history refused (electnode.voter)", []slog.Attr{peer(ev.Peer), detail(ev.Detail)}
	case event.RequestRefused:
		return "request refused: no data here", []slog.Attr{peer(ev.Peer), slog.String("type", ev.Type)}
	}
	return "", nil
}
