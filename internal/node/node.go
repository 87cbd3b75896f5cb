package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/identity"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// EpochStore writes the two epochs durably: when a method returns nil, the number survives a crash.
// *durable.Store is one.
type EpochStore interface {
	WriteAccepted(quorum.Epoch) error
	WriteCurrent(quorum.Epoch) error
}

// Options is what a node needs to know besides its core.
type Options struct {
	Core CoreOptions
	// Links are the options of the connection manager; Handler, Self and Events are filled in.
	Links qcm.Options
	// Quorum are the options of the quorum port; Inputs, Events, IDs and Members are filled in.
	Quorum zab.TransportOptions
	// QuorumListen lists the addresses to bind when leading, host:port.
	QuorumListen []string
	Store        EpochStore
	Events       *event.Emitter
	// Names is told which host names matter: those of the configuration in force. It stands in front of both networks
	// above. Nil: no name is remembered.
	Names interface{ Keep(hosts []string) }
	// Guard judges who may speak as whom, on both ports; it learns of views here. Nil: everybody may.
	Guard *identity.Guard
	// Opening is recorded behind NodeStarted: what there is to tell from the start.
	Opening []event.Event
}

// ErrStopped is what a question gets from a node that does not run.
var ErrStopped = errors.New("the node does not run")

// Node is one running server. Run drives it; the other methods may be called from any goroutine.
type Node struct {
	opt     Options
	core    *Core
	links   *qcm.Manager
	inputs  chan fle.Input
	asks    chan func(ctx context.Context, now time.Time)
	stopped chan struct{} // closed when Run returns

	// What follows is owned by Run's goroutine.
	transport *zab.Transport // of the present role; nil: none
	fromZab   chan zab.Input // its inputs
	connIDs   atomic.Uint64
	timer     *time.Timer
	fatal     error
	paused    chan struct{} // not nil: do nothing until it is closed
}

// New makes a node that does nothing before Run.
func New(opt Options) (*Node, error) {
	n := &Node{opt: opt, inputs: make(chan fle.Input), asks: make(chan func(context.Context, time.Time)),
		stopped: make(chan struct{})}
	opt.Links.Self, opt.Links.Events = opt.Core.Election.Self, opt.Events
	opt.Links.Handler = handler{n}
	if opt.Guard != nil {
		opt.Links.Guard, n.opt.Quorum.Guard = opt.Guard, opt.Guard
	}
	links, err := qcm.New(opt.Links)
	if err != nil {
		return nil, err
	}
	n.links, n.core = links, NewCore(opt.Core)
	n.setViews(opt.Core.Election.View, opt.Core.Election.LastSeen)
	return n, nil
}

// setViews tells those who must know of it who is a member.
func (n *Node) setViews(committed, lastSeen *quorum.View) {
	if n.opt.Guard != nil {
		n.opt.Guard.SetViews(committed, lastSeen) // first: nobody is a member without being judged as one
	}
	if n.opt.Names != nil {
		n.opt.Names.Keep(hosts(committed, lastSeen))
	}
	n.links.SetViews(committed, lastSeen)
}

// hosts lists where the members of views are; views may be nil.
func hosts(views ...*quorum.View) []string {
	var all []string
	for _, v := range views {
		if v == nil {
			continue
		}
		for _, m := range v.Members() {
			for _, a := range m.Addresses {
				all = append(all, a.Host)
			}
		}
	}
	return all
}

// handler brings what the links tell to the node's goroutine. The channel has no buffer: a link waits
// its turn, so that no peer can crowd out the others.
type handler struct{ n *Node }

func (h handler) tell(in fle.Input) {
	select {
	case h.n.inputs <- in:
	case <-h.n.stopped:
	}
}

