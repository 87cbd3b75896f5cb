package quorum

import "slices"

// Tolerance is how many voters may be lost, whichever they are: the largest k such that the voters that
// are present remain a quorum of v after the loss of any k of them; -1 if they are none now.
func (v *View) Tolerance(present func(SID) bool) int {
	if v.Hierarchical() {
		return v.groupTolerance(present)
	}
	n := 0
	for _, sid := range v.Voters() {
		if present(sid) {
			n++
		}
	}
	return max(n-v.Majority(), -1)
}

// groupTolerance takes the worst case: losses that turn over the groups which fall most easily, each by
// its heaviest members. Groups share no member, so nothing is gained by any other choice.
func (v *View) groupTolerance(present func(SID) bool) int {
	totals := v.GroupWeights()
	var costs []int // losses that turn each group over that is won now
	for g, members := range v.Groups() {
		var sum int64
		var weights []int64
		for _, sid := range members {
			if present(sid) {
				weights = append(weights, v.Weight(sid))
				sum += v.Weight(sid)
			}
		}
		if half := totals[g] / 2; totals[g] > 0 && sum > half {
			costs = append(costs, lossesUntil(half, sum, weights))
		}
	}
	tooMany := len(costs) - v.CountedGroups()/2 // so many groups fewer, and there is no quorum
	if tooMany <= 0 {
		return -1
	}
	slices.Sort(costs)
	losses := 0
	for _, c := range costs[:tooMany] {
		losses += c
	}
	return losses - 1
}

// lossesUntil is how many of weights, which make sum, must go until no more than half is left.
func lossesUntil(half, sum int64, weights []int64) int {
	slices.Sort(weights)
	n := 0
	for _, w := range slices.Backward(weights) {
		if sum <= half {
			break
		}
		sum -= w
		n++
	}
	return n
}
