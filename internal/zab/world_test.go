package zab

import (
	"cmp"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"electnode/internal/quorum"
)

// world is an ensemble in memory on one goroutine and fake time, all from one seed. It knows no votes:
// most nodes believe in the same leader, which changes now and then.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	now     time.Time
	todo    todoHeap
	seq     int
	nodes   []*simNode
	view    *quorum.View
	belief  *simNode // whom most nodes take for the leader
	faults  bool
	lastID  ConnID
	leaders map[quorum.Epoch]string // who was established
	log     strings.Builder
}

type simNode struct {
	sid   quorum.SID
	disk  Epochs
	life  int // counts roles and crashes: what was begun in an earlier life does not happen
	role  Role
	lead  bool
	conns map[ConnID]*simConn
	timer int // the newest one counts
}

func (n *simNode) String() string { return fmt.Sprintf("%d.%d", n.sid, n.life) }

// simConn is one end; delivered keeps packets of one direction in order.
type simConn struct {
	id        ConnID
	node      *simNode
	other     *simConn
	delivered time.Time
	closed    bool
}

type todo struct {
	at  time.Time
	seq int
	do  func()
}

type todoHeap []todo

func (h todoHeap) Len() int { return len(h) }
func (h todoHeap) Less(i, j int) bool {
	return cmp.Or(h[i].at.Compare(h[j].at), cmp.Compare(h[i].seq, h[j].seq)) < 0
}
func (h todoHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *todoHeap) Push(x any)   { *h = append(*h, x.(todo)) }
func (h *todoHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 42)), faults: true, leaders: map[quorum.Epoch]string{},
		now: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}
	voters, observers := sids("1,2,3"), sids("9")
	if seed%2 == 1 {
		voters = sids("1,2,3,4,5")
	}
	w.view = testView(t, 0, voters, observers)
	for _, sid := range append(voters, observers...) {
		w.nodes = append(w.nodes, &simNode{sid: sid})
	}
	w.belief = w.nodes[0]
	for _, n := range w.nodes {
		w.look(n)
	}
	w.unrest()
	return w
}

func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for len(w.todo) > 0 && !w.todo[0].at.After(end) {
		next := heap.Pop(&w.todo).(todo)
		w.now = next.at
		next.do()
	}
	w.now = end
}

func (w *world) after(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.todo, todo{w.now.Add(d), w.seq, do})
}

func (w *world) some(limit time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(limit)))
}

func (w *world) chance(p float64) bool { return w.faults && w.rng.Float64() < p }

// unrest moves belief, crashes nodes and breaks connections, for ever or until heal.
func (w *world) unrest() {
	w.after(w.some(1500*time.Millisecond), func() {
		if !w.faults {
			return
		}
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		switch w.rng.IntN(3) {
		case 0:
			w.belief = w.nodes[w.rng.IntN(len(w.nodes)-1)] // never the observer
		case 1:
			w.crash(n)
		case 2:
			for id := ConnID(0); id <= w.lastID; id++ {
				if c := n.conns[id]; c != nil {
					w.disconnect(c)
				}
			}
		}
		w.unrest()
	})
}

// heal ends all faults: everybody starts again and believes in the voter with the newest history, as an
// election would have it.
func (w *world) heal() {
	w.faults = false
	for _, n := range w.nodes {
		w.crash(n)
		if n.disk.Current >= w.belief.disk.Current && w.view.IsVoter(n.sid) {
			w.belief = n
		}
	}
	fmt.Fprintf(&w.log, "%s healed, all for %s\n", w.now.Format("05.000"), w.belief)
}

// look gives n a role after a while. In a faultless world it is the right one.
func (w *world) look(n *simNode) {
	n.life++
	n.role, n.lead, n.conns = nil, false, map[ConnID]*simConn{}
	life := n.life
	w.after(10*time.Millisecond+w.some(200*time.Millisecond), func() {
		if n.life != life {
			return
		}
		leader := w.belief
		if w.chance(0.2) {
			leader = w.nodes[w.rng.IntN(len(w.nodes)-1)]
		}
		o := Options{Self: n.sid, Leader: leader.sid, View: w.view, Observer: !w.view.IsVoter(n.sid),
			Tick: 100 * time.Millisecond, InitLimit: 10, SyncLimit: 5, Epochs: n.disk, DecidedAt: w.now}
		if n.lead = leader == n; n.lead {
			n.role = NewLeader(o)
		} else {
			n.role = NewLearner(o)
		}
		w.carryOut(n, n.role.Start(w.now))
	})
}

// crash loses everything but the disk.
func (w *world) crash(n *simNode) {
	fmt.Fprintf(&w.log, "%s %s crashes\n", w.now.Format("05.000"), n)
	w.leave(n)
}

