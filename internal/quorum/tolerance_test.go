package quorum

import (
	"fmt"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// voters makes a view of voters 1 to n.
func numbered(t testing.TB, n int, groups map[int64][]SID, weights map[SID]int64) *View {
	t.Helper()
	spec := Spec{Groups: groups, Weights: weights}
	for sid := range SID(n) {
		spec.Members = append(spec.Members, Member{SID: sid + 1, Addresses: []Address{
			{Host: fmt.Sprintf("h%d", sid+1), QuorumPort: 2888, ElectionPort: 3888}}})
	}
	v, err := NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// mask is the set of those voters whose bit is set, 1 being the lowest.
func mask(m uint64) func(SID) bool {
	return func(sid SID) bool { return m>>(sid-1)&1 == 1 }
}

func TestTolerance(t *testing.T) {
	type sids = []SID
	three := map[int64][]SID{1: {1, 2, 3}, 2: {4, 5, 6}, 3: {7, 8, 9}}
	two := map[int64][]SID{1: {1, 2, 3}, 2: {4, 5, 6}}
	heavy := map[SID]int64{1: 5, 2: 1, 3: 1}
	tests := []struct {
		name    string
		n       int
		groups  map[int64][]SID
		weights map[SID]int64
		present sids
		want    int
	}{
		{"one alone", 1, nil, nil, sids{1}, 0},
		{"all of three", 3, nil, nil, sids{1, 2, 3}, 1},
		{"two of three", 3, nil, nil, sids{1, 3}, 0},
		{"one of three", 3, nil, nil, sids{2}, -1},
		{"nobody", 3, nil, nil, nil, -1},
		{"all of four", 4, nil, nil, sids{1, 2, 3, 4}, 1},
		{"all of five", 5, nil, nil, sids{1, 2, 3, 4, 5}, 2},
		{"strangers do not count", 3, nil, nil, sids{1, 2, 7, 8}, 0},
		{"three groups, all there: two and two are too many", 9, three, nil, sids{1, 2, 3, 4, 5, 6, 7, 8, 9}, 3},
		{"three groups, one gone", 9, three, nil, sids{1, 2, 3, 4, 5, 6}, 1},
		{"three groups, two bare majorities", 9, three, nil, sids{1, 2, 4, 5}, 0},
		{"three groups, one majority", 9, three, nil, sids{1, 2, 3, 4, 7}, -1},
		{"two groups need both", 6, two, nil, sids{1, 2, 3, 4, 5, 6}, 1},
		{"one heavy voter decides", 3, map[int64][]SID{1: {1, 2, 3}}, heavy, sids{1, 2, 3}, 0},
		{"without the heavy one", 3, map[int64][]SID{1: {1, 2, 3}}, heavy, sids{2, 3}, -1},
		{"no weight, no difference", 3, map[int64][]SID{1: {1, 2, 3}}, map[SID]int64{3: 0}, sids{1, 2, 3}, 0},
		{"the cheapest groups fall first", 9, map[int64][]SID{1: {1, 2, 3, 4, 5}, 2: {6, 7, 8}, 3: {9}}, nil,
			sids{1, 2, 3, 4, 5, 6, 7, 8, 9}, 2},
		{"a group without weight does not count", 4, map[int64][]SID{1: {1, 2, 3}, 2: {4}},
			map[SID]int64{4: 0}, sids{1, 2, 3, 4}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			present := Set{}
			for _, sid := range tt.present {
				present.Add(sid)
			}
			view := numbered(t, tt.n, tt.groups, tt.weights)
			for range 20 { // groups come in any order
				if got := view.Tolerance(present.Has); got != tt.want {
					t.Fatalf("tolerance of %v is %d, want %d", tt.present, got, tt.want)
				}
			}
		})
	}
}

// byTrying is the tolerance by its definition: every loss is tried.
func byTrying(v *View, present uint64) int {
	worst := bits.OnesCount64(present) + 1
	for left := present; ; left = (left - 1) & present {
		if !v.IsQuorum(mask(left)) {
			worst = min(worst, bits.OnesCount64(present&^left))
		}
		if left == 0 {
			return worst - 1
		}
	}
}

func TestToleranceIsWhatTryingFinds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(rt, "voters")
		var groups map[int64][]SID
		var weights map[SID]int64
		if rapid.Bool().Draw(rt, "hierarchical") {
			groups, weights = map[int64][]SID{}, map[SID]int64{1: 1}
			for sid := range SID(n) {
				g := rapid.Int64Range(1, 4).Draw(rt, "group")
				groups[g] = append(groups[g], sid+1)
				if sid > 0 {
					weights[sid+1] = rapid.Int64Range(0, 4).Draw(rt, "weight")
				}
			}
		}
		v := numbered(t, n, groups, weights)
		present := rapid.Uint64Range(0, 1<<n-1).Draw(rt, "present")
		if got, want := v.Tolerance(mask(present)), byTrying(v, present); got != want {
			rt.Fatalf("%v groups %v weights %v present %b: %d, trying finds %d", v, groups, weights, present, got, want)
		}
	})
}
