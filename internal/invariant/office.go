package invariant

import (
	"fmt"
	"slices"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// leads checks that a leader took office as the protocol has it: decided to lead, proposed the epoch after a quorum had
// come, got the first promises of a quorum for it and then that quorum's word, or another's, that the epoch is on disk.
// It is one of either quorum itself.
func (t *trial) leads(ev event.LeaderEstablished) error {
	r := t.run
	if !t.own(r.decision.State == quorum.Leading) {
		return fmt.Errorf("server %d is established in epoch %d and has not decided to lead", t.Node, ev.Epoch)
	}
	comes := func(sid quorum.SID) bool { return slices.Contains(r.proposed.From, sid) }
	if !t.own(r.proposed.Epoch == ev.Epoch && t.view.IsQuorum(comes)) {
		return fmt.Errorf("server %d is established in epoch %d, had proposed %d when %v had come", t.Node, ev.Epoch,
			r.proposed.Epoch, r.proposed.From)
	}
	if err := t.rises(ev); err != nil {
		return err
	}
	promised, mayPromise := t.promised(ev)
	if !t.one(t.Node, promised, mayPromise) || !t.quorum(promised, mayPromise) {
		return fmt.Errorf("server %d is established in epoch %d, which only %v have promised to it", t.Node, ev.Epoch,
			those(t.view.Voters(), promised))
	}
	wrote, mayWrite := t.wrote(ev)
	if !t.one(t.Node, wrote, mayWrite) || !t.quorum(wrote, mayWrite) {
		return fmt.Errorf("server %d is established in epoch %d without a quorum's disks: only those of %v, now %+v", t.Node,
			ev.Epoch, those(t.view.Voters(), wrote), t.durable)
	}
	return nil
}

// rises checks that the epoch is above every one that was established before its leader proposed it. One that was
// established later may be higher: a leader that was stopped, or hears late, takes office by acknowledgements of servers
// that have gone on since, and finds out at once. But who is in both quorums has promised the lower epoch first, and it
// was proposed before that; so the higher one was established after that proposal. Hearsay only makes it later.
func (t *trial) rises(ev event.LeaderEstablished) error {
	for i := len(t.peaks) - 1; i >= 0; i-- {
		if p := t.peaks[i]; p.at.Before(t.run.proposedAt) {
			if p.epoch >= ev.Epoch {
				return fmt.Errorf("server %d is established in epoch %d, and %d was in epoch %d before it proposed that", t.Node,
					ev.Epoch, t.leaders[p.epoch], p.epoch)
			}
			return nil // those before were lower still
		}
	}
	return nil
}

// promised tells who gave its first promise of the epoch to the claimant, after it was proposed and by now; and of whom
// that may be lost: the promise is on its disk, and it is not known to have been given to anybody.
func (t *trial) promised(ev event.LeaderEstablished) (holds, may func(quorum.SID) bool) {
	holds = func(sid quorum.SID) bool {
		g, ok := t.given[promise{sid, ev.Epoch}]
		return ok && g.leader == t.Node && !g.at.Before(t.run.proposedAt) && !g.at.After(t.Time)
	}
	may = func(sid quorum.SID) bool {
		_, known := t.given[promise{sid, ev.Epoch}]
		return !known && t.lostWrite(sid, t.run.began, t.Time, func(e zab.Epochs) bool { return e.Accepted >= ev.Epoch })
	}
	return holds, may
}

// wrote tells who wrote the epoch to its disk by now, where it stays, see Durable; and of whom that may be lost: it is there.
func (t *trial) wrote(ev event.LeaderEstablished) (holds, may func(quorum.SID) bool) {
	holds = func(sid quorum.SID) bool {
		at, ok := t.written[promise{sid, ev.Epoch}]
		return ok && !at.After(t.Time)
	}
	may = func(sid quorum.SID) bool {
		_, known := t.written[promise{sid, ev.Epoch}]
		return !known && t.lostWrite(sid, t.run.began, t.Time, func(e zab.Epochs) bool { return e.Current >= ev.Epoch })
	}
	return holds, may
}

// follows checks that a learner has decided for its leader, has promised it the epoch, now or before, and has it on disk;
// and that its leader is established.
func (t *trial) follows(ev event.LeaderEstablished) error {
	r := t.run
	if !t.own(r.decision.Vote.Leader == ev.Leader && r.decision.State != quorum.Looking) {
		return fmt.Errorf("server %d has leader %d in epoch %d, had decided for %d, %s", t.Node, ev.Leader, ev.Epoch,
			r.decision.Vote.Leader, r.decision.State)
	}
	if !t.own(r.promised.Leader == ev.Leader && r.promised.Epoch == ev.Epoch) {
		return fmt.Errorf("server %d has leader %d in epoch %d, had promised epoch %d to %d", t.Node, ev.Leader, ev.Epoch,
			r.promised.Epoch, r.promised.Leader)
	}
	wrote, mayWrite := t.wrote(ev)
	if !t.one(t.Node, wrote, mayWrite) {
		return fmt.Errorf("server %d has leader %d in epoch %d, and currentEpoch %d on disk", t.Node, ev.Leader, ev.Epoch,
			t.durable[t.Node].Current)
	}
	inOffice := func(quorum.SID) bool { at, ok := t.office[ev.Epoch]; return ok && !at.After(t.Time) }
	may := func(sid quorum.SID) bool { return t.lost(sid, r.began, t.Time) }
	if !t.one(ev.Leader, inOffice, may) {
		return fmt.Errorf("server %d has leader %d in epoch %d, which is not established", t.Node, ev.Leader, ev.Epoch)
	}
	return nil
}