func (w *world) leave(n *simNode) {
	for id := ConnID(0); id <= w.lastID; id++ {
		if c := n.conns[id]; c != nil {
			w.disconnect(c)
		}
	}
	w.look(n)
}

// disconnect closes both ends of a connection, each at its own time.
func (w *world) disconnect(c *simConn) {
	if c.closed {
		return
	}
	c.closed, c.other.closed = true, true
	for _, end := range []*simConn{c, c.other} {
		w.arrive(end, Input{Kind: Closed, Conn: end.id, Detail: "closed"})
	}
}

// arrive brings an input to one end, in order.
func (w *world) arrive(c *simConn, in Input) {
	at := w.now.Add(w.some(40 * time.Millisecond))
	if at.Before(c.delivered) {
		at = c.delivered
	}
	c.delivered = at
	life := c.node.life
	w.after(at.Sub(w.now), func() { w.step(c.node, life, in) })
}

func (w *world) step(n *simNode, life int, in Input) {
	if n.life == life && n.role != nil {
		w.carryOut(n, n.role.Step(w.now, in))
	}
}

// carryOut does what a role wants, and may crash the node half way.
func (w *world) carryOut(n *simNode, o Output) {
	w.record(n, o)
	if o.Established != nil {
		w.checkEstablished(n, *o.Established)
	}
	life := n.life
	if o.Dial {
		w.after(w.some(30*time.Millisecond), func() { w.dial(n, life) })
	}
	if o.Persist != nil {
		w.write(n, *o.Persist)
	}
	for _, s := range o.Sends {
		if w.chance(0.01) {
			w.crash(n)
			return
		}
		w.checkSend(n, s.Packet)
		if c := n.conns[s.Conn]; c != nil && !c.closed {
			w.arrive(c.other, Input{Kind: Received, Conn: c.other.id, Packet: s.Packet})
		}
	}
	for _, id := range o.Close {
		if c := n.conns[id]; c != nil {
			w.disconnect(c)
		}
	}
	if o.Done != nil {
		if !o.Deadline.IsZero() || o.Persist != nil {
			w.t.Errorf("%s: done, but with work to do: %+v", n, o)
		}
		w.leave(n)
		return
	}
	n.timer++
	if timer := n.timer; !o.Deadline.IsZero() {
		w.after(max(0, o.Deadline.Sub(w.now)), func() {
			if n.life == life && n.timer == timer {
				w.carryOut(n, n.role.Tick(w.now))
			}
		})
	}
}

func (w *world) dial(n *simNode, life int) {
	if n.life != life {
		return
	}
	var leader *simNode
	for _, o := range w.nodes {
		if o.lead && o.role != nil && o.sid == n.role.Status().Leader {
			leader = o
		}
	}
	if leader == nil || w.chance(0.1) {
		w.step(n, life, Input{Kind: DialError, Detail: "refused"})
		return
	}
	w.lastID += 2
	a, b := &simConn{id: w.lastID - 1, node: n}, &simConn{id: w.lastID, node: leader}
	a.other, b.other = b, a
	n.conns[a.id], leader.conns[b.id] = a, b
	w.arrive(a, Input{Kind: Opened, Conn: a.id})
	w.arrive(b, Input{Kind: Opened, Conn: b.id})
}

// write takes its time; a crash may come before it, or right after it and before anybody knows.
func (w *world) write(n *simNode, p Persist) {
	life := n.life
	w.after(w.some(30*time.Millisecond), func() {
		if n.life != life {
			return // crashed before
		}
		file := &n.disk.Accepted
		if p.File == FileCurrent {
			file = &n.disk.Current
		}
		if p.Epoch < *file {
			w.t.Errorf("%s: %s goes from %d to %d", n, p.File, *file, p.Epoch)
		}
		*file = p.Epoch
		if n.disk.Current > n.disk.Accepted {
			w.t.Errorf("%s: currentEpoch above acceptedEpoch: %+v", n, n.disk)
		}
		if w.chance(0.1) {
			w.crash(n)
			return
		}
		w.step(n, life, Input{Kind: Persisted})
	})
}

func (w *world) record(n *simNode, o Output) {
	fmt.Fprintf(&w.log, "%s %s", w.now.Format("05.000000"), n)
	for _, ev := range o.Events {
		fmt.Fprintf(&w.log, " %s%+v", ev.Name(), ev)
	}
	for _, s := range o.Sends {
		fmt.Fprintf(&w.log, " ->%d:%s:%s", s.Conn, s.Packet.Type, s.Packet.Zxid)
	}
	if o.Persist != nil {
		fmt.Fprintf(&w.log, " write:%+v", *o.Persist)
	}
	if o.Done != nil {
		fmt.Fprintf(&w.log, " done:%+v", *o.Done)
	}
	fmt.Fprintf(&w.log, " close:%v\n", o.Close)
}
