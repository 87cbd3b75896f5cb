package quorum

import (
	"maps"
	"slices"
)

// Set is a set of server ids.
type Set map[SID]struct{}

// Add puts sid into the set.
func (s Set) Add(sid SID) { s[sid] = struct{}{} }

// Has reports whether sid is in the set; it fits View.IsQuorum.
func (s Set) Has(sid SID) bool { _, ok := s[sid]; return ok }

// Sorted lists the ids, ascending.
func (s Set) Sorted() []SID { return slices.Sorted(maps.Keys(s)) }
