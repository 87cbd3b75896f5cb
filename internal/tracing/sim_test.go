package tracing

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/sim"
	"electnode/internal/traceid"
)

// world is a simulated ensemble whose nodes are traced.
type world struct {
	*sim.World
	view    *quorum.View
	nodes   map[quorum.SID]*builder
	now     time.Time
	shown   []shown
	dropped uint64
	told    map[quorum.SID][]*told
}

// shown is a span with whose it is, and when it was given out.
type shown struct {
	span
	node quorum.SID
	out  time.Time
}

// told is an election as the events of its node tell it.
type told struct {
	info        traceid.Info
	start, over time.Time // over is zero while it runs
	aborted     bool
}

func newWorld(seed uint64, opt sim.Options) *world {
	w := &world{view: opt.View, nodes: map[quorum.SID]*builder{}, told: map[quorum.SID][]*told{}}
	trackers := map[quorum.SID]*traceid.Tracker{}
	for _, m := range opt.View.Members() {
		w.nodes[m.SID] = newBuilder(m.SID, opt.View, fixed(seed<<8|uint64(m.SID)), func(s span) {
			w.shown = append(w.shown, shown{s, m.SID, w.now})
		}, func(n uint64) { w.dropped += n })
		trackers[m.SID] = &traceid.Tracker{}
	}
	w.World = sim.New(seed, opt, event.SinkFunc(func(s event.Stamped) {
		w.advance(s.Time)
		w.tell(s, trackers[s.Node].Observe(s))
		if !w.nodes[s.Node].take(s) {
			panic("no place for " + s.Event.Name())
		}
	}))
	return w
}

// advance ticks whoever has something to do until then, in the order of time.
func (w *world) advance(until time.Time) {
	for {
		var next *builder
		for _, m := range w.view.Members() {
			b := w.nodes[m.SID]
			if d := b.deadline(); !d.IsZero() && !d.After(until) && (next == nil || d.Before(next.deadline())) {
				next = b
			}
		}
		if next == nil {
			break
		}
		if d := next.deadline(); d.After(w.now) {
			w.now = d
		}
		next.tick(w.now)
	}
	w.now = until
}

// tell notes what the events say of elections.
func (w *world) tell(s event.Stamped, info traceid.Info) {
	list := w.told[s.Node]
	over := func(aborted bool) {
		if n := len(list); n > 0 && list[n-1].over.IsZero() {
			list[n-1].over, list[n-1].aborted = s.Time, aborted
		}
	}
	switch s.Event.(type) {
	case event.NodeStarted:
		over(true)
	case event.ElectionStarted:
		over(true)
		w.told[s.Node] = append(list, &told{info: info, start: s.Time})
	case event.LeaderEstablished:
		over(false)
		list[len(list)-1].info = info
	}
}

// end lets what waits come out.
func (w *world) end() {
	w.advance(w.now.Add(longHold))
	for _, m := range w.view.Members() {
		w.nodes[m.SID].flush(w.now)
	}
}

type key struct {
	trace traceid.Trace
	id    traceid.Span
}

// findings count what cannot always be right under faults.
type findings map[string]int

func (f findings) add(o findings) {
	for k, n := range o {
		f[k] += n
	}
}

// check tests what must always hold, and counts the rest.
func (w *world) check(t testing.TB) findings {
	t.Helper()
	byID := map[key]shown{}
	roots := map[traceid.Trace][]shown{}
	for _, s := range w.shown {
		k := key{s.trace, s.id}
		if old, ok := byID[k]; ok {
			t.Errorf("%s: span %s twice: %s of %d and %s of %d", s.trace, s.id, old.name, old.node, s.name, s.node)
		}
		byID[k] = s
		if s.parent == (traceid.Span{}) {
			roots[s.trace] = append(roots[s.trace], s)
		}
		if s.trace == (traceid.Trace{}) || s.id == (traceid.Span{}) || s.end.Before(s.start) || s.out.Before(s.end) {
			t.Errorf("%s of %d: %+v", s.name, s.node, s)
		}
	}
	for tr, of := range roots {
		if len(of) != 1 || of[0].id != traceid.Root(tr) || of[0].name != nameElection {
			t.Errorf("trace %s has %d roots, the first: %s of %d", tr, len(of), of[0].name, of[0].node)
		}
	}
	for node, list := range w.told {
		for _, e := range list {
			w.checkElection(t, node, e, byID)
		}
	}
	return w.checkParents(t, byID)
}

// checkElection looks for the spans of one election.
func (w *world) checkElection(t testing.TB, node quorum.SID, e *told, byID map[key]shown) {
	t.Helper()
	provisional := e.info.Provisional()
	part, visible := byID[key{provisional, traceid.Root(provisional)}]
	lasted := w.now.Sub(e.start)
	if !e.over.IsZero() {
		lasted = e.over.Sub(e.start)
	}
	limit := traceid.Patience + postponement
	switch {
	case (lasted > limit || e.aborted) && (!visible || part.failed == "" || part.node != node):
		t.Errorf("election %d of %d lasted %s and is not visible: %+v", e.info.Number, node, lasted, part)
	case lasted > limit && part.out.Sub(e.start) > limit:
		t.Errorf("election %d of %d was visible after %s", e.info.Number, node, part.out.Sub(e.start))
	}
	if e.over.IsZero() || e.aborted {
		return
	}
	trace := e.info.Trace()
	root := byID[key{trace, traceid.Root(trace)}]
	owner := e.info.Leader
	if e.info.Kind == traceid.KindJoining {
		owner = node
		to := traceid.Election(e.info.Ensemble, e.info.Epoch)
		if !slices.Contains(root.links, link{to, traceid.Root(to), linkJoined}) {
			t.Errorf("%d joined epoch %d without a link to it: %v", node, e.info.Epoch, root.links)
		}
	}
	if root.node != owner {
		t.Errorf("the root of epoch %d is %d's, want %d's", e.info.Epoch, root.node, owner)
	}
	mine := func(s shown) bool {
		return s.node == node && s.trace == trace && s.name == nameElection && s.failed == ""
	}
	if !slices.ContainsFunc(w.shown, mine) {
		t.Errorf("election %d of %d is not in the trace of epoch %d", e.info.Number, node, e.info.Epoch)
	}
}

