package node

import (
	"time"

	"electnode/internal/fle"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// CoreStatus is a copy of a core's state for those who show it.
type CoreStatus struct {
	SID   quorum.SID
	Role  quorum.Role
	State quorum.State
	Since time.Time // of the state

	// Established is the leader in office as far as this server knows; Epoch 0: none.
	// EstablishedSince is since when it is known, or since when none is.
	Established      zab.Established
	EstablishedSince time.Time
	// Leaderless is the time without an established leader since the start, up to now.
	Leaderless time.Duration

	Epochs   zab.Epochs
	LastZxid quorum.Zxid
	Election fle.Status
	Zab      zab.Status // of the running role; zero while LOOKING
	View     *quorum.View
}

// Status copies the state; only the owner of the core may call it.
func (c *Core) Status(now time.Time) CoreStatus {
	s := CoreStatus{SID: c.opt.Election.Self, State: c.state, Since: c.since, EstablishedSince: c.estSince,
		Epochs: c.epochs, LastZxid: c.opt.Role.LastZxid, Election: c.election.Status(), View: c.view}
	if m, ok := c.view.Member(s.SID); ok {
		s.Role = m.Role
	}
	s.Leaderless = c.leaderless
	if c.established != nil {
		s.Established = *c.established
	} else {
		s.Leaderless += now.Sub(c.estSince)
	}
	if r, ok := c.role.(interface{ Status() zab.Status }); ok {
		s.Zab = r.Status()
	}
	return s
}
