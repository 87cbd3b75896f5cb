package lab

import (
	"fmt"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// judge knows what must always hold: no epoch has two established leaders, epochs on a disk never go down, and a
// leader is established only when a quorum's disks have its epoch. It takes what happened in order of time.
type judge struct {
	view     *quorum.View
	leaders  map[quorum.Epoch]quorum.SID
	disks    map[quorum.SID]zab.Epochs
	doubtful map[quorum.Epoch]doubt
	count    JudgeCounts
}

// doubt is an establishment for which no quorum of disks was known to have the epoch.
type doubt struct {
	lacking quorum.Set // whose disks were not known to have it
	late    quorum.Set // who wrote it afterwards: too late to count
}

// JudgeCounts says how much was judged.
type JudgeCounts struct{ Boots, Kills, Elections, Established int }

func newJudge(view *quorum.View) *judge {
	return &judge{view: view, leaders: map[quorum.Epoch]quorum.SID{}, disks: map[quorum.SID]zab.Epochs{},
		doubtful: map[quorum.Epoch]doubt{}}
}

// see judges one entry.
func (j *judge) see(e entry) error {
	switch e.kind {
	case kindBooted:
		j.count.Boots++
		return j.read(e.sid, e.epochs)
	case kindDurable:
		return j.read(e.sid, e.epochs)
	case kindKilled:
		j.count.Kills++
		return nil
	}
	switch ev := e.event.Event.(type) {
	case event.ElectionStarted:
		j.count.Elections++
	case event.NodeStarted:
		return j.started(e.sid, zab.Epochs{Accepted: ev.AcceptedEpoch, Current: ev.CurrentEpoch})
	case event.DurableWritten:
		return j.written(e.sid, ev)
	case event.LeaderEstablished:
		return j.established(e.sid, ev)
	}
	return nil
}

// read takes what a disk has while its process is dead. That may settle doubts: the process wrote an epoch before it
// was killed, and could not tell any more.
func (j *judge) read(sid quorum.SID, e zab.Epochs) error {
	old := j.disks[sid]
	if e.Accepted < old.Accepted || e.Current < old.Current {
		return fmt.Errorf("server %d has epochs %+v on its disk, had written %+v", sid, e, old)
	}
	if e.Current > e.Accepted {
		return fmt.Errorf("server %d has accepted less than it acknowledged: %+v", sid, e)
	}
	j.disks[sid] = e
	for epoch, d := range j.doubtful {
		if e.Current >= epoch && !d.late.Has(sid) {
			delete(d.lacking, sid)
		}
		if j.view.IsQuorum(func(sid quorum.SID) bool { return !d.lacking.Has(sid) }) {
			delete(j.doubtful, epoch)
		}
	}
	return nil
}

// started checks that a process began with what its disk had.
func (j *judge) started(sid quorum.SID, e zab.Epochs) error {
	if j.disks[sid] != e {
		return fmt.Errorf("server %d starts with epochs %+v, its disk has %+v", sid, e, j.disks[sid])
	}
	return nil
}

// written takes a write that the node waited for.
func (j *judge) written(sid quorum.SID, w event.DurableWritten) error {
	e := j.disks[sid]
	switch {
	case w.Error != "":
		return nil
	case w.File == event.FileAccepted && w.Epoch >= e.Accepted:
		e.Accepted = w.Epoch
	case w.File == event.FileCurrent && w.Epoch >= e.Current && w.Epoch <= e.Accepted:
		e.Current = w.Epoch
	default:
		return fmt.Errorf("server %d writes %s %d, has %+v", sid, w.File, w.Epoch, e)
	}
	j.disks[sid] = e
	for epoch, d := range j.doubtful {
		if e.Current >= epoch && d.lacking.Has(sid) {
			d.late.Add(sid)
		}
	}
	return nil
}

// established checks the main promise. A server may be killed before it told of its last write: then its disk tells
// later, and until then the establishment is in doubt.
func (j *judge) established(sid quorum.SID, est event.LeaderEstablished) error {
	if other, ok := j.leaders[est.Epoch]; ok && other != est.Leader {
		return fmt.Errorf("epoch %d has two established leaders: %d, and %d by server %d", est.Epoch, other, est.Leader, sid)
	} else if ok {
		return nil
	}
	j.leaders[est.Epoch] = est.Leader
	j.count.Established++
	lacking := quorum.Set{}
	for _, voter := range j.view.Voters() {
		if j.disks[voter].Current < est.Epoch {
			lacking.Add(voter)
		}
	}
	if !j.view.IsQuorum(func(sid quorum.SID) bool { return !lacking.Has(sid) }) {
		j.doubtful[est.Epoch] = doubt{lacking: lacking, late: quorum.Set{}}
	}
	return nil
}

// end judges what is in doubt to the last.
func (j *judge) end() error {
	for epoch, d := range j.doubtful {
		return fmt.Errorf("leader %d was established in epoch %d without a quorum's disks: not those of %v",
			j.leaders[epoch], epoch, d.lacking.Sorted())
	}
	return nil
}
