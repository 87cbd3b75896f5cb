package invariant

import (
	"time"

	"electnode/internal/quorum"
)

// hole is a time of which a server's record may lack something: as a rule the last moments of a process that was killed.
type hole struct{ from, until time.Time }

// Missing notes that what a server did from one instant until another may not be on record. It is called in the order
// of from: a claim is judged with the holes that have begun by then.
func (c *Checker) Missing(from, until time.Time, sid quorum.SID) error {
	err := c.pass(from)
	c.holes[sid] = append(c.holes[sid], hole{from, until})
	return err
}

// lost reports whether something that a server did within a time may not be on record.
func (c *Checker) lost(sid quorum.SID, from, to time.Time) bool {
	for _, h := range c.holes[sid] {
		if !h.until.Before(from) && !h.from.After(to) {
			return true
		}
	}
	return false
}
