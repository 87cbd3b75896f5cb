package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"electnode/internal/event"
	"electnode/internal/invariant"
	"electnode/internal/quorum"
)

// Options says what kind of world it is. Zero durations and probabilities mean no such fault.
type Options struct {
	View *quorum.View
	Tick time.Duration // tickTime of every node [200 ms]

	Loss      float64       // of an election message
	Duplicate float64       // of an election message
	Busy      float64       // of the inputs from links, that the server has no time for yet: it applies them together with later ones
	DelayMax  time.Duration // of a message or packet [5 ms]
	InOrder   bool          // election messages of a connection arrive in their order, as they do over TCP

	Crashes    time.Duration // mean time between crashes of some node
	Partitions time.Duration // mean time between changes of who reaches whom
	Breaks     time.Duration // mean time between broken connections
	TornWrites float64       // of the writes, ending in a crash
	Downtime   time.Duration // longest time until a crashed node is back [3 s]

	Transcript bool // keep the last part of the history as text, which takes as long as all the rest
}

// World is one ensemble and its surroundings. It is used from one goroutine.
type World struct {
	opt   Options
	rng   *rand.Rand
	seed  uint64
	start time.Time
	now   time.Time
	queue agenda

	nodes  []*server // by ascending sid
	cut    map[pair]bool
	links  map[pair]*link // key has the smaller sid first
	conns  map[connKey]*conn
	connID uint64

	faults bool
	check  *invariant.Checker
	lines  []string // the last of the transcript
	sink   event.Sink
	err    error
}

// pair is a direction between two servers, or an unordered pair with the smaller sid first.
type pair struct{ from, to quorum.SID }

func unordered(a, b quorum.SID) pair {
	if a > b {
		a, b = b, a
	}
	return pair{a, b}
}

// New makes a world in which every server has just been started. The sink may be nil; it takes the
// events of all nodes.
func New(seed uint64, opt Options, sink event.Sink) *World {
	if opt.Tick <= 0 {
		opt.Tick = 200 * time.Millisecond
	}
	if opt.DelayMax <= 0 {
		opt.DelayMax = 5 * time.Millisecond
	}
	if opt.Downtime <= 0 {
		opt.Downtime = 3 * time.Second
	}
	start := time.Unix(1_700_000_000, 0)
	w := &World{opt: opt, rng: rand.New(rand.NewPCG(seed, 0x656c6563746e6f64)), seed: seed, start: start,
		now: start, cut: map[pair]bool{}, links: map[pair]*link{}, conns: map[connKey]*conn{},
		faults: true, sink: sink}
	w.check = invariant.New(opt.View, 0)
	for _, m := range opt.View.Members() {
		s := newServer(w, m.SID)
		w.nodes = append(w.nodes, s)
		w.after(w.upTo(50*time.Millisecond), func() { s.boot() })
	}
	w.scheduleFaults()
	return w
}

// Run lets d pass. It stops early when something that must always hold does not; Check tells.
func (w *World) Run(d time.Duration) {
	end := w.now.Add(d)
	for w.err == nil {
		at, ok := w.queue.next()
		if !ok || at > end.UnixNano() {
			break
		}
		w.now = time.Unix(0, at)
		w.queue.take()()
	}
	if w.err == nil {
		w.now = end
	}
}

// Heal ends all faults: every link works, every crashed node comes back, nothing is lost any more.
func (w *World) Heal() {
	w.faults = false
	w.cut = map[pair]bool{}
	w.opt.Loss, w.opt.Duplicate, w.opt.TornWrites = 0, 0, 0
	w.log("healed")
	for _, c := range w.sortedConns() {
		if c.stalled {
			c.breakDown("healed network, broken connection")
		}
	}
	for _, s := range w.nodes {
		if s.core == nil {
			s.boot()
		}
	}
}

// Check says what did not hold: an invariant on the way or, after Heal and some time, agreement of all
// nodes on one established leader.
func (w *World) Check() error {
	if w.err != nil {
		return w.err
	}
	return w.agreed()
}

// Agreed reports whether all running nodes have the same established leader and epoch.
func (w *World) agreed() error {
	var first *server
	for _, s := range w.nodes {
		switch {
		case s.core == nil:
			return fmt.Errorf("server %d is down", s.sid)
		case s.leader.Epoch == 0:
			return fmt.Errorf("server %d has no established leader: %s", s.sid, s.describe())
		case first == nil:
			first = s
		case s.leader != first.leader:
			return fmt.Errorf("server %d has %+v, server %d has %+v", s.sid, s.leader, first.sid, first.leader)
		}
	}
	return nil
}

// Counts says how much happened so far.
func (w *World) Counts() invariant.Counts { return w.check.Counts() }

// Transcript is the last part of the history, for a failing test; empty unless Options ask for it.
func (w *World) Transcript() string { return strings.Join(w.lines, "\n") }

// Now is the world's time since it began.
func (w *World) Now() time.Duration { return w.now.Sub(w.start) }

func (w *World) fail(format string, args ...any) { w.hold(fmt.Errorf(format, args...)) }

// hold notes that something does not hold that must, if there is an error.
func (w *World) hold(err error) {
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("at %s: %w", w.Now(), err)
		w.log("VIOLATION %v", w.err)
	}
}

const maxLines = 400

func (w *World) log(format string, args ...any) {
	if !w.opt.Transcript {
		return
	}
	if len(w.lines) >= 2*maxLines {
		w.lines = append(w.lines[:0], w.lines[maxLines:]...)
	}
	w.lines = append(w.lines, fmt.Sprintf("%10.3fms ", float64(w.Now().Microseconds())/1000)+fmt.Sprintf(format, args...))
}

// after has do done when d has passed.
func (w *World) after(d time.Duration, do func()) {
	w.queue.add(w.now.Add(d), do)
}

// upTo is a random duration in [0, d).
func (w *World) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(w.rng.Int64N(int64(d)))
}

func (w *World) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

func (w *World) server(sid quorum.SID) *server {
	for _, s := range w.nodes {
		if s.sid == sid {
			return s
		}
	}
	return nil
}

// reaches reports whether bytes from one server arrive at the other.
func (w *World) reaches(from, to quorum.SID) bool { return !w.cut[pair{from, to}] }

func (w *World) bothWays(a, b quorum.SID) bool { return w.reaches(a, b) && w.reaches(b, a) }
