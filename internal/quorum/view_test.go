package quorum

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// members makes n participants with the ids from 1.
func members(n int) []Member {
	var all []Member
	for i := 1; i <= n; i++ {
		all = append(all, Member{SID: SID(i), Addresses: []Address{{"h", 1, 2}}})
	}
	return all
}

func mustView(t interface{ Fatal(...any) }, s Spec) *View {
	v, err := NewView(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func setOf(ids ...SID) Set {
	s := Set{}
	for _, id := range ids {
		s.Add(id)
	}
	return s
}

// withObserver turns the last member into an observer.
func withObserver(all []Member) []Member {
	all[len(all)-1].Role = Observer
	return all
}

func TestServers(t *testing.T) {
	five, four := mustView(t, Spec{Members: members(5)}), mustView(t, Spec{Members: withObserver(members(6))[2:]})
	for want, views := range map[int][]*View{0: {nil}, 5: {five, nil}, 4: {four}, 6: {five, four}} {
		if got := Servers(views...); got != want {
			t.Errorf("%d servers in %v, want %d", got, views, want)
		}
	}
}

func TestIsQuorum(t *testing.T) {
	three := Spec{Members: members(9), Groups: map[int64][]SID{1: {1, 2, 3}, 2: {4, 5, 6}, 3: {7, 8, 9}}}
	two := Spec{Members: members(4), Groups: map[int64][]SID{1: {1, 2}, 2: {3, 4}}}
	uneven := Spec{Members: members(5), Groups: map[int64][]SID{1: {1, 2, 3}, 2: {4, 5}},
		Weights: map[SID]int64{1: 3, 2: 1, 3: 1, 4: 2, 5: 2}}
	zero := Spec{Members: members(5), Groups: map[int64][]SID{1: {1, 2, 3}, 2: {4, 5}},
		Weights: map[SID]int64{4: 0, 5: 0}}
	five := Spec{Members: members(10), Groups: map[int64][]SID{1: {1, 2}, 2: {3, 4}, 3: {5, 6}, 4: {7, 8}, 5: {9, 10}},
		Weights: map[SID]int64{9: 0, 10: 0}}
	observed := Spec{Members: withObserver(members(4)), Groups: map[int64][]SID{1: {1, 2, 3}}}
	for _, c := range []struct {
		name string
		spec Spec
		acks []SID
		want bool
	}{
		{"majority of 1", Spec{Members: members(1)}, []SID{1}, true},
		{"majority of 2", Spec{Members: members(2)}, []SID{1}, false},
		{"majority of 4", Spec{Members: members(4)}, []SID{1, 2}, false},
		{"majority of 5", Spec{Members: members(5)}, []SID{1, 2, 9}, false},
		{"majority of 5", Spec{Members: members(5)}, []SID{1, 2, 3}, true},
		{"majority of 13", Spec{Members: members(13)}, []SID{1, 2, 3, 4, 5, 6}, false},
		{"majority with an observer", Spec{Members: withObserver(members(4))}, []SID{1, 4}, false},
		{"nobody", Spec{Members: members(1)}, nil, false},
		{"no members", Spec{}, []SID{1}, false},
		{"three groups", three, []SID{1, 2, 4, 5}, true},
		{"three groups, five votes in one and a half", three, []SID{1, 2, 3, 4, 7}, false},
		{"three groups, one each", three, []SID{1, 4, 7}, false},
		{"three groups", three, []SID{1, 2, 7, 8}, true},
		{"two groups of two", two, []SID{1, 2, 3}, false},
		{"two groups of two", two, []SID{1, 2, 3, 4}, true},
		{"weights", uneven, []SID{1, 4, 5}, true},
		{"weights", uneven, []SID{1, 4}, false},
		{"weights", uneven, []SID{2, 3, 4, 5}, false},
		{"a weightless group", zero, []SID{1, 2}, true},
		{"a weightless group", zero, []SID{4, 5}, false},
		{"a weightless group", zero, []SID{1, 4, 5}, false},
		{"four groups count", five, []SID{1, 2, 3, 4, 5, 6}, true},
		{"four groups count", five, []SID{1, 2, 3, 4, 5}, false},
		{"observer outside", observed, []SID{1, 2}, true},
		{"observer outside", observed, []SID{1, 4}, false},
	} {
		if got := mustView(t, c.spec).IsQuorum(setOf(c.acks...).Has); got != c.want {
			t.Errorf("%s %v: %t", c.name, c.acks, got)
		}
	}
}

// specs draws ensembles with up to 7 members, by majority or with up to 3 groups.
func specs(hierarchical bool) *rapid.Generator[Spec] {
	return rapid.Custom(func(t *rapid.T) Spec {
		s := Spec{Members: members(rapid.IntRange(1, 7).Draw(t, "members")), Version: Version(rapid.Int64Range(0, 1<<40).Draw(t, "version"))}
		for i := 1; i < len(s.Members); i++ {
			s.Members[i].Role = Role(rapid.IntRange(0, 1).Draw(t, "role"))
		}
		if !hierarchical {
			return s
		}
		s.Groups, s.Weights = map[int64][]SID{}, map[SID]int64{}
		for i, m := range s.Members {
			if m.Role == Observer {
				continue
			}
			g := rapid.Int64Range(1, 3).Draw(t, "group")
			s.Groups[g] = append(s.Groups[g], m.SID)
			if w := rapid.Int64Range(-1, 3).Draw(t, "weight"); w >= 0 || i == 0 {
				s.Weights[m.SID] = max(w, 1-int64(min(i, 1)))
			}
		}
		return s
	})
}

// TestQuorumsIntersect: any two quorums of one view share a voter, and more votes never undo a quorum.
func TestQuorumsIntersect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := mustView(t, specs(rapid.Bool().Draw(t, "hierarchical")).Draw(t, "spec"))
		acks := rapid.SliceOf(rapid.SampledFrom(append(slices.Clone(v.Voters()), 99)))
		a, b := setOf(acks.Draw(t, "a")...), setOf(acks.Draw(t, "b")...)
		both := func(sid SID) bool { return a.Has(sid) || b.Has(sid) }
		if v.IsQuorum(a.Has) && !v.IsQuorum(both) {
			t.Fatalf("%s\n%v is a quorum, with %v it is not", v.Text(), a.Sorted(), b.Sorted())
		}
		if !v.IsQuorum(a.Has) || !v.IsQuorum(b.Has) {
			return
		}
		for _, sid := range v.Voters() {
			if a.Has(sid) && b.Has(sid) {
				return
			}
		}
		t.Fatalf("%s\n%v and %v are quorums", v.Text(), a.Sorted(), b.Sorted())
	})
}

