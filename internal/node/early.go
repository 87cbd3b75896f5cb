package node

import (
	"slices"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// maxEarly bounds what is kept of learners that connect before this server has decided to lead, beside two
// inputs for each member.
const maxEarly = 256

// members is how many servers are in the configurations.
func (c *Core) members() int { return quorum.Servers(c.view, c.lastSeen) }

// memberOf says who is in the configurations of now. The answer may be asked for from any goroutine, later too.
func (c *Core) memberOf() func(quorum.SID) bool {
	view, lastSeen := c.view, c.lastSeen
	return func(sid quorum.SID) bool { return quorum.HasMember(sid, view, lastSeen) }
}

// keepEarly keeps what a learner says before this server has decided to lead: that it came, and its first packet.
// A learner says nothing else before it is answered; a connection that does is closed, and so is one for which
// there is no room. Of one that ends nothing is kept.
func (c *Core) keepEarly(in zab.Input) {
	switch in.Kind {
	case zab.Opened, zab.Received:
		came := slices.ContainsFunc(c.early, func(e zab.Input) bool { return e.Conn == in.Conn })
		spoke := slices.ContainsFunc(c.early, func(e zab.Input) bool { return e.Conn == in.Conn && e.Kind == zab.Received })
		if len(c.early) >= maxEarly+2*c.members() || spoke || in.Kind == zab.Received && !came {
			c.forgetEarly(in.Conn)
			c.out.Close = append(c.out.Close, in.Conn)
			return
		}
		c.early = append(c.early, in)
	case zab.Closed:
		c.forgetEarly(in.Conn)
		if in.Reject != "" {
			c.emit(event.HandshakeRejected{Port: event.PortQuorum, Remote: in.Remote, Reason: in.Reject, Detail: in.Detail})
		}
	case zab.PortLost: // once for each listener
		c.early = append(c.early, in)
	}
}

// forgetPort closes the quorum port and all that came to it before this server's decision; keepPort opens it anew. Who was
// let in as a stranger may be a member by the configuration of now, and has to show that it may be.
func (c *Core) forgetPort() {
	if c.role == nil && c.port != portClosed {
		c.port, c.early = portClosed, nil
		c.out.OpenPort, c.out.DropRole = false, true
	}
}

func (c *Core) forgetEarly(conn zab.ConnID) {
	c.early = slices.DeleteFunc(c.early, func(e zab.Input) bool {
		return e.Conn == conn && (e.Kind == zab.Opened || e.Kind == zab.Received)
	})
}
