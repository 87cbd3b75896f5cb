package queue

import (
	"sync"
	"time"

	"electnode/internal/crowd"
	"electnode/internal/event"
	"electnode/internal/quorum"
)

// Rejections of one port for one reason are told one by one so long, and then so often. What comes between is told
// together with the next of its kind, a second later at the latest: a flood of them becomes a few events, and the
// number stays exact.
const (
	rejectedBurst = 64
	rejectedEvery = 100 * time.Millisecond
	mergePatience = time.Second
)

// merger makes one event of many rejections of hand-shakes. Safe from any goroutine.
type merger struct {
	out event.Sink

	mu    sync.Mutex // guards what follows; not held while out records
	kinds map[rejection]*merged
	timer *time.Timer // runs while something waits
	armed bool        // timer runs; it is not begun anew by a kind that begins to wait later than another one
}

// rejection is a kind of rejections: a closed set.
type rejection struct {
	node         quorum.SID
	port, reason string
}

// merged is what was not told yet of one kind.
type merged struct {
	allowance crowd.Bucket
	last      event.Stamped
	waiting   uint64
}

func newMerger(out event.Sink) *merger {
	m := &merger{out: out, kinds: map[rejection]*merged{}}
	m.timer = time.AfterFunc(time.Hour, m.flush)
	m.timer.Stop()
	return m
}

// record tells s, of which ev is the event, together with what waits of its kind, or lets it wait.
func (m *merger) record(s event.Stamped, ev event.HandshakeRejected) {
	if m.wait(&s, ev) {
		return
	}
	m.out.Record(s)
}

// wait reports whether s has to wait, and otherwise gives it those that do.
func (m *merger) wait(s *event.Stamped, ev event.HandshakeRejected) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	kind := rejection{s.Node, ev.Port, ev.Reason}
	k := m.kinds[kind]
	if k == nil {
		k = &merged{}
		m.kinds[kind] = k
	}
	if !k.allowance.Take(crowd.Rate{Burst: rejectedBurst, Every: rejectedEvery}, s.Time) {
		k.last = *s
		if k.waiting++; !m.armed {
			m.armed = true
			m.timer.Reset(mergePatience)
		}
		return true
	}
	if k.waiting > 0 {
		ev.More += k.waiting
		s.Event, k.waiting, k.last = ev, 0, event.Stamped{}
	}
	return false
}

// flush tells all that waits.
func (m *merger) flush() {
	m.mu.Lock()
	m.armed = false
	var all []event.Stamped
	for _, k := range m.kinds {
		if k.waiting == 0 {
			continue
		}
		ev, _ := k.last.Event.(event.HandshakeRejected) // nothing else waits
		ev.More += k.waiting - 1
		k.last.Event = ev
		all = append(all, k.last)
		k.waiting, k.last = 0, event.Stamped{}
	}
	m.mu.Unlock()
	for _, s := range all {
		m.out.Record(s)
	}
}

// close tells what waits and stops the timer.
func (m *merger) close() {
	m.timer.Stop()
	m.flush()
}