func (h handler) LinkUp(peer quorum.SID)     { h.tell(fle.Input{Kind: fle.LinkUp, Peer: peer}) }
func (h handler) LinkDown(peer quorum.SID)   { h.tell(fle.Input{Kind: fle.LinkDown, Peer: peer}) }
func (h handler) DialFailed(peer quorum.SID) { h.tell(fle.Input{Kind: fle.DialFailed, Peer: peer}) }
func (h handler) Frame(peer quorum.SID, frame []byte) {
	h.tell(fle.Input{Kind: fle.Frame, Peer: peer, Frame: frame})
}

// Run is the node's life until ctx ends (nil) or something ends it: no election port, no disk. It can be
// called once.
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	linksDone := make(chan error, 1)
	// Owned by Run: ends when ctx does, and Run waits for it.
	go func() { linksDone <- n.links.Run(ctx) }()

	n.timer = time.NewTimer(0)
	defer n.timer.Stop()
	err := n.loop(ctx, linksDone)
	now := time.Now()
	n.carryOut(ctx, now, n.core.Stop(now, err))
	close(n.stopped)
	cancel()
	if lerr, running := <-linksDone, err == nil; running && lerr != nil {
		err = lerr
	}
	return err
}

// loop owns the core until it returns; nothing else may touch it.
func (n *Node) loop(ctx context.Context, linksDone chan error) error {
	now := time.Now()
	n.carryOut(ctx, now, n.core.Start(now))
	n.opt.emitAll(now, n.opt.Opening)
	for n.fatal == nil {
		select {
		case in := <-n.inputs:
			n.hear(ctx, in)
		case in := <-n.fromZab:
			now := time.Now()
			n.carryOut(ctx, now, n.core.Zab(now, in))
		case <-n.timer.C:
			now := time.Now()
			n.carryOut(ctx, now, n.core.Tick(now))
		case ask := <-n.asks:
			ask(ctx, time.Now())
			n.waitWhilePaused(ctx)
		case err := <-linksDone:
			linksDone <- nil // Run reads it once more
			return err
		case <-ctx.Done():
			return nil
		}
	}
	return n.fatal
}

// maxAtHand is how many inputs of the links are applied before the vote is told that they led to.
const maxAtHand = 128

// crowded is from how many servers on this one lets the goroutines of its links bring what they have read before it tells
// a new vote to all. With a few servers there is little to gain.
const crowded = 10

// hear has the core apply an input of the links and those that wait behind it already: a vote that the next of them outdates
// is told to nobody. None waits for one that is not there.
func (n *Node) hear(ctx context.Context, in fle.Input) {
	for left := maxAtHand; n.fatal == nil; {
		in.More = true
		now := time.Now()
		n.carryOut(ctx, now, n.core.Link(now, in))
		if left--; left == 0 || !n.core.Owes() {
			break
		}
		if len(n.core.view.Members()) >= crowded {
			runtime.Gosched()
		}
		select {
		case in = <-n.inputs:
			continue
		default:
		}
		break
	}
	if n.fatal == nil && n.core.Owes() {
		now := time.Now()
		n.carryOut(ctx, now, n.core.Tell(now))
	}
}

// waitWhilePaused does nothing until the pause is over; questions go unanswered meanwhile.
func (n *Node) waitWhilePaused(ctx context.Context) {
	if n.paused == nil {
		return
	}
	select {
	case <-n.paused:
	case <-ctx.Done():
	}
	n.paused = nil
}