// TestEverybodyIsAQuorum: all voters together always are one, nobody never is.
func TestEverybodyIsAQuorum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := mustView(t, specs(rapid.Bool().Draw(t, "hierarchical")).Draw(t, "spec"))
		if !v.IsQuorum(v.IsVoter) || v.IsQuorum(Set{}.Has) {
			t.Fatalf("%s", v.Text())
		}
		if back, err := ParseText(v.Text(), ParseOptions{}); err != nil || !back.Equal(v) {
			t.Fatalf("%s became %v, %v", v.Text(), back, err)
		}
	})
}

func TestNewViewRefuses(t *testing.T) {
	one := []Address{{"h", 1, 2}}
	for mention, s := range map[string]Spec{
		"server.1: given twice":      {Members: append(members(2), members(1)...)},
		"is not a server id":         {Members: []Member{{SID: AnonymousSID, Addresses: one}}},
		"server.1: a server needs":   {Members: []Member{{SID: 1}}},
		"version: -1 is negative":    {Version: -1},
		"weight.1: -1 is negative":   {Members: members(1), Groups: map[int64][]SID{1: {1}}, Weights: map[SID]int64{1: -1}},
		"server 2 is in no group":    {Members: members(2), Groups: map[int64][]SID{1: {1}}},
		"server 1 is in no group":    {Members: members(2), Weights: map[SID]int64{1: 1}},
		"server 2 is in more than":   {Members: members(2), Groups: map[int64][]SID{1: {1, 2}, 2: {2}}},
		"server 1 is in more than":   {Members: members(1), Groups: map[int64][]SID{1: {1, 1}}},
		"group.1 names 9":            {Members: members(1), Groups: map[int64][]SID{1: {1, 9}}, Weights: map[SID]int64{9: 1}},
		"group.1 names 2":            {Members: withObserver(members(2)), Groups: map[int64][]SID{1: {1, 2}}},
		"no server is in it":         {Members: members(1), Groups: map[int64][]SID{1: {1}, 2: {}}},
		"no group has a weight":      {Members: members(1), Groups: map[int64][]SID{1: {1}}, Weights: map[SID]int64{1: 0}},
		"does not fit into 64 bits":  {Members: members(2), Groups: map[int64][]SID{1: {1, 2}}, Weights: map[SID]int64{1: math.MaxInt64}},
		"too large for a notificati": {Members: members(40_000)},
	} {
		v, err := NewView(s)
		if err == nil || !strings.Contains(err.Error(), mention) {
			t.Errorf("%s: %v, %v", mention, v, err)
		}
	}
}

func TestCheckVoters(t *testing.T) {
	for _, c := range []struct {
		name       string
		all        []Member
		standalone bool
		ok         bool
	}{
		{"one", members(1), true, true},
		{"one, not standalone", members(1), false, true},
		{"one and an observer", withObserver(members(2)), true, false},
		{"one and an observer, not standalone", withObserver(members(2)), false, true},
		{"an observer", withObserver(members(1)), false, false},
		{"nobody", nil, true, false},
	} {
		if err := mustView(t, Spec{Members: c.all}).CheckVoters(c.standalone); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestSameAndEqual(t *testing.T) {
	base := Spec{Members: members(3), Version: 5}
	client := Spec{Members: members(3), Version: 5}
	client.Members[0].Client = "0.0.0.0:2181"
	newer := Spec{Members: members(3), Version: 6}
	newerClient := Spec{Members: client.Members, Version: 6}
	grouped := Spec{Members: members(3), Version: 6, Groups: map[int64][]SID{1: {1, 2, 3}}}
	for _, c := range []struct {
		name        string
		o           Spec
		same, equal bool
	}{
		{"itself", base, true, true},
		{"another client address", client, true, false},
		{"newer", newer, true, false},
		{"newer with another client address", newerClient, false, false},
		{"newer with groups", grouped, false, false},
	} {
		v, o := mustView(t, base), mustView(t, c.o)
		if v.Same(o) != c.same || v.Equal(o) != c.equal {
			t.Errorf("%s: same %t, equal %t", c.name, v.Same(o), v.Equal(o))
		}
	}
}

func TestViewKeepsItsSpec(t *testing.T) {
	s := Spec{Members: members(2), Groups: map[int64][]SID{1: {2, 1}}, Weights: map[SID]int64{1: 2}}
	v := mustView(t, s)
	before := v.Text()
	s.Members[0].Addresses[0].Host, s.Groups[1][0], s.Weights[1] = "changed", 9, 0
	if got := v.render(); got != before {
		t.Errorf("%s became %s", before, got)
	}
	if v.Weight(1) != 2 || v.Weight(2) != 1 || v.Weight(9) != 0 || !v.Hierarchical() || v.CountedGroups() != 1 {
		t.Errorf("%v %v", v.Weights(), v.GroupWeights())
	}
}
