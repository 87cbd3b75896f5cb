package watch

import (
	"maps"
	"slices"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// verdict is what the answers say of the ensemble as a whole.
type verdict struct {
	has      bool
	ever     bool
	leader   quorum.SID // of the last one if has is false
	epoch    quorum.Epoch
	round    quorum.Round // the leader's
	stepped  bool         // the last leader was seen in another state since, or not to run
	reign    time.Time    // when the leader was first seen to be elected
	base     quorum.Epoch // before the leader: its own must be above it to be established
	lookers  quorum.Epoch // the highest that a server named while it was LOOKING, since reign
	proven   bool         // the leader is established, as far as can be seen
	since    time.Time
	changes  uint64
	blind    bool
	conflict []quorum.SID
	unseen   quorum.SID // whom a quorum follows though it is out of sight; NoSID: nobody
	behind   time.Time  // since when

	tried      bool // every voter was asked once
	leaderless bool
	from       time.Time     // of leaderless
	total      time.Duration // before from
}

// judge brings the verdict up to date.
func (c *core) judge() {
	if c.view == nil {
		c.verdict.blind = true
		return
	}
	v := &c.verdict
	old := *v
	v.conflict = c.leading()
	if sid := c.followed(); sid != v.unseen || sid == quorum.NoSID {
		v.unseen, v.behind = sid, c.now
	}
	v.blind = !c.view.IsQuorum(c.up) || c.overlooks()
	v.tried = v.tried || !slices.ContainsFunc(c.view.Voters(), func(sid quorum.SID) bool { return !c.servers[sid].tried })
	if s := c.servers[v.leader]; v.ever && s != nil && (s.story.gone || s.Up && s.State != quorum.Leading) {
		v.stepped = true
	}
	var leader *server
	for _, sid := range v.conflict {
		if c.view.IsQuorum(func(voter quorum.SID) bool { return c.follows(voter, sid) }) {
			leader = c.servers[sid]
		}
	}
	if len(v.conflict) < 2 {
		v.conflict = nil
	}
	switch {
	case leader != nil:
		c.led(leader)
	case v.has:
		c.lost()
	case v.since.IsZero():
		v.since = c.now
	}
	c.count()
	if v.has != old.has || v.leader != old.leader || v.blind != old.blind || v.leaderless != old.leaderless ||
		!slices.Equal(v.conflict, old.conflict) {
		c.out.changed = true
	}
}

// leading lists the voters in sight that say LEADING and name themselves, ascending.
func (c *core) leading() []quorum.SID {
	var all []quorum.SID
	for _, sid := range c.view.Voters() {
		if s := c.servers[sid]; s.Up && s.State == quorum.Leading && s.Vote.Leader == sid {
			all = append(all, sid)
		}
	}
	return all
}

func (c *core) up(sid quorum.SID) bool { s := c.servers[sid]; return s != nil && s.Up }

// follows reports whether a voter is in sight, settled, and names leader.
func (c *core) follows(voter, leader quorum.SID) bool {
	s := c.servers[voter]
	return s.Up && (s.State == quorum.Following || s.State == quorum.Leading) && s.Vote.Leader == leader
}

// followed is the voter that a quorum follows though it is out of sight, and not known to have ended; NoSID: none.
func (c *core) followed() quorum.SID {
	for _, sid := range c.view.Voters() {
		if s := c.servers[sid]; !s.Up && s.tried && !s.ended &&
			c.view.IsQuorum(func(voter quorum.SID) bool { return voter == sid || c.follows(voter, sid) }) {
			return sid
		}
	}
	return quorum.NoSID
}

// overlooks reports whether there is a leader that only the watcher does not see: servers do not follow one that is gone
// for that long.
func (c *core) overlooks() bool {
	return c.verdict.unseen != quorum.NoSID && c.now.Sub(c.verdict.behind) >= provenAfter
}

// led notes that s leads.
func (c *core) led(s *server) {
	v := &c.verdict
	same := v.leader == s.SID && !v.stepped && s.Round <= v.round
	if v.has && same {
		v.epoch, v.round = s.Vote.PeerEpoch, s.Round
		return
	}
	if v.has {
		c.lost() // to another server, or to itself in a later round
	}
	if v.ever && !same {
		v.changes++
	}
	if !same || !v.ever {
		v.base, v.lookers = v.lookers, quorum.MinEpoch
		if v.ever {
			v.base = max(v.base, v.epoch)
		}
		v.reign, v.proven = c.now, false
	}
	var after time.Duration
	if v.leaderless {
		after = c.now.Sub(v.from)
	}
	v.has, v.ever, v.stepped, v.since = true, true, false, c.now
	v.leader, v.epoch, v.round = s.SID, s.Vote.PeerEpoch, s.Round
	c.tell(c.self, event.LeaderEstablished{Leader: v.leader, Epoch: v.epoch, After: after})
}

// lost notes that the leader is none any more, or cannot be seen to be one.
func (c *core) lost() {
	v := &c.verdict
	v.has, v.since = false, c.now
	e := event.LeaderLost{Leader: v.leader, Epoch: v.epoch, Reason: event.ReasonLeaderLost}
	switch s := c.servers[v.leader]; {
	case s == nil:
		e.Reason, e.Detail = event.ReasonConfigChange, "it is in no configuration any more"
	case !s.Up:
		e.Detail = "out of sight: " + s.FailureDetail
	case s.State != quorum.Leading:
		e.Detail = "it says " + s.State.String()
	default:
		e.Reason, e.Detail = event.ReasonQuorumLost, "no quorum names it in its round any more"
	}
	c.tell(c.self, e)
}

// count keeps the leaderless time.
func (c *core) count() {
	v := &c.verdict
	leaderless := !v.has && v.tried && !c.overlooks() && slices.ContainsFunc(c.view.Voters(), func(sid quorum.SID) bool {
		return c.servers[sid].Up || c.servers[sid].ended
	})
	if leaderless == v.leaderless {
		return
	}
	if v.leaderless {
		v.total += c.now.Sub(v.from)
	}
	v.leaderless, v.from = leaderless, c.now
}

// status is a copy of what is known. Its leaderless time is that before LeaderlessSince.
func (c *core) status() Status {
	v := &c.verdict
	st := Status{View: c.view, HasLeader: v.has, EverLed: v.ever, Leader: v.leader, Epoch: v.epoch, Since: v.since,
		Leaderless: v.leaderless, LeaderlessTotal: v.total, LeaderChanges: v.changes,
		Conflicting: slices.Clone(v.conflict), Blind: v.blind}
	if v.leaderless {
		st.LeaderlessSince = v.from
	}
	for _, s := range c.sorted() {
		o := s.Server
		o.Failures = maps.Clone(s.Failures)
		o.Addresses = slices.Clone(s.Addresses)
		o.Stale = s.Up && (s.State == quorum.Following || s.State == quorum.Observing) && !c.leads(s.Vote.Leader)
		st.Servers = append(st.Servers, o)
	}
	for _, d := range c.seeds {
		if d.member == quorum.NoSID {
			st.Seeds = append(st.Seeds, d.Seed)
		}
	}
	return st
}

// leads reports whether sid is in sight and says LEADING.
func (c *core) leads(sid quorum.SID) bool { return c.up(sid) && c.servers[sid].State == quorum.Leading }
