package qcm

import (
	"cmp"
	"slices"
	"time"

	"electnode/internal/crowd"
	"electnode/internal/quorum"
)

// Strangers are peers that are in no view: watchers, servers that are about to join or have left, and whoever
// makes up a sid. What they may cost is bounded in number, in how often they come, and in what they say.
const (
	// maxStrangerHosts is how many hosts are told apart by how often their strangers come.
	maxStrangerHosts = 256
	// Strangers of one host may come so often that all places change hands at once, and then 16 times a second.
	strangersBurst = 64
	strangersEvery = time.Second / 16
	// One stranger is read so fast: a watcher asks 20 times a second at most. What it sends beyond that waits in
	// its own connection. Differs from ZooKeeper, which reads and answers everybody as fast as it can.
	strangerFrames      = 64
	strangerFramesEvery = 20 * time.Millisecond
	// maxStrangerFrame is the largest frame of a stranger, in bytes: a notification with the configuration of 500 servers.
	// Members' may have MaxFrame, but there are only so many of them.
	maxStrangerFrame = 32 << 10
)

func newStrangerHosts() crowd.Hosts {
	return crowd.Hosts{Rate: crowd.Rate{Burst: strangersBurst, Every: strangersEvery}, Most: maxStrangerHosts}
}

// tooOften reports whether sid is a stranger's and strangers of its host have come too often by now. The caller
// holds the lock.
func (m *Manager) tooOften(sid quorum.SID, host string) bool {
	return !m.known(sid) && !m.comers.Take(host, time.Now())
}

// makeRoom sees to it that a stranger of host fits in: it takes the place of one of the host that has most, one
// that never said anything before one that did, the one that was silent longest. The caller holds the lock.
func (m *Manager) makeRoom(host string) (room bool, evicted *link) {
	all := 0
	var active []*peer
	for _, p := range m.peers {
		if m.known(p.sid) {
			continue
		}
		all++
		if !p.evicted {
			active = append(active, p)
		}
	}
	if all >= 2*m.opt.MaxUnknown {
		return false, nil
	}
	slices.SortFunc(active, func(a, b *peer) int {
		return cmp.Or(a.heard().Compare(b.heard()), cmp.Compare(a.sid, b.sid))
	})
	places := make([]crowd.Place, 0, len(active))
	for _, p := range active {
		places = append(places, crowd.Place{Host: p.host, Rank: p.proof()})
	}
	i := crowd.Bounds{All: m.opt.MaxUnknown, PerHost: min(m.opt.MaxUnknown, m.opt.MaxUnknownPerHost)}.Yields(places, host)
	if i < 0 {
		return true, nil
	}
	gone := active[i]
	gone.evicted = true
	if gone.dial != nil {
		gone.dial.cancel()
	}
	evicted, gone.link = gone.link, nil
	gone.queue, gone.last = slot{}, slot{}
	m.release(gone)
	return true, evicted
}

// proof is what a stranger has shown of itself: nothing, or a frame.
func (p *peer) proof() int {
	if p.link == nil || p.link.heard.Load() == 0 {
		return 0
	}
	return 1
}

// heard is when the peer last said something, or its link began; zero without a link.
func (p *peer) heard() time.Time {
	if p.link == nil {
		return time.Time{}
	}
	return p.link.lastHeard()
}

// maxFrame is how long a frame may be that is said to have length bytes: what it costs to ask is paid for long ones alone.
func (l *link) maxFrame(length int32) int32 {
	if length <= maxStrangerFrame {
		return MaxFrame
	}
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.m.known(l.p.sid) {
		return MaxFrame
	}
	return maxStrangerFrame
}

// pace lets a stranger's frame wait until it is its turn; members are read as fast as they write. The reader
// of the link calls it.
func (l *link) pace(b *crowd.Bucket) {
	rate := crowd.Rate{Burst: strangerFrames, Every: strangerFramesEvery}
	now := time.Now()
	if b.Take(rate, now) {
		return
	}
	l.m.mu.Lock()
	member := l.m.known(l.p.sid)
	l.m.mu.Unlock()
	if member {
		return
	}
	wait := b.Wait(rate, now)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.closed:
	}
}
