package quorum

import (
	"cmp"
	"fmt"
	"slices"
)

// Role says whether a member votes.
type Role uint8

// The two roles of a member.
const (
	Participant Role = iota
	Observer
)

// String prints the role as server lines have it.
func (r Role) String() string {
	if r == Observer {
		return "observer"
	}
	return "participant"
}

// Address is one address of a member: a host as configured (IP literals normalised) and its two ports.
type Address struct {
	Host         string
	QuorumPort   int
	ElectionPort int
}

// Member is one server line.
type Member struct {
	SID       SID
	Role      Role
	Addresses []Address // at least one; in the order of the configuration text
	// Client is "host:port" of the client port, or empty. ClientStatic says that it came from clientPort
	// in zoo.cfg and so stays out of the configuration text.
	Client       string
	ClientStatic bool
}

// Spec is what a view is made of. Groups nil means majority quorums; otherwise weights count per group.
type Spec struct {
	Version Version
	Members []Member
	Groups  map[int64][]SID
	Weights map[SID]int64 // of those that have a weight line; participants without one weigh 1
}

// View is one configuration of an ensemble, checked and unchangeable: who is a member, who votes, and
// which sets of voters are a quorum. Safe for use by many goroutines.
type View struct {
	spec      Spec
	byID      map[SID]int
	voters    []SID
	observers []SID
	groupOf   map[SID]int64
	totals    map[int64]int64 // group -> weight of all its members
	counted   int             // groups with a weight above 0
	text      string
}

// NewView checks s and makes a view of it. The error names every problem at once, as Problems. An empty
// view (no members) is legal here, because a received text may have none; it has no quorum.
// Rules: QuorumMaj and QuorumHierarchical.
// Differs from ZooKeeper: what D5 and D7 in docs/configuration.md list is refused, and so are weights whose sum
// does not fit into 64 bits and a configuration that no notification could carry.
func NewView(s Spec) (*View, error) {
	v := &View{spec: s, byID: make(map[SID]int, len(s.Members))}
	v.spec.Members = slices.Clone(s.Members)
	slices.SortStableFunc(v.spec.Members, func(a, b Member) int { return cmp.Compare(a.SID, b.SID) })
	var bad problemList
	if s.Version < 0 {
		bad.add(0, "version", "version: %d is negative", s.Version)
	}
	for i := range v.spec.Members {
		v.enlist(i, &bad)
	}
	if s.Groups != nil || s.Weights != nil {
		v.buildGroups(&bad)
	}
	if len(bad.all) > 0 {
		return nil, bad.err()
	}
	if v.text = v.render(); len(v.text) > MaxText {
		return nil, &Problem{Text: "the configuration is too large for a notification"}
	}
	return v, nil
}

// enlist checks the member at place i and puts it among voters or observers.
func (v *View) enlist(i int, bad *problemList) {
	m := &v.spec.Members[i]
	key := "server." + m.SID.String()
	if m.SID == AnonymousSID {
		bad.add(0, key, "%s: %s is not a server id", key, Quote(m.SID.String()))
	}
	if len(m.Addresses) == 0 {
		bad.add(0, key, "%s: a server needs an address", key)
	}
	if _, twice := v.byID[m.SID]; twice {
		bad.add(0, key, "%s: given twice", key)
		return
	}
	v.byID[m.SID] = i
	m.Addresses = slices.Clone(m.Addresses)
	sortAddresses(m.Addresses)
	if m.Role == Participant {
		v.voters = append(v.voters, m.SID)
	} else {
		v.observers = append(v.observers, m.SID)
	}
}

// CheckVoters says what is wrong with the number of voters; standalone is standaloneEnabled. A view with
// no member has no voter. Rule: QuorumPeerConfig.parseDynamicConfig.
func (v *View) CheckVoters(standalone bool) error {
	switch {
	case len(v.voters) == 0:
		return &Problem{Text: "no participant among the servers"}
	case len(v.voters) == 1 && len(v.observers) > 0 && standalone:
		return &Problem{Text: "one participant with observers needs standaloneEnabled=false"}
	}
	return nil
}

// Version is the version of this configuration.
func (v *View) Version() Version { return v.spec.Version }

// Members lists all members by ascending sid. The caller must not change it.
func (v *View) Members() []Member { return v.spec.Members }

// Member is the member with this sid, if there is one.
func (v *View) Member(sid SID) (Member, bool) {
	i, ok := v.byID[sid]
	if !ok {
		return Member{}, false
	}
	return v.spec.Members[i], true
}

// Servers is how many servers are in any of the views, of which some may be nil.
func Servers(views ...*View) int {
	all := Set{}
	for _, v := range views {
		if v != nil {
			for _, m := range v.Members() {
				all.Add(m.SID)
			}
		}
	}
	return len(all)
}

// HasMember reports whether sid is in any of the views, of which some may be nil.
func HasMember(sid SID, views ...*View) bool {
	return slices.ContainsFunc(views, func(v *View) bool {
		if v == nil {
			return false
		}
		_, ok := v.Member(sid)
		return ok
	})
}

// Voters lists the participants by ascending sid. The caller must not change it.
func (v *View) Voters() []SID { return v.voters }

// Observers lists the members that do not vote, by ascending sid. The caller must not change it.
func (v *View) Observers() []SID { return v.observers }

// IsVoter reports whether sid is a participant of this view.
func (v *View) IsVoter(sid SID) bool {
	i, ok := v.byID[sid]
	return ok && v.spec.Members[i].Role == Participant
}

// Majority is the number of voters that make a quorum under majority rule.
func (v *View) Majority() int { return len(v.voters)/2 + 1 }

// IsQuorum reports whether the voters for which has is true are a quorum of this view; non-voters are
// never asked. The empty set never is one. Rules: QuorumMaj.containsQuorum, QuorumHierarchical.containsQuorum.
func (v *View) IsQuorum(has func(SID) bool) bool {
	if v.groupOf == nil {
		n := 0
		for _, sid := range v.voters {
			if has(sid) {
				n++
			}
		}
		return n >= v.Majority()
	}
	won := 0
	for g, members := range v.spec.Groups {
		var sum int64
		for _, sid := range members {
			if has(sid) {
				sum += v.Weight(sid)
			}
		}
		if v.totals[g] > 0 && sum > v.totals[g]/2 {
			won++
		}
	}
	return won > v.counted/2
}

// Text is the configuration text that notifications carry: see text.go for its form.
func (v *View) Text() string { return v.text }

// String prints who is in the view, for logs and transcripts.
func (v *View) String() string {
	return fmt.Sprintf("voters %v observers %v version %s", v.voters, v.observers, v.spec.Version)
}
