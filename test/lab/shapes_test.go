package lab

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// shape says which directions between servers are cut.
type shape struct {
	name    string
	servers int
	cut     map[pair]bool
}

// directed lists all ways to cut some of the directions between 3 servers.
func directed() []shape {
	all := []pair{{1, 2}, {2, 1}, {1, 3}, {3, 1}, {2, 3}, {3, 2}}
	var shapes []shape
	for bits := range 1 << len(all) {
		s := shape{name: fmt.Sprintf("directed-%02d", bits), servers: 3, cut: map[pair]bool{}}
		for i, p := range all {
			if bits&(1<<i) != 0 {
				s.cut[p] = true
			}
		}
		shapes = append(shapes, s)
	}
	return shapes
}

// splits lists all ways to divide servers 1 to n into sides; side[i] is that of server i+1, numbered as they appear.
func splits(n int) [][]int {
	all := [][]int{{}}
	for range n {
		var longer [][]int
		for _, side := range all {
			sides := 0
			for _, s := range side {
				sides = max(sides, s+1)
			}
			for next := range sides + 1 {
				longer = append(longer, append(slices.Clone(side), next))
			}
		}
		all = longer
	}
	return all
}

// divided lists all ways to divide 5 servers into sides that do not hear each other at all.
func divided() []shape {
	var shapes []shape
	for _, side := range splits(5) {
		shapes = append(shapes, severed("split", side, func(a, b int) bool { return a != b }))
	}
	return shapes
}

// oneWay lists all ways to divide 5 servers into two sides of which one still hears the other.
func oneWay() []shape {
	var shapes []shape
	for _, side := range splits(5) {
		if slices.Max(side) == 1 {
			shapes = append(shapes, severed("forth", side, func(a, b int) bool { return a < b }),
				severed("back", side, func(a, b int) bool { return a > b }))
		}
	}
	return shapes
}

// partial lists shapes of 5 servers in which all hear some others, but not the same: two sides with a server between them that
// hears both; two servers that do not hear each other; rings; and each single direction.
func partial() []shape {
	var shapes []shape
	for _, side := range splits(5) {
		of := map[int]int{} // how many on each side
		for _, one := range side {
			of[one]++
		}
		if len(of) != 3 || slices.Max(slices.Collect(maps.Values(of))) != 2 {
			continue
		}
		alone := slices.IndexFunc(side, func(one int) bool { return of[one] == 1 })
		middle := side[alone]
		shapes = append(shapes, severed("bridge", side, func(a, b int) bool { return a != b && a != middle && b != middle }))
	}
	for a := 1; a <= 5; a++ {
		for b := 1; b <= 5; b++ {
			if a == b {
				continue
			}
			shapes = append(shapes, shape{fmt.Sprintf("one-direction-%d-%d", a, b), 5, map[pair]bool{{a, b}: true}})
			if a < b {
				shapes = append(shapes, shape{fmt.Sprintf("one-pair-%d-%d", a, b), 5, map[pair]bool{{a, b}: true, {b, a}: true}})
			}
		}
	}
	for _, r := range rings() {
		s := shape{fmt.Sprint("ring", r), 5, map[pair]bool{}}
		for i, a := range r {
			for j, b := range r {
				if d := (i - j + 5) % 5; d == 2 || d == 3 {
					s.cut[pair{a, b}] = true
				}
			}
		}
		shapes = append(shapes, s)
	}
	return shapes
}

// rings lists all ways to put 5 servers into a ring: from server 1 on, in the direction of its smaller neighbour.
func rings() [][]int {
	var all [][]int
	var longer func(ring []int)
	longer = func(ring []int) {
		if len(ring) == 5 {
			if ring[1] < ring[4] {
				all = append(all, slices.Clone(ring))
			}
			return
		}
		for next := 2; next <= 5; next++ {
			if !slices.Contains(ring, next) {
				longer(append(slices.Clone(ring), next))
			}
		}
	}
	longer([]int{1})
	return all
}

// severed cuts what goes from one side to another where cut says so.
func severed(kind string, side []int, cut func(from, to int) bool) shape {
	s := shape{servers: len(side), cut: map[pair]bool{}}
	name := []string{kind}
	for i, a := range side {
		name = append(name, fmt.Sprint(a))
		for j, b := range side {
			if cut(a, b) {
				s.cut[pair{i + 1, j + 1}] = true
			}
		}
	}
	s.name = strings.Join(name, "-")
	return s
}

// linked reports whether two servers hear each other.
func (s shape) linked(a, b int) bool { return !s.cut[pair{a, b}] && !s.cut[pair{b, a}] }

