package watch

import (
	"cmp"
	"maps"
	"slices"

	"electnode/internal/quorum"
)

// sorted lists the servers by ascending sid.
func (c *core) sorted() []*server {
	return slices.SortedFunc(maps.Values(c.servers), func(a, b *server) int { return cmp.Compare(a.SID, b.SID) })
}

func (c *core) linkOf(sid quorum.SID) *asking {
	i := slices.IndexFunc(c.asked, func(a *asking) bool { return a.sid == sid })
	if i < 0 || sid == quorum.NoSID {
		return nil
	}
	return c.asked[i]
}

func (c *core) anyUp() bool {
	for _, s := range c.servers {
		if s.Up {
			return true
		}
	}
	return false
}

// seedsAwake reports whether targets that are no known server are asked: until a server of the ensemble has
// answered, and after none did for a while. A server keeps one connection of a watcher only, so one that was
// asked as itself and as a target would close each for the other.
func (c *core) seedsAwake() bool {
	return c.view == nil || c.heard.IsZero() || !c.anyUp() && c.now.Sub(c.heard) >= seedRest
}

// reconcile makes the links those that are needed now.
func (c *core) reconcile() {
	if len(c.servers) == 0 {
		c.enlist()
	}
	c.asked = slices.DeleteFunc(c.asked, func(a *asking) bool {
		if c.needed(a) {
			return false
		}
		c.out.stop = append(c.out.stop, a.id)
		return true
	})
	for _, s := range c.sorted() {
		if s.SID >= c.self || c.posing() {
			if s.Up || s.LastFailure != FailSID {
				c.down(s, c.errSID(s.SID))
			}
			continue
		}
		s.Addresses = c.whereIs(s.SID)
		s.ClientAddress = c.clientOf(s)
		c.want(s.SID, nil, s.Addresses)
	}
	for _, d := range c.seeds {
		d.Asked = d.member == quorum.NoSID && c.seedsAwake() && !c.posing()
		if d.Asked {
			c.want(quorum.NoSID, d, []string{d.address})
		}
	}
}

// needed reports whether a link is still of use.
func (c *core) needed(a *asking) bool {
	if c.posing() {
		return false
	}
	if a.sid == quorum.NoSID {
		return a.seed.member == quorum.NoSID && c.seedsAwake()
	}
	return c.servers[a.sid] != nil && a.sid < c.self
}

// posing reports whether the watcher's own sid is that of a server: those that it asks would take it for that one.
func (c *core) posing() bool {
	if c.view == nil {
		return false
	}
	_, member := c.view.Member(c.self)
	return member
}

// clientOf is the client port of s as it says itself, or else as the configuration in force does.
func (c *core) clientOf(s *server) string {
	for _, v := range []*quorum.View{s.said, c.view} {
		if v == nil {
			continue
		}
		if m, ok := v.Member(s.SID); ok && m.Client != "" {
			return clientAddress(m, s.Addresses)
		}
	}
	return ""
}

func (c *core) whereIs(sid quorum.SID) []string {
	if c.view == nil {
		return []string{c.pinned[sid]}
	}
	m, _ := c.view.Member(sid)
	return c.addressesOf(m)
}

// want asks for a link with a server or, d not nil, with a target; or changes the one that is there.
func (c *core) want(sid quorum.SID, d *seed, addresses []string) {
	i := slices.IndexFunc(c.asked, func(a *asking) bool {
		return a.sid == sid && (sid != quorum.NoSID || a.seed == d)
	})
	if i < 0 {
		c.nextLink++
		c.asked = append(c.asked, &asking{id: c.nextLink, sid: sid, seed: d})
		i = len(c.asked) - 1
	}
	a := c.asked[i]
	fresh := a.addresses == nil
	renamed := a.sid != quorum.NoSID && a.seed != nil
	if renamed {
		a.seed = nil // from now on it is the server's
	}
	if !fresh && !renamed && slices.Equal(a.addresses, addresses) {
		return
	}
	a.addresses = append([]string{}, addresses...)
	c.out.links = append(c.out.links, want{id: a.id, sid: a.sid, addresses: a.addresses})
}
