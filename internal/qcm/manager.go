package qcm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"electnode/internal/crowd"
	"electnode/internal/event"
	"electnode/internal/quorum"
)

// Manager keeps the connections of the election port. Safe for use by many goroutines.
//
// Its lock guards the maps and the peers and is never held over I/O, an event or a call to the handler.
type Manager struct {
	opt      Options
	preamble []byte         // what every dial sends
	wg       sync.WaitGroup // every goroutine that Run started, directly or not, but listeners

	mu        sync.Mutex
	phase     phase
	peers     map[quorum.SID]*peer
	committed *quorum.View
	lastSeen  *quorum.View
	viewed    uint64 // how often committed or lastSeen were set
	faults    map[quorum.SID]Fault
	half      halfOpen
	comers    crowd.Hosts // how often strangers come
	anonymous quorum.SID  // the newest sid given to an anonymous observer
	accepted  uint64      // connections accepted so far
	patient   time.Time   // until when larger peers are left the first move; zero: not at all
	scouts    int         // dials to them that are made all the same
}

type phase uint8

const (
	idle      phase = iota // before Run: messages are queued, nothing is dialled
	listening              // connections are accepted; nothing is dialled, for who is dialled may dial back
	running
	stopped
)

// New makes a manager that does nothing before Run. The error names every problem of opt at once.
func New(opt Options) (*Manager, error) {
	checked, err := opt.withDefaults()
	form := FormV1
	if opt.MultiAddress {
		form = FormV2
	}
	preamble, perr := AppendPreamble(nil, Preamble{form, opt.Self, opt.Announce})
	if len(opt.Announce) == 0 {
		perr = nil // the missing address is reported already
	}
	if err := errors.Join(err, perr); err != nil {
		return nil, fmt.Errorf("connection manager: %w", err)
	}
	return &Manager{
		opt: checked, preamble: preamble, half: halfOpen{limit: checked.MaxHalfOpen}, comers: newStrangerHosts(),
		peers: map[quorum.SID]*peer{}, faults: map[quorum.SID]Fault{},
	}, nil
}

// Run listens, and keeps the links until ctx ends; then it closes everything, waits for it and returns
// nil. When every listener has given up it does the same and returns an error that wraps ErrListen. It
// can be called once.
func (m *Manager) Run(ctx context.Context) error {
	if !m.enter(idle, listening) {
		return errors.New("connection manager: started before")
	}
	ctx, cancel := context.WithCancel(ctx)
	failed := make(chan error, len(m.opt.Listen)) // room for the end of every listener
	var tried, listeners sync.WaitGroup           // first tries to bind; goroutines
	for _, addr := range m.opt.Listen {
		tried.Add(1)
		// Owned by Run; ends when ctx does, or when the listener gives up.
		listeners.Go(func() { failed <- m.listen(ctx, addr, sync.OnceFunc(tried.Done)) })
	}
	tried.Wait()
	m.begin()
	m.ConnectAll()
	err := m.wait(ctx, failed)
	cancel()
	listeners.Wait() // first: a peer that dials when its link breaks is to be refused
	m.stop()
	m.wg.Wait()
	return err
}

// begin lets dials be made.
func (m *Manager) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phase = running
	m.beCourteous()
}

func (m *Manager) enter(from, to phase) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.phase != from {
		return false
	}
	m.phase = to
	return true
}