// deaf reports whether somebody is heard by one that it does not hear.
func (s shape) deaf() bool {
	for p := range s.cut {
		if !s.cut[pair{p.to, p.from}] {
			return true
		}
	}
	return false
}

// exchanged is the shape with two servers in each other's place.
func (s shape) exchanged(a, b int) shape {
	if a == b {
		return s
	}
	place := func(x int) int {
		switch x {
		case a:
			return b
		case b:
			return a
		}
		return x
	}
	other := shape{fmt.Sprintf("%s, %d and %d exchanged", s.name, a, b), s.servers, map[pair]bool{}}
	for p := range s.cut {
		other.cut[pair{place(p.from), place(p.to)}] = true
	}
	return other
}

// leads reports whether a server hears a quorum that hears it: one that is established stays it, whatever the others hear
// of each other.
func (s shape) leads(sid int) bool {
	linked := 0
	for other := 1; other <= s.servers; other++ {
		if s.linked(sid, other) {
			linked++ // itself, too
		}
	}
	return 2*linked > s.servers
}

// mute lists the servers that cannot be established: no leader that could be is linked with them.
func (s shape) mute() []int {
	var mute []int
	for sid := 1; sid <= s.servers; sid++ {
		follows := false
		for leader := 1; leader <= s.servers; leader++ {
			follows = follows || s.leads(leader) && s.linked(sid, leader)
		}
		if !follows {
			mute = append(mute, sid)
		}
	}
	return mute
}

// reaches reports whether what one server says gets to another, be it over others.
func (s shape) reaches(from, to int) bool {
	seen := []int{from}
	for i := 0; i < len(seen); i++ {
		for next := 1; next <= s.servers; next++ {
			if !s.cut[pair{seen[i], next}] && !slices.Contains(seen, next) {
				seen = append(seen, next)
			}
		}
	}
	return slices.Contains(seen, to)
}

// vain says how often the able may elect somebody in vain: a mute one that they hear and who would win.
func (s shape) vain() vain {
	able, often := s.able(), never
	for _, sid := range s.mute() {
		if len(able) == 0 || s.clique(able) && sid < slices.Max(able) {
			continue
		}
		for _, a := range able {
			switch {
			case s.reaches(sid, a) && s.reaches(a, sid):
				return again
			case s.reaches(sid, a):
				often = once
			}
		}
	}
	return often
}

// able lists the servers that belong to a quorum of servers which all hear each other: one of them will be established.
func (s shape) able() []int {
	var able []int
	for set := range 1 << s.servers {
		var members []int
		for i := range s.servers {
			if set&(1<<i) != 0 {
				members = append(members, i+1)
			}
		}
		if 2*len(members) <= s.servers || !s.clique(members) {
			continue
		}
		for _, m := range members {
			if !slices.Contains(able, m) {
				able = append(able, m)
			}
		}
	}
	slices.Sort(able)
	return able
}

func (s shape) clique(members []int) bool {
	for _, a := range members {
		for _, b := range members {
			if a != b && !s.linked(a, b) {
				return false
			}
		}
	}
	return true
}

// TestShapes counts the shapes, and looks at who can be established in some of them.
func TestShapes(t *testing.T) {
	names := map[string]bool{}
	for _, c := range []struct {
		shapes []shape
		want   int
	}{{directed(), 64}, {divided(), 52}, {oneWay(), 30}, {partial(), 15 + 20 + 10 + 12}} {
		if len(c.shapes) != c.want {
			t.Errorf("%d shapes, want %d", len(c.shapes), c.want)
		}
		for _, s := range c.shapes {
			if names[s.name] {
				t.Errorf("%s twice", s.name)
			}
			names[s.name] = true
		}
	}
	for _, c := range []struct {
		cut  []pair
		able string
		deaf bool
	}{
		{nil, "[1 2 3]", false},
		{[]pair{{1, 2}}, "[1 2 3]", true}, // 3 hears both, and either hears 3
		{[]pair{{1, 2}, {3, 2}}, "[1 3]", true},
		{[]pair{{1, 2}, {2, 1}, {3, 2}, {2, 3}}, "[1 3]", false},
		{[]pair{{1, 2}, {2, 3}, {3, 1}}, "[]", true},
	} {
		s := shape{servers: 3, cut: map[pair]bool{}}
		for _, p := range c.cut {
			s.cut[p] = true
		}
		if able := fmt.Sprint(s.able()); able != c.able || s.deaf() != c.deaf {
			t.Errorf("%v: able %s, deaf %t", c.cut, able, s.deaf())
		}
	}
	if s := severed("split", []int{0, 1, 0, 1, 0}, func(a, b int) bool { return a != b }); fmt.Sprint(s.able()) != "[1 3 5]" {
		t.Errorf("%s: able %v", s.name, s.able())
	}
}
