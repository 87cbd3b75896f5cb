package node

import (
	"testing"
	"time"

	"electnode/internal/quorum"
)

func TestDebugFail(t *testing.T) {
	c := newCluster(t, loopback(t, 3, 0), tcp)
	begun := time.Now()
	c.start(1, 2, 3)
	first := c.established(0, 1, 2, 3)
	mark := c.mark()
	b2 := time.Now()
	c.stop(first.Leader)
	var rest []quorum.SID
	for sid := range c.running {
		rest = append(rest, sid)
	}
	c.established(mark, rest...)
	t.Logf("took %s", time.Since(b2))
	if time.Since(b2) > 10*time.Millisecond {
		for i, e := range c.events {
			if i == mark {
				t.Logf("------------- mark")
			}
			t.Logf("%s %d %s %+v", e.Time.Sub(begun), e.Node, e.Event.Name(), e.Event)
		}
	}
}
