package event

import "electnode/internal/quorum"

// Lane is where an event waits beside others of its kind. Those of one lane never push out those of another: what
// people who do not belong to the ensemble can cause without end has no part in LaneElection.
type Lane uint8

// The lanes.
const (
	LaneElection Lane = iota // what happens to the node, its elections, its epochs and its configuration
	LanePeers                // connections that come up and go, on both ports
	LaneChatter              // what repeats itself, hand-shakes and notifications above all
	Lanes        = 3
)

// LaneOf is the lane of ev.
func LaneOf(ev Event) Lane {
	switch ev := ev.(type) {
	case nil, *NotificationSent, *NotificationReceived, NotificationReplaced, ResendScheduled, ConnectionAttempt,
		ConnectionTieBreak, HandshakeCompleted, HandshakeRejected, PeerResolved, HeartbeatMissed, HeartbeatAnswered,
		RequestRefused:
		return LaneChatter
	case ConfigSeen:
		if !ev.Adopted {
			return LaneChatter
		}
	case ConnectionUp, ConnectionDown, FollowerJoined, FollowerLost, HistoryRefused:
		return LanePeers
	}
	return LaneElection
}

// OfStranger reports whether ev tells of somebody who is no member: a server id that member does not know, or a
// connection that never became anybody's.
func OfStranger(ev Event, member func(quorum.SID) bool) bool {
	var peer quorum.SID
	switch ev := ev.(type) {
	case HandshakeRejected:
		return true
	case *NotificationSent:
		peer = ev.Peer
	case *NotificationReceived:
		peer = ev.Peer
	case NotificationReplaced:
		peer = ev.Peer
	case ConfigSeen:
		if ev.Adopted {
			return false
		}
		peer = ev.Peer
	case ConnectionAttempt:
		peer = ev.Peer
	case ConnectionTieBreak:
		peer = ev.Peer
	case ConnectionUp:
		peer = ev.Peer
	case ConnectionDown:
		peer = ev.Peer
	case HandshakeCompleted:
		peer = ev.Peer
	case PeerResolved:
		peer = ev.Peer
	case FollowerJoined:
		peer = ev.Peer
	case FollowerLost:
		peer = ev.Peer
	case HistoryRefused:
		peer = ev.Peer
	case RequestRefused:
		peer = ev.Peer
	default:
		return false
	}
	return !member(peer)
}
