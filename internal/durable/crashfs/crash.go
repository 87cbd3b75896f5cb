package crashfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Kill is the end of the process, not of the machine: nothing is lost, but all open files and locks end, and
// the limit of StopAfter is gone.
func (f *FS) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newLife()
}

func (f *FS) newLife() {
	f.locks = map[string]bool{}
	f.life++
	f.stop = -1
}

// Crash is a loss of power and a new start: r chooses what of the unsynced rest is on disk. All open
// files and locks end, and the limit of StopAfter is gone.
func (f *FS) Crash(r *rand.Rand) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.root = survive(f.root, r, map[*node]*node{})
	f.newLife()
}

// survive makes what is left of n.
func survive(n *node, r *rand.Rand, seen map[*node]*node) *node {
	if s, ok := seen[n]; ok {
		return s
	}
	s := &node{dir: n.dir}
	seen[n] = s
	if !n.dir {
		s.data = survivingData(n, r)
		s.synced = slices.Clone(s.data)
		return s
	}
	left := maps.Clone(n.durable)
	for _, c := range survivingChanges(n.pending, r) {
		c.apply(left)
	}
	s.names = map[string]*node{}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		s.names[name] = survive(left[name], r, seen)
	}
	s.durable = maps.Clone(s.names)
	return s
}

// survivingData is what of a file is on disk: the old content, the new one, a part of it, or zeros.
func survivingData(n *node, r *rand.Rand) []byte {
	if slices.Equal(n.data, n.synced) {
		return slices.Clone(n.synced)
	}
	switch r.IntN(4) {
	case 0:
		return slices.Clone(n.synced)
	case 1:
		return slices.Clone(n.data)
	case 2:
		return slices.Clone(n.data[:r.IntN(len(n.data)+1)])
	default:
		return make([]byte, len(n.data))
	}
}

// survivingChanges is which changes of a directory are on disk: the first few, or any of them.
func survivingChanges(pending []change, r *rand.Rand) []change {
	if r.IntN(2) == 0 {
		return pending[:r.IntN(len(pending)+1)]
	}
	var kept []change
	for _, c := range pending {
		if r.IntN(2) == 0 {
			kept = append(kept, c)
		}
	}
	return kept
}
