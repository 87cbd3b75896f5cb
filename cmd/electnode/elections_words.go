package main

import (
	"fmt"
	"strings"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// The marks of a lane.
const (
	markSent     = 'o'
	markReceived = '*'
	markOther    = '#'
)

// legend explains the marks.
const legend = "o---> sends, --->* receives (&n: the same notification), L looks, R round, V vote, Q quorum, D decided, " +
	"E established, X lost, # other; lanes of dots recorded nothing themselves"

// describeElectionEvent says what an event of an election means, and by which letter its lane shows it; empty: it is none.
func describeElectionEvent(ev event.Event) (mark byte, text string) {
	switch ev := ev.(type) {
	case event.ElectionStarted:
		return 'L', fmt.Sprintf("LOOKING because of %s: round %d, votes %s", ev.Reason, ev.Round, ev.Vote)
	case event.RoundChanged:
		return 'R', fmt.Sprintf("round %d -> %d: %s%s", ev.From, ev.To, ev.Cause, by(ev.Cause != event.RoundStart, ev.Peer))
	case event.VoteChanged:
		return 'V', fmt.Sprintf("votes %s instead of %s: %s%s", ev.To, ev.From, ev.Cause,
			by(ev.Cause != event.VoteNewRound, ev.Peer))
	case event.QuorumReached:
		return 'Q', fmt.Sprintf("quorum for %s: %s", ev.Vote, sids(ev.Supporters))
	case event.QuorumUndone:
		return 'q', fmt.Sprintf("quorum of round %d undone: a better vote came", ev.Round)
	case event.ElectionDecided:
		return 'D', fmt.Sprintf("%s, for %s after %s%s", ev.State, ev.Vote, short(ev.Phases.Decided), because(string(ev.How)))
	case event.ElectionAborted:
		return 'A', "election aborted: " + ev.Reason
	case event.EpochProposed:
		return 'e', fmt.Sprintf("proposes epoch %d, on the word of %s", ev.Epoch, sids(ev.From))
	case event.EpochPromised:
		if ev.Repeated {
			return 'e', fmt.Sprintf("has promised epoch %d to %d before", ev.Epoch, ev.Leader)
		}
		return 'e', fmt.Sprintf("promises epoch %d to %d", ev.Epoch, ev.Leader)
	case event.LeaderEstablished:
		return 'E', fmt.Sprintf("%d ESTABLISHED in epoch %d, %s after the decision", ev.Leader, ev.Epoch, short(ev.After))
	case event.LeaderLost:
		return 'X', fmt.Sprintf("LOST leader %d of epoch %d: %s%s", ev.Leader, ev.Epoch, ev.Reason, because(ev.Detail))
	}
	return 0, ""
}

// describeLinkEvent does the same for connections.
func describeLinkEvent(ev event.Event) string {
	switch ev := ev.(type) {
	case event.ConnectionAttempt:
		return fmt.Sprintf("dials %d at %s: %s in %s%s", ev.Peer, ev.Address, ev.Result, short(ev.Duration), because(ev.Detail))
	case event.ConnectionTieBreak:
		return fmt.Sprintf("tie-break with %d as %s: %s", ev.Peer, ev.Side, ev.Outcome)
	case event.ConnectionUp:
		return fmt.Sprintf("connection with %d up%s", ev.Peer, map[bool]string{true: ", dialled from here"}[ev.DialledByUs])
	case event.ConnectionDown:
		return fmt.Sprintf("connection with %d down: %s%s", ev.Peer, ev.Reason, because(ev.Detail))
	case event.HandshakeCompleted:
		return fmt.Sprintf("hand-shake of %d, form %s, in %s", ev.Peer, ev.Form, short(ev.Duration))
	case event.HandshakeRejected:
		return fmt.Sprintf("rejects %s on the %s port: %s%s%s", ev.Remote, ev.Port, ev.Reason, because(ev.Detail), others(ev.More))
	case event.ListenFailed:
		return fmt.Sprintf("cannot listen on %s (%s)%s", ev.Address, ev.Port, because(ev.Detail))
	case event.PeerResolved:
		return fmt.Sprintf("name of %d: %s is %s%s", ev.Peer, ev.Host, strings.Join(ev.Addresses, " "), because(ev.Detail))
	case event.NotificationReplaced:
		return fmt.Sprintf("a notification for %d gave way to a newer one", ev.Peer)
	case event.ResendScheduled:
		return fmt.Sprintf("repeats its vote in %s if nothing new is heard", short(ev.Wait))
	}
	return ""
}

// others says how many else an event stands for.
func others(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d others", n)
}

// describeNodeEvent does the same for the rest.
func describeNodeEvent(ev event.Event) string {
	switch ev := ev.(type) {
	case event.NodeStarted:
		if ev.AcceptedEpoch < 0 { // a watcher tells of a foreign server
			return fmt.Sprintf("first seen, a %s in epoch %d", ev.Role, ev.CurrentEpoch)
		}
		return fmt.Sprintf("node started as %s, epochs %d (accepted) and %d", ev.Role, ev.AcceptedEpoch, ev.CurrentEpoch)
	case event.NodeStopped:
		return "node stopped" + because(ev.Error)
	case event.StateChanged:
		return fmt.Sprintf("%s -> %s%s", ev.From, ev.To, because(strings.TrimSuffix(ev.Reason+": "+ev.Detail, ": ")))
	case event.ConfigSeen:
		return fmt.Sprintf("configuration %s at %d%s%s", ev.Version, ev.Peer, map[bool]string{true: ", adopted"}[ev.Adopted],
			because(ev.Detail))
	case event.LinesLeftOut:
		return fmt.Sprintf("%d lines of the kind %q left out of the log", ev.Count, ev.Line+because(ev.Reason))
	case event.EventsDropped:
		return fmt.Sprintf("... %d events are missing here (%s) ...", ev.Count, ev.Sink)
	case event.CertificateRenewed:
		return fmt.Sprintf("stores of TLS read, %s%s", map[bool]string{true: "in force", false: "the former stay"}[ev.OK], because(ev.Detail))
	case event.FollowerJoined:
		return fmt.Sprintf("%d joined%s", ev.Peer, map[bool]string{true: " as observer"}[ev.Observer])
	case event.FollowerLost:
		return fmt.Sprintf("%d lost: %s%s", ev.Peer, ev.Reason, because(ev.Detail))
	case event.HeartbeatMissed:
		return fmt.Sprintf("%d missed a heartbeat", ev.Peer)
	case event.HeartbeatAnswered:
		return fmt.Sprintf("%d answered a heartbeat in %s", ev.Peer, short(ev.RTT))
	case event.SyncReceived:
		return fmt.Sprintf("brought up to date by %d: %s %s", ev.Leader, ev.Type, ev.Zxid)
	case event.DurableWritten:
		return fmt.Sprintf("%s %d on disk in %s%s", ev.File, ev.Epoch, short(ev.Duration), because(ev.Error))
	case event.HistoryRefused:
		return fmt.Sprintf("history refused, %d%s", ev.Peer, because(ev.Detail))
	case event.RequestRefused:
		return fmt.Sprintf("%s of %d refused: no data here", ev.Type, ev.Peer)
	}
	return ev.Name()
}

// says is what a notification says.
func says(n event.Notification) string {
	return fmt.Sprintf("%s round %d, votes %s", n.State, n.Round, n.Vote)
}

func by(peer bool, sid quorum.SID) string {
	if !peer || sid == quorum.NoSID { // a watcher does not see whose it was
		return ""
	}
	return fmt.Sprintf(", from %d", sid)
}

func because(detail string) string {
	if detail == "" {
		return ""
	}
	return ": " + detail
}

func sids(all []quorum.SID) string {
	var b strings.Builder
	for i, sid := range all {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(sid.String())
	}
	return b.String()
}