// sentBy reports whether a message was shown as sent by then, be it in another trace: that of a part of the election
// which had to be shown before it came to an end, while the message was sent again later.
func (w *world) sentBy(id traceid.Span, then time.Time) bool {
	return slices.ContainsFunc(w.shown, func(s shown) bool { return s.name == nameSend && s.id == id && !s.start.After(then) })
}

// checkParents looks at every span and its parent.
func (w *world) checkParents(t testing.TB, byID map[key]shown) findings {
	t.Helper()
	f := findings{"spans": len(w.shown)}
	for _, s := range w.shown {
		if s.name == nameReceive {
			f["receives"]++
		}
		if s.name == nameReceive && s.remote {
			f["receives under their sends"]++
		}
		if s.name == nameElection && s.failed != "" {
			f["failed elections"]++
		}
		if s.parent == (traceid.Span{}) {
			continue
		}
		p, ok := byID[key{s.trace, s.parent}]
		switch {
		case !ok:
			f["orphans"]++
			f["orphans: "+s.name]++
		case s.start.Before(p.start):
			f["early"]++
			f["early: "+s.name+" under "+p.name]++
		}
		if !ok {
			continue
		}
		if s.remote != (s.node != p.node) {
			t.Errorf("%s of %d under %s of %d, remote %v", s.name, s.node, p.name, p.node, s.remote)
		}
		early := s.start.Before(p.start) && !w.sentBy(p.id, s.start)
		if s.name == nameReceive && s.remote && (p.name != nameSend || early) {
			t.Errorf("a receive of %d under %s of %d, %s later", s.node, p.name, p.node, s.start.Sub(p.start))
		}
	}
	return f
}

// shapes are ensembles of all sizes, by seed.
func shape(t testing.TB, seed uint64) *quorum.View {
	return view(t, []int{3, 5, 1, 4, 7}[seed%5], int(seed/5%3))
}

// TestCalmWorlds: without faults, every span has its parent, and none begins before it.
func TestCalmWorlds(t *testing.T) {
	total, strict := findings{}, 0
	for seed := range uint64(calmSeeds) {
		w := newWorld(seed, sim.Options{View: shape(t, seed)})
		w.Run(10 * time.Second)
		if err := w.Check(); err != nil {
			t.Fatal(err)
		}
		w.end()
		f := w.check(t)
		total.add(f)
		if w.dropped > 0 || f["early"] > 0 {
			t.Errorf("%d dropped, %v", w.dropped, f)
		}
		// Who gives a decision up and begins again has not told the others which of its elections they heard.
		if f["failed elections"] == 0 {
			strict++
			if f["orphans"] > 0 {
				t.Errorf("orphans: %v", f)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d of %d worlds without a failed election; %v", strict, calmSeeds, total)
	if strict < calmSeeds/2 || total["orphans"]*200 > total["receives"] || total["receives under their sends"] < total["receives"]*9/10 {
		t.Errorf("too much went astray: %v", total)
	}
}

// TestFaultyWorlds: whatever happens, each trace has one root and it is the right node's, and every election
// is visible while it lasts. What was received from a node that crashed, or gave its election up, may be in
// no trace that has its send: that is counted.
func TestFaultyWorlds(t *testing.T) {
	crashes := sim.Options{DelayMax: 5 * time.Millisecond, Crashes: 12 * time.Second, Downtime: 6 * time.Second}
	harsh := sim.Options{DelayMax: 5 * time.Millisecond, Crashes: 3 * time.Second, Partitions: 2 * time.Second,
		Breaks: time.Second, TornWrites: 0.02}
	lossy := harsh
	lossy.Loss, lossy.Duplicate, lossy.DelayMax = 0.2, 0.1, 100*time.Millisecond
	for _, kind := range []struct {
		name    string
		opt     sim.Options
		orphans int // in a thousand receives, at most
	}{
		{"crashes", crashes, 60},
		{"crashes, partitions and broken connections", harsh, 100},
		{"and lost, repeated and late messages", lossy, 140},
	} {
		t.Run(kind.name, func(t *testing.T) {
			total := findings{}
			for seed := range uint64(faultySeeds) {
				opt := kind.opt
				opt.View = shape(t, seed)
				w := newWorld(seed, opt)
				w.Run(30 * time.Second)
				w.Heal()
				w.Run(20 * time.Second)
				if err := w.Check(); err != nil {
					t.Fatal(err)
				}
				w.end()
				total.add(w.check(t))
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
			for _, k := range slices.Sorted(maps.Keys(total)) {
				t.Logf("%6d %s", total[k], k)
			}
			if total["orphans"]*1000 > total["receives"]*kind.orphans || total["early"]*1000 > 2*total["spans"] {
				t.Error("too much went astray")
			}
		})
	}
}

// TestSameEventsSameSpans: a world that runs twice is shown in the same way.
func TestSameEventsSameSpans(t *testing.T) {
	run := func() string {
		w := newWorld(7, sim.Options{View: shape(t, 7), Crashes: time.Second, Loss: 0.1})
		w.Run(20 * time.Second)
		w.end()
		return fmt.Sprintf("%+v", w.shown)
	}
	if run() != run() {
		t.Error("two runs of the same world differ")
	}
}