// carryOut does what the core asked for at the instant now, in the order of Output. What must be answered as the next input
// of all is answered here.
func (n *Node) carryOut(ctx context.Context, now time.Time, o Output) {
	for again := true; again; {
		n.opt.emitAll(now, o.Events)
		if o.Fatal != nil {
			n.fatal = o.Fatal
			return
		}
		if o.DropRole {
			n.dropRole()
		}
		if o.Adopted != nil {
			n.setViews(o.Adopted, n.core.lastSeen)
		}
		if o.Forget {
			n.links.Forget()
		}
		if o.Hurry {
			n.links.Hurry()
		}
		portErr := error(nil)
		if o.OpenPort {
			portErr = n.openPort()
		}
		n.send(o)
		if o.Settled {
			n.links.Forget()
		}
		n.rearm(o.Deadline)
		if o.Dial {
			n.dial(ctx, o.Leader)
		}
		if o.OpenPort && o.Persist != nil {
			panic("two next inputs of all: PortOpen and Persisted")
		}
		switch {
		case o.OpenPort:
			now = time.Now()
			o = n.core.PortOpen(now, portErr == nil, text(portErr))
		case o.Persist != nil:
			written := n.write(*o.Persist)
			now = time.Now()
			o = n.core.Zab(now, written)
		default:
			again = false
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// emitAll records what happened in one step of the core, all at the instant of the step.
func (o *Options) emitAll(now time.Time, events []event.Event) {
	for _, ev := range events {
		o.Events.EmitAt(now, ev)
	}
}

func (n *Node) send(o Output) {
	for _, m := range o.Notify {
		n.links.Send(qcm.Message{Frame: m.Frame, Sent: m.Sent})
	}
	if n.transport == nil {
		return
	}
	for _, p := range o.Packets {
		n.transport.Send(p)
	}
	for _, id := range o.Close {
		n.transport.CloseConn(id)
	}
}

func (n *Node) rearm(deadline time.Time) {
	if deadline.IsZero() {
		n.timer.Stop()
		return
	}
	n.timer.Reset(time.Until(deadline))
}

// newTransport ends the present one, if any, and makes the next.
func (n *Node) newTransport() *zab.Transport {
	n.dropRole()
	o := n.opt.Quorum
	n.fromZab = make(chan zab.Input)
	o.Members, o.Member = n.core.members(), n.core.memberOf()
	o.Inputs, o.Events, o.IDs = n.fromZab, n.opt.Events, &n.connIDs
	n.transport = zab.NewTransport(o)
	return n.transport
}

func (n *Node) dropRole() {
	if n.transport != nil {
		n.transport.Close()
		n.transport, n.fromZab = nil, nil
	}
}

// openPort binds the quorum port; one of its addresses is enough. Without any the core tries again; the others are
// tried the next time that this server leads.
func (n *Node) openPort() error {
	bound, err := n.newTransport().Listen(n.opt.QuorumListen)
	for _, e := range zab.BindErrors(err) {
		n.opt.Events.Emit(event.ListenFailed{Address: e.Address, Port: event.PortQuorum, Detail: e.Err.Error(), Final: len(bound) > 0})
	}
	if len(bound) > 0 {
		return nil
	}
	return err
}

// dial connects to the quorum port of leader at all its addresses.
func (n *Node) dial(ctx context.Context, leader quorum.SID) {
	if n.transport == nil {
		n.newTransport()
	}
	m, _ := n.core.view.Member(leader)
	if m.Addresses == nil && n.core.lastSeen != nil {
		m, _ = n.core.lastSeen.Member(leader)
	}
	var addrs []string
	if n.core.cut.Has(leader) {
		m.Addresses = nil // cut on request: there is no way there
	}
	for _, a := range m.Addresses {
		addrs = append(addrs, net.JoinHostPort(a.Host, strconv.Itoa(a.QuorumPort)))
	}
	n.transport.Dial(ctx, leader, addrs)
}

// write makes an epoch durable and says how that went.
func (n *Node) write(p zab.Persist) zab.Input {
	begun := time.Now()
	var err error
	switch p.File {
	case zab.FileAccepted:
		err = n.opt.Store.WriteAccepted(p.Epoch)
	case zab.FileCurrent:
		err = n.opt.Store.WriteCurrent(p.Epoch)
	default:
		panic(fmt.Sprintf("no epoch file %q", p.File))
	}
	n.opt.Events.Emit(event.DurableWritten{File: p.File, Epoch: p.Epoch, Duration: time.Since(begun),
		Error: text(err)})
	if err != nil {
		return zab.Input{Kind: zab.WriteErr, Detail: err.Error()}
	}
	return zab.Input{Kind: zab.Persisted}
}
