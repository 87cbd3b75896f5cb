package sim

import (
	"fmt"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/node"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// server is one node, running or crashed, with its disk.
type server struct {
	w        *World
	sid      quorum.SID
	disk     *disk
	core     *node.Core // nil: down
	boots    int
	roles    int // roles dropped so far: what was dialled for an older one is void
	portOpen bool
	emitter  *event.Emitter
	leader   zab.Established // of now; epoch 0: none
	state    quorum.State    // as its events tell
	deadline time.Time       // when the core wants to be called again; zero: never
	waiting  []fle.Input     // from links, while it is busy
	rings    time.Time       // when the timer does that; zero: there is none
}

func newServer(w *World, sid quorum.SID) *server {
	s := &server{w: w, sid: sid, disk: newDisk(w.rng)}
	s.emitter = event.NewEmitter(sid, nil, event.SinkFunc(s.observe))
	return s
}

// boot starts the node from what is on its disk.
func (s *server) boot() {
	if s.core != nil {
		return
	}
	epochs, err := s.disk.open()
	if err != nil {
		s.w.fail("server %d does not start: %v", s.sid, err)
		return
	}
	s.boots++
	s.rings = time.Time{}
	s.core = node.NewCore(node.CoreOptions{
		Election: fle.Options{Self: s.sid, View: s.w.opt.View, MessageSeed: s.w.rng.Uint64(),
			// Here messages are lost on connections that stand, which TCP does not do; then only the
			// repetition helps, and how long that takes is this bound.
			MaxInterval: 5 * time.Second},
		Role:   zab.Options{Tick: s.w.opt.Tick, InitLimit: 10, SyncLimit: 5},
		Epochs: epochs,
	})
	s.w.log("server %d starts, epochs %+v", s.sid, epochs)
	s.carryOut(s.core.Start(s.w.now))
}

// Crash ends a server at once, as kill -9 does, if it runs. It is back within Options.Downtime.
func (w *World) Crash(sid quorum.SID) {
	if s := w.server(sid); s != nil && s.core != nil {
		s.crash("kill -9")
	}
}

// crash ends the node at once; what was not synced to disk may be lost.
func (s *server) crash(why string) {
	s.w.log("server %d crashes: %s", s.sid, why)
	s.core, s.portOpen, s.leader, s.waiting = nil, false, zab.Established{}, nil
	s.roles++
	s.disk.crash()
	for _, peer := range s.w.nodes {
		l := s.w.link(s.sid, peer.sid)
		*l.end(s.sid) = linkEnd{}
		if peer != s {
			l.breakDown()
		}
	}
	for _, c := range s.w.sortedConns() {
		if c.learner == s.sid || c.leader == s.sid {
			c.close(s.sid)
		}
	}
	down := s.w.upTo(s.w.opt.Downtime)
	s.w.after(down, s.boot)
}

// input applies what a link tells, or lets it wait for others if the server is busy.
func (s *server) input(in fle.Input) {
	switch {
	case s.core == nil:
	case len(s.waiting) > 0:
		s.waiting = append(s.waiting, in)
	case s.w.chance(s.w.opt.Busy):
		s.waiting = append(s.waiting, in)
		boot := s.boots
		s.w.after(s.w.upTo(s.w.opt.DelayMax), func() {
			if s.boots == boot {
				s.catchUp()
			}
		})
	default:
		s.carryOut(s.core.Link(s.w.now, in))
	}
}

// catchUp applies what waits, as node.Node does.
func (s *server) catchUp() {
	all := s.waiting
	s.waiting = nil
	for _, in := range all {
		if s.core == nil {
			return // it crashed over the one before
		}
		in.More = true
		s.carryOut(s.core.Link(s.w.now, in))
	}
	if s.core != nil {
		s.carryOut(s.core.Tell(s.w.now))
	}
}

func (s *server) zab(in zab.Input) {
	if s.core != nil {
		s.carryOut(s.core.Zab(s.w.now, in))
	}
}

// carryOut does what a core asks for, in the order of node.Output.
func (s *server) carryOut(o node.Output) {
	w := s.w
	for _, ev := range o.Events {
		s.record(ev)
	}
	if o.Fatal != nil {
		w.fail("server %d: %v", s.sid, o.Fatal)
		return
	}
	if o.DropRole {
		s.dropRole()
	}
	if o.Forget {
		s.forget()
	}
	s.wake(o)
	if o.OpenPort {
		s.portOpen = true
	}
	if s.portOpen && (s.state == quorum.Following || s.state == quorum.Observing) {
		w.fail("server %d is %s and still listens on its quorum port", s.sid, s.state)
	}
	s.transmit(o)
	if o.Settled {
		s.forget()
	}
	if o.OpenPort && s.core != nil {
		s.carryOut(s.core.PortOpen(w.now, true, ""))
	}
	if o.Dial && s.core != nil {
		w.dialLeader(s, o.Leader)
	}
	if o.Persist != nil && s.core != nil {
		s.persist(*o.Persist)
	}
}

// forget makes what was sent so far out of date, as qcm.Manager.Forget does.
func (s *server) forget() {
	for _, peer := range s.w.nodes {
		l := s.w.link(s.sid, peer.sid)
		l.end(s.sid).last = nil
		if !l.up {
			l.end(s.sid).queued = nil
		}
	}
}

// transmit sends the packets and notifications of o.
func (s *server) transmit(o node.Output) {
	for _, p := range o.Packets {
		if c := s.w.conns[connKey{s.sid, p.Conn}]; c != nil {
			s.w.hold(s.w.check.Packet(s.sid, p.Packet))
			c.send(s.sid, p.Packet)
		}
	}
	for _, id := range o.Close {
		if c := s.w.conns[connKey{s.sid, id}]; c != nil {
			c.close(s.sid)
		}
	}
	for _, m := range o.Notify {
		if s.w.server(m.Sent.Peer) != nil {
			s.w.link(s.sid, m.Sent.Peer).send(s.sid, m)
		}
	}
}

// dropRole closes the quorum port and every connection on it.
func (s *server) dropRole() {
	s.roles++
	s.portOpen = false
	for _, c := range s.w.sortedConns() {
		if c.learner == s.sid || c.leader == s.sid {
			c.close(s.sid)
		}
	}
}

// persist writes an epoch and tells the core; a torn write is the last thing that the node does.
func (s *server) persist(p zab.Persist) {
	if s.w.chance(s.w.opt.TornWrites) {
		s.disk.tear()
		if err := s.disk.write(p); err == nil {
			s.w.hold(s.w.check.Written(s.w.now, s.sid, p.File, p.Epoch))
		}
		s.crash("in the middle of writing " + p.File)
		return
	}
	if err := s.disk.write(p); err != nil {
		s.zab(zab.Input{Kind: zab.WriteErr, Detail: err.Error()})
		return
	}
	s.w.hold(s.w.check.Written(s.w.now, s.sid, p.File, p.Epoch))
	s.zab(zab.Input{Kind: zab.Persisted})
}

// wake sets the timer of the core's deadline. A timer that runs already and rings earlier stays, and sets itself anew
// when it rings: deadlines mostly move away.
func (s *server) wake(o node.Output) {
	s.deadline = o.Deadline
	if !s.deadline.IsZero() && (s.rings.IsZero() || s.deadline.Before(s.rings)) {
		s.ring()
	}
}

// ring sets a timer for the deadline.
func (s *server) ring() {
	s.rings = s.deadline
	rings, boot := s.rings, s.boots
	s.w.after(max(0, rings.Sub(s.w.now)), func() {
		if s.core == nil || s.boots != boot || !s.rings.Equal(rings) {
			return // another life, or an earlier timer was set meanwhile
		}
		s.rings = time.Time{}
		switch {
		case s.deadline.IsZero():
		case s.deadline.After(s.w.now):
			s.ring()
		default:
			s.carryOut(s.core.Tick(s.w.now))
		}
	})
}

func (s *server) record(ev event.Event) { s.emitter.EmitAt(s.w.now, ev) }

// observe follows what the node says of itself.
func (s *server) observe(st event.Stamped) {
	switch ev := st.Event.(type) {
	case event.NodeStarted:
		s.state = quorum.Looking
	case event.StateChanged:
		s.state = ev.To
	case event.LeaderEstablished:
		s.leader = zab.Established{Leader: ev.Leader, Epoch: ev.Epoch}
	case event.LeaderLost:
		s.leader = zab.Established{}
	}
	if s.w.opt.Transcript {
		s.w.log("%d %s %+v", s.sid, st.Event.Name(), st.Event)
	}
	s.w.hold(s.w.check.Event(st))
	if s.w.sink != nil {
		s.w.sink.Record(st)
	}
}

func (s *server) describe() string {
	if s.core == nil {
		return "down"
	}
	return fmt.Sprintf("%+v", s.core.Status(s.w.now))
}
