package node

import (
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// TestHealAfterALongCut: servers that were cut off from each other for minutes, and know it, have a leader soon after they are not
// any more, whether all were alone or one was.
func TestHealAfterALongCut(t *testing.T) {
	for name, cuts := range map[string][][2]string{
		"all": {{"10.0.0.1", "10.0.0.2"}, {"10.0.0.1", "10.0.0.3"}, {"10.0.0.2", "10.0.0.3"}},
		"one": {{"10.0.0.1", "10.0.0.2"}, {"10.0.0.1", "10.0.0.3"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := memnet.New()
				ips := map[quorum.SID]string{1: "10.0.0.1", 2: "10.0.0.2", 3: "10.0.0.3"}
				var spec quorum.Spec
				for sid, ip := range ips {
					spec.Members = append(spec.Members, quorum.Member{SID: sid, Addresses: []quorum.Address{{Host: ip, QuorumPort: 2888, ElectionPort: 3888}}})
				}
				view, err := quorum.NewView(spec)
				if err != nil {
					t.Fatal(err)
				}
				c := newCluster(t, view, func(s quorum.SID) qcm.Network { return network.Host(ips[s]) })
				defer c.stopAll()
				c.adjust = func(s quorum.SID, o *Options) { o.Quorum = zab.TransportOptions{Network: network.Host(ips[s])} }
				c.start(1, 2, 3)
				c.settle(0)
				for _, pair := range cuts {
					network.CutBoth(pair[0], pair[1])
				}
				for range 170 { // a second each: the kernel ends connections on which nothing is acknowledged
					time.Sleep(time.Second)
					for _, pair := range cuts {
						for sid, m := range c.running {
							for other, ip := range ips {
								if sid != other && (ips[sid] == pair[0] && ip == pair[1] || ips[sid] == pair[1] && ip == pair[0]) {
									m.links.Drop(other)
								}
							}
						}
					}
				}
				mark, healed := c.mark(), time.Now()
				for _, pair := range cuts {
					network.MendBoth(pair[0], pair[1])
				}
				first := c.await(mark, "a leader", func(s event.Stamped) bool {
					_, ok := s.Event.(event.LeaderEstablished)
					return ok && (name == "all" || s.Node == 1)
				})
				if took := first.Time.Sub(healed); took > 10*time.Second {
					t.Errorf("%s after the cut was healed", took)
				}
			})
		})
	}
}
