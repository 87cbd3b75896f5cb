package zab

import (
	"fmt"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// synchronize tells a learner that its history is the leader's, and that the epoch begins. Without data
// there is nothing to send, and nothing that a learner may be told to throw away.
// Differs from ZooKeeper: LearnerHandler.syncFollower also sends TRUNC, SNAP and proposals.
func (l *Leader) synchronize(h *handler) {
	h.state = sentNewLeader
	h.readBy = l.now.Add(l.opt.initTime())
	l.send(h, Packet{Type: TypeDiff, Zxid: h.zxid}) // 0 unless this node goes along (echo)
	l.send(h, Packet{Type: TypeNewLeader, Zxid: quorum.MakeZxid(l.epoch, 0), Data: []byte(l.opt.View.Text())})
}

// ackNewLeader takes the acknowledgement of NEWLEADER. After the quorum is there, its zxid is not looked
// at; before, another zxid does not count, but the learner stays. Rule: Leader.waitForNewLeaderAck.
func (l *Leader) ackNewLeader(h *handler, p Packet) {
	if p.Type != TypeAck {
		l.part(h, event.LearnerProtocol, fmt.Sprintf("%s instead of ACK", p.Type))
		return
	}
	h.state = waitAckQuorum
	h.readBy = time.Time{}
	l.emit(event.FollowerJoined{Peer: h.sid, Observer: h.observer, Zxid: h.zxid})
	if l.stage == leading {
		l.upToDate(h)
		return
	}
	if p.Zxid == quorum.MakeZxid(l.epoch, 0) && l.counts(h) {
		l.acked.Add(h.sid)
		l.maybeEstablish()
	}
}

// maybeEstablish takes office once a quorum, this node included, has acknowledged the epoch.
// Differs from ZooKeeper: that quorum must also be connected now; otherwise the leader would find at its
// first tick that it has lost it.
func (l *Leader) maybeEstablish() {
	if l.stage != syncing || !l.acked.Has(l.opt.Self) || !l.opt.quorum(l.acked.Has) || !l.opt.quorum(l.live) {
		return
	}
	l.stage = leading
	l.limit = time.Time{}
	l.nextHalf = l.now.Add(l.opt.Tick / 2)
	l.out.Established = &Established{Leader: l.opt.Self, Epoch: l.epoch}
	l.emit(event.LeaderEstablished{Leader: l.opt.Self, Epoch: l.epoch, After: l.now.Sub(l.opt.DecidedAt)})
	for _, h := range l.handlers {
		if h.state == waitAckQuorum {
			l.upToDate(h)
		}
	}
}

// upToDate lets a learner serve. From here on it must be heard within syncLimit.
func (l *Leader) upToDate(h *handler) {
	h.state = serving
	h.readBy = l.now.Add(l.opt.syncTime())
	l.send(h, Packet{Type: TypeUpToDate, Zxid: -1})
}
