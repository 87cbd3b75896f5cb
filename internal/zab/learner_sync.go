package zab

import (
	"fmt"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// received applies a packet of the leader.
func (l *Learner) received(p Packet) {
	switch l.stage {
	case registered:
		l.leaderInfo(p)
	case promised:
		l.syncBegun(p)
	case synced:
		l.syncing(p)
	case writingEpoch, acknowledged:
		l.beforeUpToDate(p)
	case learning:
		l.serve(p)
	default:
		l.unexpected(p, "ACKEPOCH")
	}
}

// unexpected ends the role because the leader does not speak the protocol. Differs from ZooKeeper, whose
// learner ends the whole process on a wrong first packet of the synchronisation.
func (l *Learner) unexpected(p Packet, before string) {
	l.lost(fmt.Sprintf("%s before %s", p.Type, before))
}

// leaderInfo answers the leader's epoch: with a promise if it is the first for this epoch, without one if
// it was given before, not at all if a later one was given. Rule: Learner.registerWithLeader.
func (l *Learner) leaderInfo(p Packet) {
	if p.Type != TypeLeaderInfo {
		l.unexpected(p, "LEADERINFO")
		return
	}
	n := p.Zxid.Epoch()
	switch {
	case n < l.epochs.Accepted || n < 0:
		l.lost(fmt.Sprintf("leader's epoch %d is below the promised %d", n, l.epochs.Accepted))
	case n == l.epochs.Accepted:
		l.epoch = n
		l.ackEpoch(-1, true)
	default:
		l.epoch = n
		l.stage = writingPromise
		l.write(FileAccepted)
	}
}

// ackEpoch sends ACKEPOCH; current is -1 for a promise that was given before and must not count again.
func (l *Learner) ackEpoch(current quorum.Epoch, repeated bool) {
	l.stage = promised
	l.emit(event.EpochPromised{Leader: l.opt.Leader, Epoch: l.epoch, Repeated: repeated})
	l.send(Packet{Type: TypeAckEpoch, Zxid: l.opt.LastZxid, Data: AppendAckEpoch(nil, current)})
}

func (l *Learner) write(file string) {
	l.writing = true
	l.persist = Persist{File: file, Epoch: l.epoch}
	l.out.Persist = &l.persist
}

// answered takes the outcome of the write that was asked for, also when the role has ended meanwhile.
func (l *Learner) answered(in Input) {
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

// persisted goes on after the write that was asked for. The time it took is not the leader's.
func (l *Learner) persisted() {
	switch l.stage {
	case writingPromise:
		l.ackEpoch(l.epochs.Current, false) // the old one: it says whose history this is
	case writingEpoch:
		l.stage = acknowledged
		l.giveUp = l.now.Add(l.opt.initTime())
		l.ackNewLeader()
	default:
		return
	}
	l.waitForPacket()
}

func (l *Learner) ackNewLeader() {
	l.send(Packet{Type: TypeAck, Zxid: quorum.MakeZxid(l.epoch, 0)})
}

// snapshotBegun leaves before a long stream is read whose zxid says enough.
func (l *Learner) snapshotBegun(header Packet) {
	if l.stage == promised && header.Type == TypeSnap && header.Zxid.Counter() != 0 {
		l.refuse(header)
	}
}

// syncBegun takes the first packet of the synchronisation. Rule: Learner.syncWithLeader.
func (l *Learner) syncBegun(p Packet) {
	ev := event.SyncReceived{Leader: l.opt.Leader, Type: p.Type.String(), Zxid: p.Zxid}
	history := p.Zxid.Counter() != 0
	switch p.Type {
	case TypeDiff:
	case TypeTrunc:
		history = true
	case TypeSnap:
		if p.Snapshot != nil {
			ev.Nodes, ev.Bytes = p.Snapshot.Nodes, p.Snapshot.Bytes
		}
		history = history || p.Snapshot == nil || p.Snapshot.History
	default:
		l.unexpected(p, "DIFF, TRUNC or SNAP")
		return
	}
	l.stage = synced
	l.emit(ev)
	if history {
		l.refuse(p)
	}
}

// syncing takes what comes between the first packet of the synchronisation and NEWLEADER.
func (l *Learner) syncing(p Packet) {
	switch p.Type {
	case TypeNewLeader:
		// Differs from ZooKeeper, which does not compare the epochs.
		if n := p.Zxid.Epoch(); n != l.epoch {
			l.lost(fmt.Sprintf("NEWLEADER of epoch %d after LEADERINFO of epoch %d", n, l.epoch))
			return
		}
		l.stage = writingEpoch
		l.write(FileCurrent)
	case TypeUpToDate:
		l.unexpected(p, "NEWLEADER")
	default:
		l.transaction(p)
	}
}

// beforeUpToDate takes what comes after NEWLEADER. A PING is not answered here: the leader would take the
// answer for a wrong acknowledgement.
func (l *Learner) beforeUpToDate(p Packet) {
	switch {
	case p.Type != TypeUpToDate:
		l.transaction(p)
	case l.stage == writingEpoch:
		l.unexpected(p, "the acknowledgement of NEWLEADER")
	default:
		l.stage = learning
		l.ackNewLeader()
		l.out.Established = &Established{Leader: l.opt.Leader, Epoch: l.epoch}
		l.emit(event.LeaderEstablished{Leader: l.opt.Leader, Epoch: l.epoch, After: l.now.Sub(l.opt.DecidedAt)})
	}
}

// transaction takes a packet that carries one, or part of one, before UPTODATE; others are ignored.
func (l *Learner) transaction(p Packet) {
	switch p.Type {
	case TypeCommitAndActivate, TypeInformAndActivate:
		if l.opt.ReconfigOn {
			l.configChange(p)
			return
		}
		l.refuse(p)
	case TypeProposal, TypeCommit, TypeInform:
		l.refuse(p)
	}
}

// serve takes a packet of the broadcast phase. Rules: Follower.processPacket, Observer.processPacket.
func (l *Learner) serve(p Packet) {
	switch p.Type {
	case TypePing:
		l.send(Packet{Type: TypePing, Zxid: p.Zxid, Data: []byte{}}) // null would end the connection
	case TypeProposal:
		l.refuse(p) // in any case it is not acknowledged: it is not stored
	case TypeCommitAndActivate, TypeInformAndActivate:
		if l.opt.ReconfigOn {
			l.configChange(p)
		}
	}
}

// configChange leaves because the ensemble has another configuration now, which the next election brings.
func (l *Learner) configChange(p Packet) {
	l.finish(event.ReasonConfigChange, p.Type.String()+" "+p.Zxid.String())
}

// refuse leaves a leader that has shown history, unless this node's word for it does not count or was
// given away by its operator. To acknowledge NEWLEADER is to say "I hold all of it".
func (l *Learner) refuse(p Packet) {
	if l.opt.Observer || l.opt.echo() || l.ending != nil {
		return
	}
	detail := fmt.Sprintf("leader sent %s %s", p.Type, p.Zxid)
	if p.Snapshot != nil {
		detail = fmt.Sprintf("%s with %d nodes and %d sessions", detail, p.Snapshot.Nodes, p.Snapshot.Sessions)
	}
	l.emit(event.HistoryRefused{Peer: l.opt.Leader, Detail: detail})
	l.ending = &Done{
		Reason: event.ReasonPolicy, Detail: detail, RetryAfter: policyPause * l.opt.Tick,
	}
}
