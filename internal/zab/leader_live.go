package zab

import (
	"fmt"
	"strings"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// halfTick runs every half tick while leading: on every second one a tick is over and the quorum is
// checked; on each the learners past NEWLEADER are pinged. Rule: the loop at the end of Leader.lead.
func (l *Leader) halfTick() {
	half := l.opt.Tick / 2
	l.nextHalf = l.nextHalf.Add(half)
	if !l.nextHalf.After(l.now) {
		l.nextHalf = l.now.Add(half) // this process was stopped for a while; nothing is made up for
	}
	l.odd = !l.odd
	if !l.odd {
		l.tick++
		if !l.opt.quorum(l.live) {
			l.finish(event.ReasonQuorumLost, l.deaf())
			return
		}
	}
	for _, h := range l.handlers {
		switch h.state {
		case serving:
			if h.pings.n > 0 {
				l.emit(event.HeartbeatMissed{Peer: h.sid})
			}
			h.pings.add(l.now)
			l.ping(h)
		case sentNewLeader:
			l.ping(h) // it will not be answered
		}
	}
}

func (l *Leader) ping(h *handler) {
	l.send(h, Packet{Type: TypePing, Zxid: quorum.MakeZxid(l.epoch, 0)})
}

// live reports whether sid is this leader or a voter with a connection that was heard in time. One that
// is still being synchronised is live for initLimit + syncLimit ticks. Rule: LearnerHandler.synced.
func (l *Leader) live(sid quorum.SID) bool {
	if sid == l.opt.Self {
		return true
	}
	for _, h := range l.handlers {
		if h.known && h.sid == sid && !h.observer && l.tick <= h.ackTick {
			return true
		}
	}
	return false
}

// serve applies a packet of a learner in the broadcast phase. Rule: the last loop of LearnerHandler.run.
func (l *Leader) serve(h *handler, p Packet) {
	h.readBy = l.now.Add(l.opt.syncTime())
	h.ackTick = l.tick + l.opt.SyncLimit
	switch p.Type {
	case TypePing:
		if h.pings.n > 0 {
			h.rtt = l.now.Sub(h.pings.oldest())
			h.pings.drop()
			l.emit(event.HeartbeatAnswered{Peer: h.sid, RTT: h.rtt})
		}
	case TypeRevalidate:
		data, ok := refuseSession(p.Data)
		if !ok {
			l.part(h, event.LearnerProtocol, fmt.Sprintf("REVALIDATE with %d bytes", len(p.Data)))
			return
		}
		// Without sessions the answer is always no: a yes would take the session from its real owner.
		l.emit(event.RequestRefused{Peer: h.sid, Type: p.Type.String()})
		l.send(h, Packet{Type: TypeRevalidate, Zxid: p.Zxid, Data: data})
	case TypeRequest:
		op, ok := requestOp(p.Data)
		switch {
		case !ok:
			l.part(h, event.LearnerProtocol, fmt.Sprintf("REQUEST with %d bytes", len(p.Data)))
		case op == opSync:
			l.send(h, Packet{Type: TypeSync}) // nothing is under way, so the client is up to date
		default:
			l.emit(event.RequestRefused{Peer: h.sid, Type: p.Type.String()})
		}
	}
}

// missing says, for people, who was waited for in vain.
func (l *Leader) missing() string {
	what, have := "FOLLOWERINFO", l.connecting
	switch l.stage {
	case proposed:
		what, have = "the promise", l.electing
	case syncing:
		what, have = "the acknowledgement", l.acked
	}
	return fmt.Sprintf("%s of server %s did not come within %s", what, l.absent(have.Has), l.opt.initTime())
}

// deaf says, for people, who is not heard any more.
func (l *Leader) deaf() string { return "not heard: server " + l.absent(l.live) }

// absent lists the voters for which has is not true.
func (l *Leader) absent(has func(quorum.SID) bool) string {
	var b strings.Builder
	for _, sid := range l.voters() {
		if !has(sid) {
			if b.Len() > 0 {
				b.WriteString(", ")
			}
			b.WriteString(sid.String())
		}
	}
	return b.String()
}
