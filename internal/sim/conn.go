package sim

import (
	"cmp"
	"slices"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// connKey names one end of a connection of the quorum port.
type connKey struct {
	sid quorum.SID
	id  zab.ConnID
}

// conn is a connection of the quorum port: packets arrive in order or not at all.
type conn struct {
	w       *World
	id      zab.ConnID // the same number at both ends
	learner quorum.SID
	leader  quorum.SID
	stalled bool // the network swallows what is sent, without a word
	open    [2]bool
	arrives [2]time.Time // when the last packet on its way to the leader, to the learner arrives
}

func (w *World) sortedConns() []*conn {
	var all []*conn
	for k, c := range w.conns {
		if k.sid == c.learner {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *conn) int { return cmp.Compare(a.id, b.id) })
	return all
}

// dialLeader connects a learner with the quorum port of its leader, if that is open.
func (w *World) dialLeader(me *server, leader quorum.SID) {
	boot, role := me.boots, me.roles
	wait := w.upTo(w.opt.DelayMax)
	if !w.bothWays(me.sid, leader) {
		wait = 5 * time.Second
	}
	w.after(wait, func() {
		if me.core == nil || me.boots != boot || me.roles != role {
			return
		}
		to := w.server(leader)
		if to.core == nil || !to.portOpen || !w.bothWays(me.sid, leader) {
			me.zab(zab.Input{Kind: zab.DialError, Detail: "refused"})
			return
		}
		w.connID++
		c := &conn{w: w, id: zab.ConnID(w.connID), learner: me.sid, leader: leader, open: [2]bool{true, true}}
		w.conns[connKey{me.sid, c.id}], w.conns[connKey{leader, c.id}] = c, c
		to.zab(zab.Input{Kind: zab.Opened, Conn: c.id, Remote: me.sid.String()})
		if c.open[0] && me.core != nil {
			me.zab(zab.Input{Kind: zab.Opened, Conn: c.id, Remote: leader.String()})
		}
	})
}

// dir is 0 for the learner's end, 1 for the leader's.
func (c *conn) dir(sid quorum.SID) int {
	if sid == c.learner {
		return 0
	}
	return 1
}

func (c *conn) other(sid quorum.SID) quorum.SID {
	if sid == c.learner {
		return c.leader
	}
	return c.learner
}

// inOrder does something at the other end after what was sent before.
func (c *conn) inOrder(from quorum.SID, do func()) {
	d := c.dir(from)
	at := c.w.now.Add(c.w.upTo(c.w.opt.DelayMax))
	if at.Before(c.arrives[d]) {
		at = c.arrives[d]
	}
	c.arrives[d] = at
	c.w.after(at.Sub(c.w.now), do)
}

// send brings a packet to the other end.
func (c *conn) send(from quorum.SID, p zab.Packet) {
	if c.stalled || !c.open[c.dir(from)] {
		return
	}
	to := c.w.server(c.other(from))
	c.inOrder(from, func() {
		if !c.stalled && c.open[c.dir(to.sid)] && to.core != nil {
			to.zab(zab.Input{Kind: zab.Received, Conn: c.id, Packet: p})
		}
	})
}

// close ends one side; the other sees it after what was sent.
func (c *conn) close(from quorum.SID) {
	d := c.dir(from)
	if !c.open[d] {
		return
	}
	c.open[d] = false
	delete(c.w.conns, connKey{from, c.id})
	if !c.stalled {
		c.inOrder(from, func() { c.closed(c.other(from), "closed by the other side") })
	}
}

// closed tells one end that the connection is over.
func (c *conn) closed(sid quorum.SID, detail string) {
	d := c.dir(sid)
	if !c.open[d] {
		return
	}
	c.open[d] = false
	delete(c.w.conns, connKey{sid, c.id})
	if s := c.w.server(sid); s.core != nil {
		s.zab(zab.Input{Kind: zab.Closed, Conn: c.id, Detail: detail})
	}
}

// breakDown ends both ends.
func (c *conn) breakDown(detail string) {
	c.closed(c.learner, detail)
	c.closed(c.leader, detail)
}
