package watch

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// discover learns from the answer of a target without a sid: the ensemble, if none is known or all of its
// servers are out of sight, and which of its servers the target is.
func (c *core) discover(a *asking) {
	if a.said == nil {
		a.seed.Problem = a.problem
		return
	}
	a.seed.Reason, a.seed.Problem = "", ""
	if c.view == nil || c.seedsAwake() && !c.anyUp() && !sameElectorate(a.said, c.view) {
		c.adopt(a.said, quorum.NoSID)
	}
	c.identify(a)
}

// identify finds out which server a is, by its address, or because its own configuration names every address
// where it must name itself.
func (c *core) identify(a *asking) {
	sid := memberAt(c.view, a.seed.address)
	if a.seed.wild = sid == quorum.NoSID; a.seed.wild {
		sid = itself(a.said)
	}
	if _, ok := c.view.Member(sid); !ok {
		a.seed.Problem = "not an address of its configuration; SID=HOST:PORT says which server it is"
		return
	}
	a.seed.member = sid
	if c.linkOf(sid) == nil && c.pinned[sid] == "" {
		a.sid = sid
	}
	c.enlist()
}

// itself is the server that has the configuration v, if v names every address for one server, since only one may do so of
// itself; else NoSID.
func itself(v *quorum.View) quorum.SID {
	sid := quorum.NoSID
	for _, m := range v.Members() {
		switch {
		case len(electionAddresses(m)) > 0:
		case sid != quorum.NoSID:
			return quorum.NoSID
		default:
			sid = m.SID
		}
	}
	return sid
}

// mistaken is the server that answered in the place of a's, behind a target whose name leads to both; NoSID: none.
func (c *core) mistaken(a *asking, address string) quorum.SID {
	if a.said == nil || c.wildSeed(a.sid, address) == nil {
		return quorum.NoSID
	}
	if sid := itself(a.said); sid != a.sid {
		return sid
	}
	return quorum.NoSID
}

// wildSeed is the target with that address that turned out to be the server sid by nothing but what that calls itself.
func (c *core) wildSeed(sid quorum.SID, address string) *seed {
	i := slices.IndexFunc(c.seeds, func(d *seed) bool { return d.wild && d.member == sid && d.address == address })
	if i < 0 || sid == quorum.NoSID {
		return nil
	}
	return c.seeds[i]
}

// release ends the link a, which leads to another server than it is for, and takes the address from that server: one that
// is asked twice closes the connection that it had.
func (c *core) release(a *asking, address string) {
	d := c.wildSeed(a.sid, address)
	d.member, d.several = quorum.NoSID, true
	d.Problem = "its name leads to several servers; SID=HOST:PORT says where each is"
	c.asked = slices.DeleteFunc(c.asked, func(o *asking) bool { return o == a })
	c.out.stop = append(c.out.stop, a.id)
}

// memberAt is the member of v with the election address addr, or NoSID.
func memberAt(v *quorum.View, addr string) quorum.SID {
	for _, m := range v.Members() {
		if containsAddress(electionAddresses(m), addr) {
			return m.SID
		}
	}
	return quorum.NoSID
}

// containsAddress reports whether addr is one of all; names are the same in capitals.
func containsAddress(all []string, addr string) bool {
	return slices.ContainsFunc(all, func(o string) bool { return strings.EqualFold(addr, o) })
}

// foreign reports whether a's server belongs to another ensemble: of the other servers that it names, none is
// where this ensemble has one.
func (c *core) foreign(a *asking) bool {
	if c.view == nil || a.said == nil {
		return false
	}
	comparable := false
	for _, m := range c.view.Members() {
		ours := electionAddresses(m)
		o, ok := a.said.Member(m.SID)
		if m.SID == a.sid || len(ours) == 0 || ok && len(electionAddresses(o)) == 0 {
			continue
		}
		comparable = true
		if ok && slices.ContainsFunc(electionAddresses(o), func(b string) bool { return containsAddress(ours, b) }) {
			return false
		}
	}
	return comparable
}

// adoptFromServers takes over another configuration when a quorum of the voters in force says that it is the
// one, or when their leader does and it is newer. One server alone cannot lead the watcher astray.
func (c *core) adoptFromServers() {
	if c.view == nil {
		for _, s := range c.sorted() {
			if s.Up && s.said != nil {
				c.adopt(s.said, s.SID)
				return
			}
		}
		return
	}
	for _, s := range c.sorted() {
		if !s.Up || s.said == nil || same(s.said, c.view) {
			continue
		}
		led := c.verdict.has && c.verdict.leader == s.SID && s.said.Version() > c.view.Version()
		if led || c.view.IsQuorum(func(sid quorum.SID) bool { return c.says(sid, s.said) }) {
			c.adopt(s.said, s.SID)
			return
		}
	}
}

// says reports whether the server sid holds v to be the configuration.
func (c *core) says(sid quorum.SID, v *quorum.View) bool {
	s := c.servers[sid]
	return s != nil && s.Up && s.said != nil && same(s.said, v)
}

