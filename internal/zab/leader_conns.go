package zab

import (
	"fmt"
	"slices"

	"electnode/internal/crowd"
	"electnode/internal/event"
	"electnode/internal/quorum"
)

// Bounds on connections; of each kind the oldest of the host that has most gives way, one that has not
// acknowledged NEWLEADER before one that has: to claim a server's id must not be enough to push it out. Together they are below the
// Transport's own bound, which knows nothing of kinds.
const (
	maxSilent           = 32 // without a first packet, beside one for each member: port scanners
	maxStrangers        = 16 // of servers that are in no view: an ensemble that is about to grow
	maxStrangersPerHost = 8  // of these, those of one host
	maxPerServer        = 3  // of one member: the one in use, a half-dead one, and one on its way
)

func (l *Leader) emit(ev event.Event) { l.out.Events = append(l.out.Events, ev) }

func (l *Leader) send(h *handler, p Packet) {
	l.out.Sends = append(l.out.Sends, Send{Conn: h.conn, Packet: p})
}

func (l *Leader) find(conn ConnID) *handler {
	for _, h := range l.handlers {
		if h.conn == conn {
			return h
		}
	}
	return nil
}

func (l *Leader) openedConn(in Input) {
	if l.stage == leaderOver || l.ending != nil {
		l.out.Close = append(l.out.Close, in.Conn)
		return
	}
	h := &handler{
		conn: in.Conn, remote: in.Remote, host: crowd.HostOf(in.Remote), opened: l.now, heard: l.now, state: waitInfo,
		readBy: l.now.Add(l.opt.initTime()),
	}
	l.handlers = append(l.handlers, h)
	silent := maxSilent + l.opt.servers() // all members may come at once, and from one host
	if old := l.surplus(crowd.Bounds{All: silent, PerHost: silent}, h, func(h *handler) bool { return !h.known }); old != nil {
		l.reject(old, event.RejectTooMany, fmt.Sprintf("%d connections are silent", silent))
	}
}

// makeRoom closes the oldest connection of the kind that h has just become, if there are too many.
func (l *Leader) makeRoom(h *handler) {
	bounds, kind := crowd.Bounds{All: maxPerServer, PerHost: maxPerServer}, func(o *handler) bool { return o.known && o.sid == h.sid }
	if !l.opt.member(h.sid) {
		bounds, kind = crowd.Bounds{All: maxStrangers, PerHost: maxStrangersPerHost}, func(o *handler) bool { return o.known && !l.opt.member(o.sid) }
	}
	if old := l.surplus(bounds, h, kind); old != nil {
		l.part(old, event.LearnerClosed, "gave way to a newer connection")
	}
}

// surplus is the handler that gives way when there are more of a kind than the bounds allow; never keep, the
// newest, which is of that kind.
func (l *Leader) surplus(bounds crowd.Bounds, keep *handler, kind func(*handler) bool) *handler {
	var others []*handler
	var places []crowd.Place
	for _, h := range l.handlers {
		if h == keep || !kind(h) {
			continue
		}
		rank := 0
		if h.joined() {
			rank = 1
		}
		others, places = append(others, h), append(places, crowd.Place{Host: h.host, Rank: rank})
	}
	if i := bounds.Yields(places, keep.host); i >= 0 {
		return others[i]
	}
	return nil
}

// closedConn says good-bye to a connection that ended by itself.
func (l *Leader) closedConn(h *handler, in Input) {
	if !h.known {
		reason := in.Reject
		if reason == "" {
			reason = event.RejectClosed
		}
		l.remove(h)
		l.rejected(h, reason, in.Detail)
		return
	}
	reason := in.Reason
	if reason == "" {
		reason = event.LearnerClosed
	}
	l.drop(h, reason, in.Detail)
}

func (l *Leader) timedOut(h *handler) {
	switch h.state {
	case waitInfo:
		l.reject(h, event.RejectSilent, "no first packet")
	case sentLeaderInfo:
		l.part(h, event.LearnerTimeout, "no ACKEPOCH within "+l.opt.initTime().String())
	case sentNewLeader:
		l.part(h, event.LearnerTimeout, "no ACK of NEWLEADER within "+l.opt.initTime().String())
	default:
		l.part(h, event.LearnerTimeout, "not heard for "+l.opt.syncTime().String())
	}
}

// reject closes a connection that has not become a learner's.
func (l *Leader) reject(h *handler, reason, detail string) {
	l.out.Close = append(l.out.Close, h.conn)
	l.remove(h)
	l.rejected(h, reason, detail)
}

func (l *Leader) rejected(h *handler, reason, detail string) {
	l.emit(event.HandshakeRejected{Port: event.PortQuorum, Remote: h.remote,
		Reason: reason, Detail: detail, Duration: l.now.Sub(h.opened)})
}

// part closes the connection of a learner; the leadership goes on if it can.
func (l *Leader) part(h *handler, reason, detail string) {
	l.out.Close = append(l.out.Close, h.conn)
	l.drop(h, reason, detail)
}

// cutOff closes every connection of sid.
func (l *Leader) cutOff(sid quorum.SID) {
	for _, h := range slices.Clone(l.handlers) {
		if h.known && h.sid == sid {
			l.part(h, event.LearnerClosed, cutDetail)
		}
	}
}

// drop forgets a connection. When the same server has another one that is no worse, the server is not
// lost and no event says so.
func (l *Leader) drop(h *handler, reason, detail string) {
	l.remove(h)
	l.shrunk = true
	if !h.known || slices.ContainsFunc(l.handlers, func(o *handler) bool { return o.outranks(h) }) {
		return
	}
	l.emit(event.FollowerLost{Peer: h.sid, Reason: reason, Detail: detail})
}

func (l *Leader) remove(h *handler) {
	l.handlers = slices.DeleteFunc(l.handlers, func(o *handler) bool { return o == h })
}

// voters lists the voters of all views, ascending.
func (l *Leader) voters() []quorum.SID {
	all := slices.Clone(l.opt.View.Voters())
	if l.opt.LastSeen != nil {
		all = append(all, l.opt.LastSeen.Voters()...)
		slices.Sort(all)
		all = slices.Compact(all)
	}
	return all
}

func (l *Leader) votersIn(set quorum.Set) []quorum.SID {
	return slices.DeleteFunc(l.voters(), func(sid quorum.SID) bool { return !set.Has(sid) })
}
