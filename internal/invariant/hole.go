package invariant

import (
	"time"

	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// Hole is a time of which a server's record may lack something: as a rule the last moments of a process that was killed.
type Hole struct {
	From, Until time.Time
	Disk        *zab.Epochs // what its disk was found to hold afterwards; nil: nobody has looked
}

// Missing notes a hole in a server's record. It is called in the order of From: a claim is judged with the holes that have
// begun by the end of its grace, however long they are.
func (c *Checker) Missing(sid quorum.SID, h Hole) error {
	err := c.pass(h.From)
	c.holes[sid] = append(c.holes[sid], h)
	return err
}

// lost reports whether something that a server did within a time may not be on record.
func (c *Checker) lost(sid quorum.SID, from, to time.Time) bool {
	return c.lostWrite(sid, from, to, func(zab.Epochs) bool { return true })
}

// lostWrite is lost for something that has left on the disk what on looks for.
func (c *Checker) lostWrite(sid quorum.SID, from, to time.Time, on func(zab.Epochs) bool) bool {
	for _, h := range c.holes[sid] {
		if !h.Until.Before(from) && !h.From.After(to) && (h.Disk == nil || on(*h.Disk)) {
			return true
		}
	}
	return false
}
