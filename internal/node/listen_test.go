package node

import (
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
)

// TestQuorumPortThatCannotBeBound: told are the addresses that are not bound and no others, and whether they are tried again.
func TestQuorumPortThatCannotBeBound(t *testing.T) {
	const good, bad = "10.0.0.1:2888", "10.9.9.9:2888"
	for _, c := range []struct {
		listen []string
		want   []event.ListenFailed // but for Detail
	}{
		{[]string{good, bad}, []event.ListenFailed{{Address: bad, Port: event.PortQuorum, Final: true}}},
		{[]string{bad}, []event.ListenFailed{{Address: bad, Port: event.PortQuorum}, {Address: bad, Port: event.PortQuorum}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			network := memnet.New()
			view, err := quorum.NewView(quorum.Spec{Members: []quorum.Member{{SID: 1,
				Addresses: []quorum.Address{{Host: "10.0.0.1", QuorumPort: 2888, ElectionPort: 3888}}}}})
			if err != nil {
				t.Fatal(err)
			}
			cl := newCluster(t, view, func(quorum.SID) qcm.Network { return network.Host("10.0.0.1") })
			defer cl.stopAll()
			cl.adjust = func(_ quorum.SID, o *Options) { o.QuorumListen = c.listen }
			cl.start(1)
			time.Sleep(700 * time.Millisecond)
			var got []event.ListenFailed
			for _, s := range cl.seen() {
				if ev, ok := s.Event.(event.ListenFailed); ok {
					if ev.Detail == "" {
						t.Error("no reason")
					}
					ev.Detail = ""
					got = append(got, ev)
				}
			}
			if len(c.want) > 1 && len(got) > 2 {
				got = got[:2] // it is tried again for as long as it takes
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%q: %s", c.listen, diff)
			}
		})
	}
}
