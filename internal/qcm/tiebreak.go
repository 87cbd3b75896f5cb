package qcm

import (
	"electnode/internal/event"
	"electnode/internal/quorum"
)

// meeting is a new connection between this node and a peer, at the moment both sids are known.
type meeting struct {
	side event.TieBreakSide // which end this node is
	self quorum.SID
	peer quorum.SID

	linked   bool // there is a link with the peer already
	stale    bool // acceptor: that link stood after this connection was accepted, whose hand-shake was slower
	dialable bool // an address of the peer is known, from the preamble or from the configuration
}

// ruling is what becomes of a connection.
type ruling struct {
	preamble bool // the dialler says who it is
	keep     bool // the connection becomes the link, in place of one that exists
	dialBack bool // the other end is dialled in its stead
	outcome  event.TieBreakOutcome
}

// decide is the rule of one connection per pair: the one dialled by the larger sid is kept, the newer of
// two such. The own sid never gets here: it is refused as soon as it is read.
//
//	side      peer    linked  what happens
//	acceptor  larger  no      kept
//	acceptor  larger  yes     kept, the old one closed
//	acceptor  smaller any     closed, and dialled back if there is an address
//	acceptor  any     stale   closed: what the peer wants is there already
//	dialler   larger  no      preamble, closed; the peer is expected to dial
//	dialler   larger  yes     closed without a word
//	dialler   smaller no      preamble, kept
//	dialler   smaller yes     preamble, kept, the old one closed
//
// Rules: QuorumCnxManager.handleConnection and startConnection.
// Differs from ZooKeeper: an acceptor of a smaller sid keeps its old connection until the new one stands;
// a dialler that the larger peer has linked with in the meantime says nothing, and a connection that was
// under way when a newer one became the link is closed; there both cost another reconnect, or the link.
func decide(m meeting) ruling {
	larger := m.peer > m.self
	switch {
	case m.side == event.Acceptor && m.linked && m.stale:
		return ruling{outcome: event.TieDropped}
	case m.side == event.Acceptor && larger && m.linked:
		return ruling{keep: true, outcome: event.TieReplacedOld}
	case m.side == event.Acceptor && larger:
		return ruling{keep: true, outcome: event.TieKept}
	case m.side == event.Acceptor && m.dialable:
		return ruling{dialBack: true, outcome: event.TieDroppedDialled}
	case m.side == event.Acceptor:
		return ruling{outcome: event.TieDropped}
	case larger && m.linked:
		return ruling{outcome: event.TieDropped}
	case larger:
		return ruling{preamble: true, outcome: event.TieDropped}
	case m.linked:
		return ruling{preamble: true, keep: true, outcome: event.TieReplacedOld}
	default:
		return ruling{preamble: true, keep: true, outcome: event.TieKept}
	}
}
