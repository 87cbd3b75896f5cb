package quorum

import (
	"cmp"
	"fmt"
)

// Vote names the server that somebody proposes as leader, with the history that speaks for it: the last
// zxid of that server and the epoch it was in (proposedLeader, proposedZxid and proposedEpoch in
// FastLeaderElection.java).
type Vote struct {
	Leader    SID
	Zxid      Zxid
	PeerEpoch Epoch
}

// Beats reports whether v replaces o as a proposal: higher peer epoch, then zxid, then leader, all signed.
// Strict: no vote beats itself. Ignores weights; the caller has refused a zero-weight leader already.
// Rule: totalOrderPredicate in FastLeaderElection.java.
func (v Vote) Beats(o Vote) bool {
	return cmp.Or(cmp.Compare(v.PeerEpoch, o.PeerEpoch), cmp.Compare(v.Zxid, o.Zxid),
		cmp.Compare(v.Leader, o.Leader)) > 0
}

// String prints the vote as (leader zxid epoch), for example (2 0x500000001 5); - stands for an
// observer's empty values.
func (v Vote) String() string {
	if v.Leader == NoSID && v.Zxid == MinZxid && v.PeerEpoch == MinEpoch {
		return "(-)"
	}
	return fmt.Sprintf("(%s %s %s)", v.Leader, v.Zxid, v.PeerEpoch)
}
