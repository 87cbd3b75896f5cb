package zab

import (
	"slices"

	"electnode/internal/crowd"
	"electnode/internal/event"
)

// Bounds on accepted connections that have not said their first packet, beside one for each member: all members come
// at once when they have elected, and in tests and behind a NAT from one host. The oldest of the host that has most
// gives way, so that a flood from one host crowds out itself; who has spoken never gives way to who has not.
const (
	maxUnheard        = 64
	maxUnheardPerHost = 32
	// maxLeaving is how many connections beyond MaxConns may be on their way out: the role has not heard of
	// their end yet. Nobody is accepted meanwhile.
	maxLeaving = 64
)

// unheard are the accepted connections without a first packet, oldest first. The transport's lock guards it.
type unheard []*conn

// makeRoom sees to it that one more connection of host fits in, and gives the one that has to go, to be aborted
// after unlocking; false: all places are taken by those who have spoken. The caller holds the lock.
func (t *Transport) makeRoom(host string) (victim *conn, room bool) {
	places := make([]crowd.Place, 0, len(t.unheard))
	for _, c := range t.unheard {
		places = append(places, crowd.Place{Host: c.host})
	}
	bounds := crowd.Bounds{All: maxUnheard + t.opt.Members, PerHost: maxUnheardPerHost + t.opt.Members}
	if t.accepted >= t.opt.MaxConns {
		bounds.All = len(places) // one of these goes, if there is one
	}
	i := bounds.Yields(places, host)
	if i < 0 {
		return nil, t.accepted < t.opt.MaxConns
	}
	victim = t.unheard[i]
	victim.evicted = true
	t.unheard = slices.Delete(t.unheard, i, i+1)
	t.accepted--
	return victim, true
}

// spoke notes that c has said its first packet; false: it has given way a moment ago.
func (t *Transport) spoke(c *conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heard(c)
	return !c.evicted
}

// heard takes c off the list of those that have said nothing. The caller holds the lock.
func (t *Transport) heard(c *conn) {
	if i := slices.Index(t.unheard, c); i >= 0 {
		t.unheard = slices.Delete(t.unheard, i, i+1)
	}
}

// evictedDetail stands in the event of a connection that gave way.
const evictedDetail = "more silent connections than are kept"

// gaveWay says what becomes of the end of c when it had to give way.
func (t *Transport) gaveWay(c *conn, closed *Input) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.evicted {
		closed.Reject, closed.Detail = event.RejectTooMany, evictedDetail
	}
}
