package quorum

import (
	"maps"
	"slices"
)

// Equal reports whether the two views are the same in everything that a configuration text tells.
func (v *View) Equal(o *View) bool {
	return v.Version() == o.Version() && v.sameContent(o)
}

// Same reports whether ZooKeeper takes the two for one configuration: equal versions are enough,
// otherwise members, client addresses, groups and weights are compared. Rule: QuorumMaj.equals.
func (v *View) Same(o *View) bool {
	return v.Version() == o.Version() || v.sameContent(o)
}

func (v *View) sameContent(o *View) bool {
	return slices.EqualFunc(v.Members(), o.Members(), func(a, b Member) bool {
		return a.SID == b.SID && a.Role == b.Role && a.Client == b.Client &&
			slices.Equal(a.Addresses, b.Addresses)
	}) && v.Hierarchical() == o.Hierarchical() && maps.Equal(v.Weights(), o.Weights()) &&
		maps.EqualFunc(v.spec.Groups, o.spec.Groups, slices.Equal[[]SID])
}
