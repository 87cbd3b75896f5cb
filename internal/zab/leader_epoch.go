package zab

import (
	"errors"
	"fmt"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// received applies a packet of a learner.
func (l *Leader) received(h *handler, p Packet) {
	switch h.state {
	case waitInfo:
		l.register(h, p)
	case sentLeaderInfo:
		l.ackEpoch(h, p)
	case sentNewLeader:
		l.ackNewLeader(h, p)
	case waitAckQuorum:
		// ZooKeeper does not read until UPTODATE was sent; nothing that comes earlier is worth an answer.
	case serving:
		l.serve(h, p)
	default:
		l.part(h, event.LearnerProtocol, fmt.Sprintf("%s while it had to wait", p.Type))
	}
}

// register reads a learner's first packet and enters it into the search for an epoch.
// Rules: LearnerHandler.run, Leader.getEpochToPropose.
func (l *Leader) register(h *handler, p Packet) {
	if p.Type != TypeFollowerInfo && p.Type != TypeObserverInfo {
		l.reject(h, event.RejectFirstPacket, p.Type.String())
		return
	}
	info, err := ParseLearnerInfo(p.Data)
	switch {
	case errors.Is(err, ErrLegacy) && len(p.Data) < 8:
		l.reject(h, event.RejectLegacy, err.Error())
		return
	case err != nil && !errors.Is(err, ErrLegacy):
		l.reject(h, event.RejectFirstPacket, err.Error())
		return
	case info.SID == l.opt.Self:
		// Differs from ZooKeeper, which serves it: somebody has this server's id, and no good comes of it.
		l.reject(h, event.RejectOwnSID, p.Type.String())
		return
	}
	h.known, h.sid, h.observer = true, info.SID, p.Type == TypeObserverInfo
	h.ackTick = l.tick + l.opt.InitLimit + l.opt.SyncLimit
	accepted := p.Zxid.Epoch()
	switch {
	case l.opt.Cut.Has(h.sid):
		l.part(h, event.LearnerClosed, cutDetail)
	case err != nil:
		// Differs from ZooKeeper, which leads such servers without asking for promises.
		l.part(h, event.LearnerLegacy, err.Error())
	case l.opt.ReconfigOn && info.ConfigVersion > l.opt.View.Version():
		l.part(h, event.LearnerConfig, fmt.Sprintf("version %s, ours is %s", info.ConfigVersion, l.opt.View.Version()))
	case accepted >= quorum.MaxEpoch:
		// Differs from ZooKeeper, whose next epoch would be negative.
		l.part(h, event.LearnerProtocol, fmt.Sprintf("no epoch is left after its acceptedEpoch %d", accepted))
	default:
		l.makeRoom(h)
		l.enter(h, accepted)
	}
}

// enter takes a learner's acceptedEpoch into account while the epoch is not fixed, and tells it the epoch
// when it is. Observers raise the epoch too, but nobody waits for them.
// Differs from ZooKeeper: a stranger does not raise it; one packet could use up all epochs there are.
func (l *Leader) enter(h *handler, accepted quorum.Epoch) {
	h.state = waitEpoch
	h.readBy = time.Time{}
	if l.stage > collecting {
		l.sendLeaderInfo(h)
		l.yieldTo(h, accepted)
		return
	}
	if l.opt.member(h.sid) {
		l.epoch = max(l.epoch, accepted+1)
	}
	if l.counts(h) {
		l.connecting.Add(h.sid)
		l.maybePropose()
	}
}

// yieldTo gives up an established leadership for a member that has promised a later epoch, to a leader that
// failed before a quorum knew: it can never follow this one. The next epoch is above its promise. A
// leadership lasts initLimit at least, so that nobody can shake it by making such promises up.
// Differs from ZooKeeper, where such a server stays outside until something else ends the leadership.
func (l *Leader) yieldTo(h *handler, accepted quorum.Epoch) {
	if l.stage == leading && accepted > l.epoch && l.opt.member(h.sid) && l.tick >= l.opt.InitLimit {
		l.finish(event.ReasonVoterAhead, fmt.Sprintf("server %d has promised epoch %d", h.sid, accepted))
	}
}

// counts reports whether h's promises and acknowledgements count: a voter that came as one.
func (l *Leader) counts(h *handler) bool { return !h.observer && l.opt.votes(h.sid) }

// maybePropose fixes the epoch once a quorum has said how far it has come.
// Differs from ZooKeeper, which proposes only when its own promise is on disk: here learners write theirs meanwhile. What
// makes the epoch this leader's own are the first promises of a quorum, each given on disk, the own one like the others:
// it counts when it is written. A leader that dies before has promised nothing, and nobody can have been led by it.
func (l *Leader) maybePropose() {
	if l.stage != collecting || !l.opt.quorum(l.connecting.Has) {
		return
	}
	l.stage = proposed
	l.emit(event.EpochProposed{Epoch: l.epoch, From: l.votersIn(l.connecting)})
	for _, h := range l.handlers {
		if h.state == waitEpoch {
			l.sendLeaderInfo(h)
		}
	}
	l.write(FileAccepted)
}

// write asks for the epoch to be written to file.
func (l *Leader) write(file string) {
	l.writing = true
	l.persist = Persist{File: file, Epoch: l.epoch}
	l.out.Persist = &l.persist
}

// answered takes the outcome of the write that was asked for, also when the role has ended meanwhile.
func (l *Leader) answered(in Input) {
	if !l.writing {
		return
	}
	l.writing = false
	if in.Kind == WriteErr {
		l.ending = &Done{Reason: event.ReasonStorage, Detail: in.Detail} // whatever else was wrong
		return
	}
	if l.persist.File == FileAccepted {
		l.epochs.Accepted = l.epoch
	} else {
		l.epochs.Current = l.epoch
	}
	if l.ending == nil {
		l.persisted()
	}
}

// persisted counts this leader itself, after the write that was asked for. The time it took is nobody else's.
func (l *Leader) persisted() {
	l.limit = l.now.Add(l.opt.initTime())
	switch l.stage {
	case proposed:
		l.emit(event.EpochPromised{Leader: l.opt.Self, Epoch: l.epoch})
		l.electing.Add(l.opt.Self)
		l.maybeSynchronize()
	case syncing:
		l.acked.Add(l.opt.Self)
		l.maybeEstablish()
	}
}

func (l *Leader) sendLeaderInfo(h *handler) {
	h.state = sentLeaderInfo
	h.readBy = l.now.Add(l.opt.initTime())
	l.send(h, Packet{Type: TypeLeaderInfo, Zxid: quorum.MakeZxid(l.epoch, 0), Data: appendVersion(nil)})
}

// ackEpoch takes a promise. Rule: Leader.waitForEpochAck.
func (l *Leader) ackEpoch(h *handler, p Packet) {
	if p.Type != TypeAckEpoch {
		l.part(h, event.LearnerProtocol, fmt.Sprintf("%s instead of ACKEPOCH", p.Type))
		return
	}
	current, err := ParseAckEpoch(p.Data)
	if err != nil {
		l.part(h, event.LearnerProtocol, err.Error())
		return
	}
	h.zxid = p.Zxid
	promise := current != -1
	if l.stage == proposed && promise &&
		(current > l.old || current == l.old && p.Zxid > l.opt.LastZxid) {
		l.part(h, event.LearnerAhead, fmt.Sprintf("epoch %d zxid %s, ours are %d and %s", current, p.Zxid,
			l.old, l.opt.LastZxid))
		return
	}
	if p.Zxid != 0 && !l.opt.echo() {
		l.emit(event.HistoryRefused{Peer: h.sid, Detail: "learner reports zxid " + p.Zxid.String()})
		l.part(h, event.LearnerHistory, "zxid "+p.Zxid.String())
		return
	}
	h.state = waitEpochQuorum
	h.readBy = time.Time{}
	switch {
	case l.stage >= syncing:
		l.synchronize(h)
	case l.stage == proposed && promise && p.Zxid != quorum.NoZxid && l.counts(h):
		l.electing.Add(h.sid)
		l.maybeSynchronize()
	}
}

// maybeSynchronize goes on once a quorum, this node included, has promised the epoch to this leader and nobody else.
// As in ZooKeeper, learners are told before this node has written currentEpoch; it counts itself after that.
func (l *Leader) maybeSynchronize() {
	if l.stage != proposed || !l.electing.Has(l.opt.Self) || !l.opt.quorum(l.electing.Has) {
		return
	}
	l.stage = syncing
	for _, h := range l.handlers {
		if h.state == waitEpochQuorum {
			l.synchronize(h)
		}
	}
	l.write(FileCurrent)
}
