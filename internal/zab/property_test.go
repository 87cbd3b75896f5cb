package zab

import (
	"slices"
	"testing"
	"time"

	"electnode/internal/quorum"
)

// TestEnsembles runs leaders and learners against each other, with delays, broken connections, wrong
// beliefs about who leads, and crashes at every point, between a write and what follows it above all.
// What must always hold is checked at every step; at the end the faults stop, everybody believes in one
// leader, and it must be established with all others.
func TestEnsembles(t *testing.T) {
	seeds := uint64(100)
	if testing.Short() {
		seeds = 40
	}
	established := 0
	for seed := range seeds {
		w := newWorld(t, seed)
		w.run(20 * time.Second)
		w.heal()
		w.run(20 * time.Second)
		w.checkSettled()
		established += len(w.leaders)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, w.log.String())
		}
	}
	if established < int(seeds)*2 {
		t.Errorf("only %d leaders were established in %d runs: the runs prove little", established, seeds)
	}
}

// Same inputs, same outputs, byte for byte.
func TestRunsRepeat(t *testing.T) {
	for seed := range uint64(10) {
		var logs [2]string
		for i := range logs {
			w := newWorld(t, seed)
			w.run(20 * time.Second)
			logs[i] = w.log.String()
		}
		if logs[0] != logs[1] || len(logs[0]) < 1000 {
			t.Fatalf("seed %d ran differently, or not at all (%d bytes)", seed, len(logs[0]))
		}
	}
}

// checkSend holds every packet against the disk of its sender.
func (w *world) checkSend(n *simNode, p Packet) {
	st, e := n.role.Status(), p.Zxid.Epoch()
	bad := false
	switch p.Type {
	case TypeLeaderInfo:
		bad = e < n.disk.Accepted
	case TypeNewLeader: // a quorum has promised on disk, this leader included
		bad = n.disk.Accepted != e || !w.view.IsQuorum(w.accepted(e))
	case TypeAckEpoch:
		current, err := ParseAckEpoch(p.Data)
		bad = err != nil || n.disk.Accepted != st.Epoch || current != -1 && current != n.disk.Current
	case TypeAck:
		bad = n.disk.Current != e || n.disk.Accepted != e
	case TypePing:
		bad = st.Phase != Broadcast || (p.Data == nil) != n.lead
	case TypeDiff:
		bad = p.Zxid != 0
	case TypeFollowerInfo, TypeObserverInfo:
		bad = e != n.disk.Accepted
	case TypeUpToDate:
		bad = st.Phase != Broadcast
	default:
		bad = true
	}
	if bad {
		w.t.Errorf("%s sends %s %s with %+v on disk, status %+v", n, p.Type, p.Zxid, n.disk, st)
	}
}

// accepted tells who has promised an epoch, or a later one, on disk.
func (w *world) accepted(e quorum.Epoch) func(quorum.SID) bool {
	return func(sid quorum.SID) bool {
		return slices.ContainsFunc(w.nodes, func(o *simNode) bool { return o.sid == sid && o.disk.Accepted >= e })
	}
}

func (w *world) checkEstablished(n *simNode, e Established) {
	holds := func(sid quorum.SID) bool {
		for _, o := range w.nodes {
			if o.sid == sid {
				return o.disk.Current >= e.Epoch
			}
		}
		return false
	}
	if !w.view.IsQuorum(holds) {
		w.t.Errorf("%s: established in epoch %d without a quorum that has it on disk", n, e.Epoch)
	}
	if !n.lead {
		if w.leaders[e.Epoch] == "" {
			w.t.Errorf("%s follows %d in epoch %d before it was established", n, e.Leader, e.Epoch)
		}
		return
	}
	if old := w.leaders[e.Epoch]; old != "" {
		w.t.Errorf("%s and %s are both established in epoch %d", old, n, e.Epoch)
	}
	w.leaders[e.Epoch] = n.String()
}

// checkSettled expects one leader with everybody behind it.
func (w *world) checkSettled() {
	for _, n := range w.nodes {
		if n.role == nil || n.role.Status().Phase != Broadcast || n.lead != (n == w.belief) {
			w.t.Errorf("%s is not settled behind %s: %+v", n, w.belief, n.role)
		}
	}
	if live := w.belief.role; live != nil && len(live.Status().Learners) != len(w.nodes)-1 {
		w.t.Errorf("%s has learners %+v", w.belief, live.Status().Learners)
	}
}
