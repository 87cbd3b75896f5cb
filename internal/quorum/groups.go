package quorum

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// buildGroups checks groups and weights and sums them up.
func (v *View) buildGroups(bad *problemList) {
	v.spec.Groups, v.spec.Weights = cloneGroups(v.spec.Groups), maps.Clone(v.spec.Weights)
	v.groupOf, v.totals = map[SID]int64{}, map[int64]int64{}
	before := len(bad.all)
	for _, sid := range slices.Sorted(maps.Keys(v.spec.Weights)) {
		if w := v.spec.Weights[sid]; w < 0 {
			bad.add(0, fmt.Sprintf("weight.%d", sid), "weight.%d: %d is negative", sid, w)
		}
	}
	for _, g := range slices.Sorted(maps.Keys(v.spec.Groups)) {
		v.buildGroup(g, bad)
	}
	for _, sid := range v.voters {
		if _, ok := v.groupOf[sid]; !ok {
			bad.add(0, "server."+sid.String(), "server %d is in no group", sid)
		}
	}
	for _, total := range v.totals {
		if total > 0 {
			v.counted++
		}
	}
	if v.counted == 0 && len(bad.all) == before {
		bad.add(0, "", "weight: no group has a weight above 0, so no quorum exists")
	}
}

// buildGroup enters the members of one group and their weight.
func (v *View) buildGroup(g int64, bad *problemList) {
	key := fmt.Sprintf("group.%d", g)
	if len(v.spec.Groups[g]) == 0 {
		bad.add(0, key, "%s: no server is in it", key)
	}
	for _, sid := range v.spec.Groups[g] {
		if _, twice := v.groupOf[sid]; twice {
			bad.add(0, key, "%s: server %d is in more than one group", key, sid)
			continue
		}
		v.groupOf[sid] = g
		if !v.IsVoter(sid) {
			bad.add(0, key, "%s names %d, which is no participant", key, sid)
			continue
		}
		w := v.Weight(sid)
		if w > math.MaxInt64-v.totals[g] {
			bad.add(0, key, "%s: the sum of its weights does not fit into 64 bits", key)
			continue
		}
		v.totals[g] += w
	}
}

// cloneGroups copies groups, never to nil, with the members of each ascending.
func cloneGroups(groups map[int64][]SID) map[int64][]SID {
	all := make(map[int64][]SID, len(groups))
	for g, members := range groups {
		all[g] = slices.Sorted(slices.Values(members))
	}
	return all
}

// Hierarchical reports whether groups and weights decide what a quorum is.
func (v *View) Hierarchical() bool { return v.groupOf != nil }

// Groups is a copy of the groups, nil for majority quorums.
func (v *View) Groups() map[int64][]SID { return maps.Clone(v.spec.Groups) }

// GroupWeights is a copy of the total weight of each group, nil for majority quorums.
func (v *View) GroupWeights() map[int64]int64 { return maps.Clone(v.totals) }

// CountedGroups is the number of groups with a weight above 0.
func (v *View) CountedGroups() int { return v.counted }

// Weight is what the vote of sid weighs: 1 for everybody under majority quorums, strangers included;
// the weight line's value, 1 for a participant without one and 0 for an unknown sid otherwise.
// Rule: QuorumVerifier.getWeight; differs from ZooKeeper: an unknown sid weighs 0 there by way of a crash.
func (v *View) Weight(sid SID) int64 {
	if v.groupOf == nil {
		return 1
	}
	if w, ok := v.spec.Weights[sid]; ok {
		return w
	}
	if v.IsVoter(sid) {
		return 1
	}
	return 0
}

// Weights lists the weight of every participant and of every sid with a weight line; nil for majority
// quorums.
func (v *View) Weights() map[SID]int64 {
	if v.groupOf == nil {
		return nil
	}
	all := maps.Clone(v.spec.Weights)
	if all == nil {
		all = map[SID]int64{}
	}
	for _, sid := range v.voters {
		all[sid] = v.Weight(sid)
	}
	return all
}
