package recorder

import (
	"slices"
	"strconv"
	"sync"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/traceid"
)

// Recorder is the sink of one node, which may be started again and again within one process. Its methods are
// safe from any goroutine; Record never waits and takes no memory.
type Recorder struct {
	*pump
	*tape
	opt    Options
	shares shares

	// These belong to the recorder's goroutine.
	lines   encoder
	tracker traceid.Tracker
	view    *quorum.View // the configuration in force; nil: not known yet

	mu      sync.Mutex // guards what follows; held for one event, or for the copy of one election
	shelf   shelf
	current *recording // the last election, or what happened before the first one; nil: nothing yet
	newest  uint64     // id of the last election
	before  uint64     // what an id is above the number that the events carry
}

var _ event.Sink = (*Recorder)(nil)

// New makes a recorder and starts its goroutine; Close ends it.
func New(opt Options) *Recorder {
	opt = opt.withDefaults()
	s := opt.shares()
	r := &Recorder{tape: newTape(opt.Token, s.tape), opt: opt, shares: s,
		lines: encoder{base: opt.Base, max: s.line}}
	r.pump = newPump(opt.Queue, r.take, r.drop)
	return r
}

// Elections tells of every election that is kept, the newest first: the last ones, and of the older ones those
// that went badly. Safe from any goroutine.
func (r *Recorder) Elections() []Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.kept()
	out := make([]Summary, 0, len(all))
	for _, rec := range slices.Backward(all) {
		out = append(out, rec.about(r.opt))
	}
	return out
}

// Election is the election with this id and all that is kept of it. Safe from any goroutine.
func (r *Recorder) Election(id string) (Recording, bool) {
	r.mu.Lock()
	all := r.kept()
	i := slices.IndexFunc(all, func(rec *recording) bool { return rec.sum.ID == id })
	if i < 0 {
		r.mu.Unlock()
		return Recording{}, false
	}
	rec := all[i]
	sum, packed := rec.about(r.opt), rec.packed
	var parts [][]byte
	if !rec.over {
		parts = rec.parts()
	}
	r.mu.Unlock()
	if parts != nil {
		packed = merge(parts...)
	}
	return Recording{Summary: sum, Lines: linesOf(packed, sum.Events)}, true
}

// kept lists all elections, oldest first. The caller holds the lock.
func (r *Recorder) kept() []*recording {
	all := r.shelf.all()
	if r.current != nil && r.current.started {
		all = append(all, r.current)
	}
	return all
}

// take records one event.
func (r *Recorder) take(s event.Stamped) {
	line := r.lines.line(s)
	r.tape.write(line)
	info := r.tracker.Observe(s)
	r.adopt(s.Event)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch ev := s.Event.(type) {
	case event.NodeStarted:
		r.next()
	case event.ElectionStarted:
		// What happened before the first election of a life is its beginning. An event may overtake the start of
		// its election by a moment, if another goroutine emits it: it stands in the one before.
		r.begin(s, ev, info)
	default:
		// Only where events were lost does the number alone tell that another election began.
		if c := r.current; c != nil && c.started && c.lost > 0 && s.Election > c.sum.Election {
			r.begin(s, event.ElectionStarted{}, traceid.Info{})
		}
	}
	if r.current == nil {
		r.next()
	}
	r.current.add(s, line, event.OfStranger(s.Event, r.member))
	if r.current.started {
		r.current.follow(s, &r.tracker)
	}
}

// adopt takes over the configuration that ev brings, if it does.
func (r *Recorder) adopt(ev event.Event) {
	switch ev := ev.(type) {
	case event.NodeStarted:
		r.view = ev.View
	case event.ConfigSeen:
		if ev.View != nil {
			r.view = ev.View
		}
	}
}

// member reports whether sid belongs to the ensemble; everybody does as long as that is not known.
func (r *Recorder) member(sid quorum.SID) bool {
	if r.view == nil {
		return true
	}
	_, ok := r.view.Member(sid)
	return ok
}

// begin makes s the first event of an election. The caller holds the lock.
func (r *Recorder) begin(s event.Stamped, ev event.ElectionStarted, info traceid.Info) {
	if r.current == nil || r.current.started {
		r.next()
	}
	if r.before+s.Election <= r.newest {
		r.before = r.newest + 1 - s.Election // another life of the node, which counts from 1 again
	}
	r.newest = r.before + s.Election
	r.current.started = true
	r.current.tally = newTally(strconv.FormatUint(r.newest, 10), s, ev, info)
}

// next closes the present recording and begins another one. The caller holds the lock.
func (r *Recorder) next() {
	if old := r.current; old != nil && old.started {
		old.close(r.opt)
		r.shelf.put(old, r.shares.recent-r.shares.election, r.shares.bad)
	}
	r.current = newRecording(r.shares.election)
}

// drop notes that events were lost between those who record and the recorder's goroutine.
func (r *Recorder) drop(n uint64) {
	r.mu.Lock()
	if r.current != nil {
		r.current.lost += n
	}
	r.mu.Unlock()
	r.opt.Dropped(n)
}
