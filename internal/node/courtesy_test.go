package node

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/qcm"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
)

// TestComeBackToMany: the smallest of many servers comes back to an ensemble that runs, of which nobody knows that it is there again.
// It dials a few of them, hears that the ensemble runs, and is led at once, not when its courtesy is over: on a network that takes no
// time all of this takes none.
func TestComeBackToMany(t *testing.T) {
	const voters = 21
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		host := func(sid quorum.SID) string { return fmt.Sprintf("10.0.0.%d", sid) }
		var spec quorum.Spec
		var all []quorum.SID
		for sid := quorum.SID(1); sid <= voters; sid++ {
			all = append(all, sid)
			spec.Members = append(spec.Members, quorum.Member{SID: sid,
				Addresses: []quorum.Address{{Host: host(sid), QuorumPort: 2888, ElectionPort: 3888}}})
		}
		view, err := quorum.NewView(spec)
		if err != nil {
			t.Fatal(err)
		}
		c := newCluster(t, view, func(sid quorum.SID) qcm.Network { return net.Host(host(sid)) })
		c.start(all...)
		leader := c.established(0, all...)
		c.stop(1)
		time.Sleep(time.Second) // on fake time: everybody knows that it is gone
		mark, began := c.mark(), time.Now()
		c.start(1)
		if again := c.established(mark, 1); again.Leader != leader.Leader || again.Epoch != leader.Epoch {
			t.Errorf("it came back to %+v, not %+v", again, leader)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %s", took)
		}
	})
}
