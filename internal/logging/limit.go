package logging

import (
	"time"

	"electnode/internal/crowd"
	"electnode/internal/event"
	"electnode/internal/quorum"
)

// Lines of one kind are written 20 at once, and then one a second. What is left out is told by a line with the
// number, 2 s after the last one or every 10 s while it goes on. What happens to the node, its elections and its
// leader, and what is an error, is always written.
const (
	kindBurst = 20
	kindEvery = time.Second
	leftEnded = 2 * time.Second
	leftEvery = 10 * time.Second
	// maxKinds is how many kinds are told apart, of all nodes: some eighty for each member of an ensemble.
	maxKinds = 8192
)

// lineKind is what lines are counted by: a closed set, for each node and each member.
type lineKind struct {
	node   quorum.SID
	msg    string
	reason string
	peer   quorum.SID // a member; NoSID: all strangers together
}

// kindState is what was written of a kind, and what was left out and is not told yet.
type kindState struct {
	written     crowd.Bucket
	left        uint64
	first, last time.Time // of what was left out
}

// limiter says which lines are written. The goroutine of the sink owns it.
type limiter struct {
	kinds   map[lineKind]*kindState
	pending int // of them with something that is not told yet
}

// leftOut reports whether the line of st, with that message, is one too many, and counts it.
func (l *limiter) leftOut(st event.Stamped, msg string, member func(quorum.SID) bool) bool {
	reason, peer, n := bounded(st.Event)
	if n == 0 {
		return false
	}
	stranger := event.OfStranger(st.Event, member)
	if stranger {
		peer = quorum.NoSID
	}
	switch st.Event.(type) {
	case *event.NotificationSent, *event.NotificationReceived:
		if !stranger {
			return false // whoever wants to see these wants all of them
		}
	}
	k := l.state(lineKind{st.Node, msg, reason, peer}, st.Time)
	if k.written.Take(crowd.Rate{Burst: kindBurst, Every: kindEvery}, st.Time) {
		return false
	}
	if k.left == 0 {
		k.first = st.Time
		l.pending++
	}
	k.left, k.last = k.left+n, st.Time
	return true
}

func (l *limiter) state(kind lineKind, now time.Time) *kindState {
	k := l.kinds[kind]
	if k != nil {
		return k
	}
	if len(l.kinds) >= maxKinds {
		for other, state := range l.kinds {
			if state.left == 0 && state.written.Full(crowd.Rate{Burst: kindBurst, Every: kindEvery}, now) {
				delete(l.kinds, other)
			}
		}
		if len(l.kinds) >= maxKinds {
			kind = lineKind{msg: kind.msg} // all that is left over of a message
			if k = l.kinds[kind]; k != nil {
				return k
			}
		}
	}
	k = &kindState{}
	l.kinds[kind] = k
	return k
}

// due is when k is to be told; zero: nothing was left out.
func (k *kindState) due() time.Time {
	if k.left == 0 {
		return time.Time{}
	}
	if ended := k.last.Add(leftEnded); ended.Before(k.first.Add(leftEvery)) {
		return ended
	}
	return k.first.Add(leftEvery)
}

// next is when something is to be told; zero: never.
func (l *limiter) next() time.Time {
	var first time.Time
	if l.pending == 0 {
		return first
	}
	for _, k := range l.kinds {
		if at := k.due(); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// report gives what is due at now, or all of it.
func (l *limiter) report(now time.Time, all bool, tell func(node quorum.SID, ev event.LinesLeftOut)) {
	if l.pending == 0 {
		return
	}
	for kind, k := range l.kinds {
		if at := k.due(); at.IsZero() || !all && now.Before(at) {
			continue
		}
		ev := event.LinesLeftOut{Line: kind.msg, Reason: kind.reason, Count: k.left}
		k.left = 0
		l.pending--
		tell(kind.node, ev)
	}
}

// bounded says by what lines of ev are counted, beside their message, and for how many things one stands; 0: they
// are always written.
func bounded(ev event.Event) (reason string, peer quorum.SID, n uint64) {
	switch ev := ev.(type) {
	case event.HandshakeRejected:
		return ev.Port + " " + ev.Reason, quorum.NoSID, 1 + ev.More
	case event.HandshakeCompleted:
		return "", ev.Peer, 1
	case event.ConnectionAttempt:
		return ev.Result, ev.Peer, 1
	case event.ConnectionTieBreak:
		return string(ev.Outcome), ev.Peer, 1
	case event.ConnectionUp:
		return "", ev.Peer, 1
	case event.ConnectionDown:
		return ev.Reason, ev.Peer, 1
	case event.ConfigSeen:
		if ev.Adopted {
			return "", 0, 0
		}
		return "", ev.Peer, 1
	case event.PeerResolved:
		return "", ev.Peer, 1
	case event.FollowerJoined:
		return "", ev.Peer, 1
	case event.FollowerLost:
		return ev.Reason, ev.Peer, 1
	case event.HistoryRefused:
		return "", ev.Peer, 1
	case event.RequestRefused:
		return ev.Type, ev.Peer, 1
	case *event.NotificationSent:
		return string(ev.Cause), ev.Peer, 1
	case *event.NotificationReceived:
		return string(ev.Outcome), ev.Peer, 1
	}
	return "", 0, 0
}
