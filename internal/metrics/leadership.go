package metrics

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// leadership is what a node's events tell of the established leader. One lock, its owner's, guards it.
type leadership struct {
	self    quorum.SID
	view    *quorum.View // may be nil until the node has started
	running bool         // between NodeStarted and NodeStopped
	state   quorum.State

	known  bool // there is an established leader
	leader quorum.SID
	epoch  quorum.Epoch
	ever   bool // leader and epoch are those of the last one, if there is none now

	since      time.Time // of being leaderless
	leaderless time.Duration
	shown      time.Duration // the most that was ever told

	followers quorum.Set // voters that follow this leader
}

// Values of the failure tolerance where there is no number.
const (
	toleranceNoQuorum = -1
	toleranceUnknown  = -2
)

func (l *leadership) started(at time.Time) {
	l.settleTime(at)
	l.running, l.known, l.state = true, false, quorum.Looking
	l.followers = quorum.Set{}
}

func (l *leadership) stopped(at time.Time) {
	l.settleTime(at)
	l.running, l.known = false, false
	l.followers = quorum.Set{}
}

// changed notes the node's state; whoever followed before follows anew.
func (l *leadership) changed(to quorum.State) {
	l.state = to
	l.followers = quorum.Set{}
}

// established reports whether leader or epoch is another than the last one's; the first is no change.
func (l *leadership) established(at time.Time, ev event.LeaderEstablished) bool {
	l.settleTime(at)
	change := l.ever && (ev.Leader != l.leader || ev.Epoch != l.epoch)
	l.known, l.ever, l.leader, l.epoch = true, true, ev.Leader, ev.Epoch
	return change
}

func (l *leadership) lost(at time.Time) {
	l.settleTime(at)
	l.known = false
}

// settleTime adds the leaderless time up to at, from where it is counted on.
func (l *leadership) settleTime(at time.Time) {
	l.leaderless += l.lasting(at)
	if at.After(l.since) {
		l.since = at
	}
}

// lasting is how long the node has been leaderless since the last time it was added.
func (l *leadership) lasting(now time.Time) time.Duration {
	if !l.running || l.known {
		return 0
	}
	return max(now.Sub(l.since), 0)
}

// seconds is the leaderless time up to now. It never goes back: an event may be stamped a moment before
// the scrape that it comes after, and a counter that falls looks like one that began again.
func (l *leadership) seconds(now time.Time) float64 {
	l.shown = max(l.shown, l.leaderless+l.lasting(now))
	return l.shown.Seconds()
}

// role is the part that this node has under the established leader.
func (l *leadership) role() string {
	switch {
	case l.leader == l.self:
		return roleLeader
	case l.state == quorum.Observing:
		return roleObserver
	default:
		return roleFollower
	}
}

// needs reports whether there should be an election connection with sid: it is a member, and one of the two is a voter.
func (l *leadership) needs(sid quorum.SID) bool {
	if l.view == nil {
		return false
	}
	_, member := l.view.Member(sid)
	return member && (l.view.IsVoter(sid) || l.view.IsVoter(l.self))
}

func (l *leadership) joined(ev event.FollowerJoined) {
	if !ev.Observer && l.view != nil && l.view.IsVoter(ev.Peer) {
		l.followers.Add(ev.Peer)
	}
}

func (l *leadership) left(ev event.FollowerLost) { delete(l.followers, ev.Peer) }

// tolerance is how many more voters this leader may lose. Somebody else's is unknown here.
func (l *leadership) tolerance() int {
	switch {
	case !l.running || l.known && l.leader != l.self:
		return toleranceUnknown
	case !l.known || l.view == nil:
		return toleranceNoQuorum
	}
	return l.view.Tolerance(func(sid quorum.SID) bool { return sid == l.self || l.followers.Has(sid) })
}
