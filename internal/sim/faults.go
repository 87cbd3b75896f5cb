package sim

import (
	"time"
)

// scheduleFaults has each kind of fault happen again and again, at random times around its mean.
func (w *World) scheduleFaults() {
	again := func(mean time.Duration, fault func()) {
		if mean <= 0 {
			return
		}
		var next func()
		next = func() {
			if !w.faults {
				return
			}
			fault()
			w.after(w.upTo(2*mean), next)
		}
		w.after(w.upTo(2*mean), next)
	}
	again(w.opt.Crashes, w.crashSome)
	again(w.opt.Partitions, w.partition)
	again(w.opt.Breaks, w.breakSome)
}

// crashSome kills a server, sometimes several, the leader more often than others.
func (w *World) crashSome() {
	n := 1
	if w.chance(0.2) {
		n = 1 + w.rng.IntN(len(w.nodes))
	}
	for range n {
		victim := w.nodes[w.rng.IntN(len(w.nodes))]
		if w.chance(0.4) {
			for _, s := range w.nodes {
				if s.core != nil && s.leader.Leader == s.sid && s.leader.Epoch > 0 {
					victim = s
				}
			}
		}
		if victim.core != nil {
			victim.crash("kill -9")
		}
	}
}

// partition changes who reaches whom: into two halves, one server off, one direction, or all well.
func (w *World) partition() {
	clear(w.cut)
	switch w.rng.IntN(5) {
	case 0: // two sides
		side := map[*server]bool{}
		for _, s := range w.nodes {
			side[s] = w.chance(0.5)
		}
		for _, a := range w.nodes {
			for _, b := range w.nodes {
				if side[a] != side[b] {
					w.cut[pair{a.sid, b.sid}] = true
				}
			}
		}
	case 1: // one alone
		alone := w.nodes[w.rng.IntN(len(w.nodes))]
		for _, s := range w.nodes {
			w.cut[pair{alone.sid, s.sid}], w.cut[pair{s.sid, alone.sid}] = true, true
		}
	case 2, 3: // single directions
		for range 1 + w.rng.IntN(len(w.nodes)) {
			a, b := w.nodes[w.rng.IntN(len(w.nodes))], w.nodes[w.rng.IntN(len(w.nodes))]
			w.cut[pair{a.sid, b.sid}] = true
		}
	}
	w.log("cut %v", len(w.cut))
	for _, c := range w.sortedConns() {
		if !w.bothWays(c.learner, c.leader) {
			c.stalled = true
		} else if c.stalled {
			c.breakDown("lost packets")
		}
	}
}

// breakSome resets a connection, of either port.
func (w *World) breakSome() {
	a, b := w.nodes[w.rng.IntN(len(w.nodes))], w.nodes[w.rng.IntN(len(w.nodes))]
	if l := w.links[unordered(a.sid, b.sid)]; l != nil && l.up {
		l.breakDown()
	}
	if conns := w.sortedConns(); len(conns) > 0 {
		conns[w.rng.IntN(len(conns))].breakDown("reset")
	}
}