// wait returns when ctx ends, or with the errors of all listeners when there were any and all gave up.
func (m *Manager) wait(ctx context.Context, failed <-chan error) error {
	var errs []error
	for len(m.opt.Listen) == 0 || len(errs) < len(m.opt.Listen) {
		select {
		case err := <-failed:
			errs = append(errs, err)
		case <-ctx.Done():
			return nil
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrListen, errors.Join(errs...))
}

// stop ends what the goroutines wait for, listeners excepted.
func (m *Manager) stop() {
	m.mu.Lock()
	m.phase = stopped
	links := make([]*link, 0, len(m.peers))
	for _, p := range m.peers {
		if p.dial != nil {
			p.dial.cancel()
		}
		if p.link != nil {
			links = append(links, p.link)
		}
	}
	half := m.half.all()
	m.mu.Unlock()
	for _, h := range half {
		h.end()
	}
	for _, l := range links {
		l.cut(event.DropStopped, "")
	}
}

// Send queues msg for its addressee in place of a message that still waits, and dials the addressee if
// there is neither a link nor a dial in progress. It never blocks. A message to this node itself, and one
// with a frame outside 1..MaxFrame bytes, is not sent.
// Rule: QuorumCnxManager.toSend.
// Differs from ZooKeeper: the own vote does not come back this way; the election counts it itself.
func (m *Manager) Send(msg Message) {
	sid := msg.Sent.Peer
	if sid == m.opt.Self || len(msg.Frame) < 1 || len(msg.Frame) > MaxFrame {
		return
	}
	m.mu.Lock()
	if m.phase == stopped {
		m.mu.Unlock()
		return
	}
	p, evicted := m.admit(sid, "")
	var replaced slot
	if p != nil {
		replaced, p.queue = p.queue, slot{msg: msg, full: true}
		m.demand(p)
	}
	m.mu.Unlock()
	if replaced.full {
		m.opt.Events.Emit(event.NotificationReplaced{Peer: sid, MessageID: replaced.msg.Sent.MessageID})
	}
	if evicted != nil {
		evicted.cut(event.DropEvicted, "")
	}
}

// demand sees to it that what waits for p gets sent. The caller holds the lock.
func (m *Manager) demand(p *peer) {
	switch {
	case p.link != nil:
		p.link.poke()
	case p.dial != nil:
		p.dial.asked = true
	default:
		m.startDial(p, m.ways(p), m.holdBack(p))
	}
}

// ConnectAll dials every member that there ever was a message or a link for and that has no link now.
// Rule: QuorumCnxManager.connectAll.
func (m *Manager) ConnectAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.peers {
		if p.link == nil && (p.queue.full || m.known(p.sid)) {
			m.demand(p)
		}
	}
}

// SetViews says who is a member and where members are dialled from now on: at all their addresses, those
// of committed first. Either may be nil. Links that exist stay, but with a Guard those of strangers that become
// members: a member must show who it is.
func (m *Manager) SetViews(committed, lastSeen *quorum.View) {
	m.mu.Lock()
	strangers := m.linkedStrangers()
	m.committed, m.lastSeen = committed, lastSeen
	m.viewed++
	m.half.members = quorum.Servers(committed, lastSeen)
	strangers = slices.DeleteFunc(strangers, func(l *link) bool { return m.opt.Guard == nil || !m.known(l.p.sid) })
	for _, p := range m.peers {
		m.redirect(p)
		m.release(p)
	}
	m.mu.Unlock()
	for _, l := range strangers {
		l.cut(event.DropIdentity, "its server id is a member's now")
	}
}

// redirect has a dial of p in progress try the addresses that it does not know, too. The caller holds the lock.
func (m *Manager) redirect(p *peer) {
	if p.dial == nil || p.dial.won {
		return
	}
	for _, addr := range m.configured(p.sid) {
		if _, tried := p.dial.tried[addr]; !tried {
			m.offer(p, p.dial, addr)
		}
	}
}

// linkedStrangers lists the links of those that are in no view. The caller holds the lock.
func (m *Manager) linkedStrangers() []*link {
	var all []*link
	for _, p := range m.peers {
		if p.link != nil && !m.known(p.sid) {
			all = append(all, p.link)
		}
	}
	return all
}

// Forget makes everything sent so far out of date: a new link starts with what is sent from now on. What
// waits for a peer without a link is dropped, what waits for one with a link still goes out, once.
// Differs from ZooKeeper, whose settled servers tell a returning peer first what they voted before.
func (m *Manager) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.peers {
		p.last = slot{}
		if p.link == nil {
			p.queue = slot{}
		}
		p.queue.stale = p.queue.full
	}
}
