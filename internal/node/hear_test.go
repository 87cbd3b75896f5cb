package node

import (
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// TestVotesAtHand: of the votes that links have brought already only the one that comes of all of them is told. The node is an
// observer, which opens no port, and does not run: what it tells a peer takes the place of what waits for that peer.
func TestVotesAtHand(t *testing.T) {
	for _, voters := range []int{3, crowded} {
		view := loopback(t, voters, 1)
		synctest.Test(t, func(t *testing.T) {
			replaced := 0
			count := event.SinkFunc(func(s event.Stamped) {
				if _, ok := s.Event.(event.NotificationReplaced); ok {
					replaced++
				}
			})
			self := quorum.SID(voters + 1)
			n, err := New(Options{
				Core: CoreOptions{Election: fle.Options{Self: self, View: view},
					Role: zab.Options{Tick: time.Second, InitLimit: 5, SyncLimit: 3}},
				Links:  qcm.Options{Announce: []string{"127.0.0.1:1"}},
				Events: event.NewEmitter(self, time.Now, count),
			})
			if err != nil {
				t.Fatal(err)
			}
			n.timer = time.NewTimer(time.Hour)
			n.carryOut(t.Context(), time.Now(), n.core.Start(time.Now()))
			vote := func(sid quorum.SID) []byte {
				return fle.Append(nil, fle.Notification{Vote: quorum.Vote{Leader: sid}, Round: 1, Version: fle.CurrentVersion,
					Text: []byte(view.Text())})
			}
			for sid := quorum.SID(2); int(sid) <= voters; sid++ {
				go handler{n}.Frame(sid, vote(sid)) // ends when it is heard
			}
			synctest.Wait()
			n.hear(t.Context(), fle.Input{Kind: fle.Frame, Peer: 1, Frame: vote(1)})
			if got := n.core.election.Status().Proposal.Leader; int(got) != voters || n.core.Owes() {
				t.Errorf("%d voters: the vote is %d, and still to be told: %t", voters, got, n.core.Owes())
			}
			if replaced != voters {
				t.Errorf("%d voters: %d messages took the place of others, want one for each voter", voters, replaced)
			}
			n.timer.Stop()
			close(n.stopped)
		})
	}
}