// adopt puts v in force; by is who said so.
func (c *core) adopt(v *quorum.View, by quorum.SID) {
	c.view, c.out.changed = v, true
	c.tell(c.self, event.ConfigSeen{Peer: by, Version: v.Version(), Adopted: true, View: v})
	for _, s := range c.seeds {
		if sid := memberAt(v, s.address); sid != quorum.NoSID {
			s.member, s.wild = sid, false
		} else if _, still := v.Member(s.member); !still {
			s.member = quorum.NoSID
		}
	}
	for _, a := range c.asked {
		if a.sid == quorum.NoSID && a.seed.member != quorum.NoSID && c.linkOf(a.seed.member) == nil && c.pinned[a.seed.member] == "" {
			a.sid = a.seed.member
		}
	}
	c.enlist()
	for _, s := range c.sorted() {
		if s.story.begun {
			c.tellOf(s, event.ConfigSeen{Peer: by, Version: v.Version(), Adopted: true, View: v})
		}
	}
}

// enlist makes servers the members of the view and, until there is one, the targets with a sid.
func (c *core) enlist() {
	want := map[quorum.SID]bool{}
	if c.view == nil {
		for sid := range c.pinned {
			want[sid] = true
		}
	} else {
		for _, m := range c.view.Members() {
			want[m.SID] = true
		}
	}
	for _, s := range c.sorted() {
		if want[s.SID] {
			continue
		}
		if s.story.begun {
			c.tellOf(s, event.NodeStopped{})
		}
		delete(c.servers, s.SID)
	}
	for sid := range want {
		if c.servers[sid] == nil {
			c.servers[sid] = &server{Server: Server{SID: sid, Failures: map[Reason]uint64{}}}
		}
		if c.view != nil {
			m, _ := c.view.Member(sid)
			s := c.servers[sid]
			s.Role, s.Weight, s.Group = m.Role, c.view.Weight(sid), groupOf(c.view, sid)
		}
	}
}

func groupOf(v *quorum.View, sid quorum.SID) int64 {
	for g, members := range v.Groups() {
		if slices.Contains(members, sid) {
			return g
		}
	}
	return 0
}

// addressesOf lists where m is asked: at the address of a target with its sid; else at that of a target which
// turned out to be m, and at those that most of the servers in sight give for it. A server may name every
// address in its own line; the others know where it is.
func (c *core) addressesOf(m quorum.Member) []string {
	if pin := c.pinned[m.SID]; pin != "" {
		return []string{pin}
	}
	var all []string
	for _, s := range c.seeds {
		if s.member == m.SID && !s.several {
			all = append(all, s.address)
		}
	}
	votes := map[string]int{}
	for _, s := range c.sorted() {
		if !s.Up || s.said == nil || !sameElectorate(s.said, c.view) {
			continue
		}
		if o, ok := s.said.Member(m.SID); ok && len(electionAddresses(o)) > 0 {
			votes[strings.Join(electionAddresses(o), "\n")]++
		}
	}
	configured := electionAddresses(m)
	if len(votes) > 0 {
		best := slices.MaxFunc(slices.Sorted(maps.Keys(votes)), func(a, b string) int { return cmp.Compare(votes[a], votes[b]) })
		configured = strings.Split(best, "\n") // no host has a line feed
	}
	for _, addr := range configured {
		if !slices.Contains(all, addr) {
			all = append(all, addr)
		}
	}
	return all[:min(len(all), maxAddresses)]
}

// sameElectorate reports whether two configurations have the same version, voters, observers and weights;
// addresses may differ.
func sameElectorate(a, b *quorum.View) bool {
	return a.Version() == b.Version() && slices.Equal(a.Voters(), b.Voters()) &&
		slices.Equal(a.Observers(), b.Observers()) && a.Hierarchical() == b.Hierarchical() &&
		maps.Equal(a.Weights(), b.Weights()) && maps.EqualFunc(a.Groups(), b.Groups(), slices.Equal[[]quorum.SID])
}

// same reports whether two configurations have the same electorate at the same addresses, as far as both tell
// addresses: a server may name every address in its own line.
func same(a, b *quorum.View) bool {
	return sameElectorate(a, b) && slices.EqualFunc(a.Members(), b.Members(), func(m, o quorum.Member) bool {
		mine, others := electionAddresses(m), electionAddresses(o)
		return len(mine) == 0 || len(others) == 0 || slices.Equal(mine, others)
	})
}

// errSID says why a server is not asked.
func (c *core) errSID(sid quorum.SID) *failure {
	if c.posing() {
		return &failure{reason: FailSID, err: fmt.Errorf("the watcher's own sid %d is that of a server of this ensemble, for which "+
			"the others would take it: nobody is asked before it has another", c.self)}
	}
	return &failure{reason: FailSID, err: fmt.Errorf("sid %d is not below the watcher's %d: "+
		"the server would close the connection and dial back", sid, c.self)}
}
