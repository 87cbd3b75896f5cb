package growth

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// Tally is a sink that counts what an ensemble sends in an election, and knows how far it has come. Safe from any
// goroutine.
type Tally struct {
	frame int // bytes of a notification on the wire: all that a voter sends have the same text

	mu      sync.Mutex // guards what follows
	since   time.Time  // of the last Reset
	counts  Counts
	sent    map[quorum.SID]int
	follows map[quorum.SID]zab.Established // whom each server knows to be established
	changed chan struct{}                  // closed and renewed when follows changes, and at a Reset
}

// Counts is what happened since the last Reset.
type Counts struct {
	Sent     int // notifications, of all servers
	MostSent int // of the server that sent most
	Bytes    int // of notifications on the election port, without TCP's
	Decided  int // decisions; more than there are servers: some had to decide again
	Failed   int // dials that did not succeed

	Causes   map[event.SendCause]int // of notifications
	Rejected map[string]int          // hand-shakes that were turned away, by reason
}

// NewTally makes a tally for servers with that view.
func NewTally(view *quorum.View) *Tally {
	first := fle.New(fle.Options{Self: view.Voters()[0], View: view}).Start(time.Unix(0, 0), event.ReasonStart, 0, 0)
	t := &Tally{follows: map[quorum.SID]zab.Established{}}
	if len(first.Sends) > 0 { // else there is nobody to tell
		t.frame = len(qcm.AppendFrame(nil, first.Sends[0].Frame))
	}
	t.Reset()
	return t
}

// Reset begins to count anew.
func (t *Tally) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts = Counts{Causes: map[event.SendCause]int{}, Rejected: map[string]int{}}
	t.sent, t.since = map[quorum.SID]int{}, time.Now()
	t.wake()
}

// wake tells those who wait. The caller holds the lock.
func (t *Tally) wake() {
	if t.changed != nil {
		close(t.changed)
	}
	t.changed = make(chan struct{})
}

// Record implements event.Sink.
func (t *Tally) Record(s event.Stamped) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch ev := s.Event.(type) {
	case *event.NotificationSent:
		t.counts.Sent++
		t.counts.Causes[ev.Cause]++
		t.sent[s.Node]++
	case event.ElectionDecided:
		t.counts.Decided++
	case event.ConnectionAttempt:
		if ev.Result != event.DialConnected {
			t.counts.Failed++
		}
	case event.HandshakeRejected:
		t.counts.Rejected[ev.Reason]++
	case event.LeaderEstablished:
		t.follows[s.Node] = zab.Established{Leader: ev.Leader, Epoch: ev.Epoch}
		t.wake()
	case event.LeaderLost:
		delete(t.follows, s.Node)
		t.wake()
	}
}

// Counts is what happened since the last Reset.
func (t *Tally) Counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts
	for _, n := range t.sent {
		c.MostSent = max(c.MostSent, n)
	}
	c.Bytes, c.Causes, c.Rejected = c.Sent*t.frame, maps.Clone(c.Causes), maps.Clone(c.Rejected)
	return c
}

// Await waits until a leader above an epoch is established by its own word and servers know it, itself included: 1 is the
// moment of its establishment. It gives the leader and the time since the last Reset.
func (t *Tally) Await(ctx context.Context, above quorum.Epoch, servers int) (zab.Established, time.Duration, error) {
	for {
		t.mu.Lock()
		leader, know := t.newest(above)
		took, changed := time.Since(t.since), t.changed
		t.mu.Unlock()
		if know >= servers {
			return leader, took, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return leader, took, fmt.Errorf("%d of %d servers know a leader above epoch %d after %s: %w", know, servers, above, took, ctx.Err())
		}
	}
}

// newest is the leader of the highest epoch above one, by its own word, and how many servers know it. The caller holds the
// lock.
func (t *Tally) newest(above quorum.Epoch) (leader zab.Established, know int) {
	for sid, est := range t.follows {
		if est.Leader == sid && est.Epoch > above {
			leader, above = est, est.Epoch
		}
	}
	if leader.Epoch == 0 {
		return leader, 0
	}
	for _, est := range t.follows {
		if est == leader {
			know++
		}
	}
	return leader, know
}
