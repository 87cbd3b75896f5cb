package qcm

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"electnode/internal/event"
)

const (
	// dialBackWait is how long a larger peer that heard this node's preamble may take to dial; until then
	// messages wait for it instead of causing a preamble each, every one of which costs a reconnect.
	dialBackWait = 250 * time.Millisecond
	// maxPreambleAddresses is how many addresses of one preamble are dialled; a server has a few.
	maxPreambleAddresses = 16
	// maxTried is how many addresses one dial tries at most, dial-backs included.
	maxTried = 64
	// youngLink is how long a link must live, or say something, not to count as a flap.
	youngLink = time.Second
)

// dial is one dial in progress: a goroutine that tries the addresses of a peer until one answers. Guarded
// by the manager's lock, the channels excepted.
type dial struct {
	cancel context.CancelFunc
	tried  map[string]time.Time // addresses and when they were last tried
	more   chan attempt         // dial-backs to other addresses; 16 is one preamble full of them
	hurry  chan struct{}        // ends the hold-back; one signal is enough
	won    bool                 // an address has answered
	keep   bool                 // and its connection becomes the link
	asked  bool                 // a message was queued, after the answer if there was one
	again  []string             // the peer asked for a dial-back after the answer: where to
	doubt  []string             // it asked before, for what was being tried: perhaps too early for it
}

// startDial dials p at addrs after delay, unless a dial is in progress. The caller holds the lock.
func (m *Manager) startDial(p *peer, addrs []string, delay time.Duration) {
	if m.phase != running || p.dial != nil || p.evicted {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &dial{cancel: cancel, tried: map[string]time.Time{},
		more: make(chan attempt, maxPreambleAddresses), hurry: make(chan struct{}, 1)}
	attempts := make([]attempt, 0, len(addrs))
	for _, addr := range addrs {
		d.tried[addr] = time.Now()
		attempts = append(attempts, m.attempt(p.sid, addr, p.vain/len(addrs)))
	}
	p.dial = d
	// Owned by Run; ends with the dial, which stop, an accepted link and eviction cancel.
	m.wg.Go(func() { m.runDial(ctx, p, d, attempts, delay) })
}

func (m *Manager) runDial(ctx context.Context, p *peer, d *dial, attempts []attempt, delay time.Duration) {
	defer d.cancel()
	hold(ctx, d.hurry, delay)
	for {
		conn, err := m.connect(ctx, p, d, attempts)
		switch {
		case err == nil && m.introduce(ctx, p, d, conn):
			return
		case ctx.Err() != nil:
			m.endDial(p, d)
			return
		case m.dialFailed(p, d):
			return
		}
		attempts = nil // a dial-back came at the last moment: try that
	}
}

// hold waits for delay, or until the peer has been heard.
func hold(ctx context.Context, hurry <-chan struct{}, delay time.Duration) {
	if delay == 0 {
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-hurry:
	case <-ctx.Done():
	}
}

// holdBack is how long to wait before p is dialled of this node's own accord: not at all, unless its last
// links broke at once and without a word, as those to a proxy without a server behind it do.
func (p *peer) holdBack() time.Duration {
	if p.flaps < 2 {
		return 0
	}
	return min(25*time.Millisecond<<min(p.flaps-2, 10), time.Second)
}

func (m *Manager) connect(ctx context.Context, p *peer, d *dial, attempts []attempt) (*dialled, error) {
	at := event.ConnectionAttempt{Peer: p.sid}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case p.has(FaultRefuse):
		at.Result, at.Detail = event.DialRefused, errRefused.Error()
		m.opt.Events.Emit(at)
		return nil, errRefused
	case len(attempts) == 0 && len(d.more) == 0:
		at.Result, at.Detail = event.DialNoAddress, "in no configuration"
		m.opt.Events.Emit(at)
		return nil, errors.New(at.Detail)
	}
	return race(ctx, &m.wg, attempts, d.more)
}

// introduce makes what the tie-break says of a connection that was dialled. It reports false when that
// failed, which is as if the address had not answered.
func (m *Manager) introduce(ctx context.Context, p *peer, d *dial, conn *dialled) bool {
	m.mu.Lock()
	d.won, d.asked = true, false
	r := decide(meeting{side: event.Dialler, self: m.opt.Self, peer: p.sid, linked: p.link != nil})
	d.keep = r.keep
	misjudged := m.misjudged(p.sid, conn.asOf)
	m.mu.Unlock()
	at := event.ConnectionAttempt{Peer: p.sid, Address: conn.addr, Result: event.DialConnected}
	var err error
	if misjudged {
		err = &identityError{viewsChanged}
	} else if r.preamble {
		conn.SetWriteDeadline(time.Now().Add(m.opt.WriteTimeout))
		_, err = conn.Write(m.preamble)
	}
	switch {
	case err == nil && r.keep:
		err = conn.SetDeadline(time.Time{})
	case err == nil && r.preamble:
		err = farewell(ctx, conn.Conn)
	}
	if err != nil {
		conn.Close()
		if ctx.Err() == nil {
			m.inVain(p)
			at.Result, at.Detail, at.Duration = dialResult(err), err.Error(), time.Since(conn.start)
			m.opt.Events.Emit(at)
		}
		return false
	}
	at.Duration = time.Since(conn.start)
	m.opt.Events.Emit(at)
	if r.keep {
		m.dialledLink(p, d, conn, r.outcome)
		return true
	}
	conn.Close()
	m.opt.Events.Emit(event.ConnectionTieBreak{Peer: p.sid, Side: event.Dialler, Outcome: r.outcome})
	if r.preamble {
		hold(ctx, nil, dialBackWait) // the peer's connection ends ctx
		if ctx.Err() == nil {
			m.inVain(p)
		}
	}
	m.endDial(p, d)
	return true
}

// inVain notes that somebody answered for p and nothing came of it.
func (m *Manager) inVain(p *peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p.vain++
}

// farewell ends a connection whose preamble a larger peer shall hear: nothing more is sent, and the peer is
// expected to close. It does so when it has heard; a connection that is reset was heard by nobody, as when the
// peer's process has just ended and its port had not closed yet. That is an error; that the peer takes its
// time is none.
// Differs from ZooKeeper, which closes at once and waits for a dial that does not come.
func farewell(ctx context.Context, conn net.Conn) error {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { closeNow(conn) }) // the peer has linked, or this node stops
	defer stop()
	err := conn.SetReadDeadline(time.Now().Add(dialBackWait))
	if _, layered := conn.(interface{ NetConn() net.Conn }); !layered && err == nil {
		err = half.CloseWrite() // that of TLS is a message, over which a peer that does not read it would reset
	}
	if err != nil {
		return err
	}
	var b [1]byte
	_, err = conn.Read(b[:])
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) ||
		ctx.Err() != nil {
		return nil
	}
	return err
}

// dialledLink makes conn the link with p and ends the dial. outcome was settled before the preamble: the peer
// may have closed the old connection since.
func (m *Manager) dialledLink(p *peer, d *dial, conn *dialled, outcome event.TieBreakOutcome) {
	m.mu.Lock()
	misjudged := m.misjudged(p.sid, conn.asOf)
	if m.phase == stopped || p.evicted || p.has(FaultRefuse) || misjudged {
		d.asked = d.asked || misjudged
		m.closeDial(p, d)
		m.mu.Unlock()
		conn.Close()
		return
	}
	l, old := m.install(p, conn.Conn, true, m.accepted)
	l.doubt = d.doubt
	m.closeDial(p, d)
	m.mu.Unlock()
	m.launch(l, old, event.Dialler, outcome)
}

// dialFailed ends a dial that no address answered, and tells the handler. It reports false, and does
// nothing, when a dial-back has come meanwhile.
func (m *Manager) dialFailed(p *peer, d *dial) bool {
	m.mu.Lock()
	if len(d.more) > 0 && !p.has(FaultRefuse) {
		d.won, d.keep = false, false
		m.mu.Unlock()
		return false
	}
	d.asked = false // the handler hears of the failure instead
	if len(d.again) == 0 {
		d.again = d.doubt
	}
	m.closeDial(p, d)
	if p.link != nil || p.dial != nil || p.evicted || m.phase == stopped {
		m.mu.Unlock()
		return true
	}
	prev, done := p.nextTurn()
	m.mu.Unlock()
	awaitTurn(prev)
	m.opt.Handler.DialFailed(p.sid)
	m.endTurn(p, done)
	return true
}

func (m *Manager) endDial(p *peer, d *dial) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closeDial(p, d)
}

// closeDial takes the dial off p and starts the next one if there is a reason: the peer asked for a
// dial-back after this one had an answer, or a message waits that this one did nothing for. The caller
// holds the lock.
func (m *Manager) closeDial(p *peer, d *dial) {
	p.dial = nil
	switch {
	case len(d.again) > 0:
		m.startDial(p, d.again, 0)
	case d.asked && p.link == nil:
		m.startDial(p, m.ways(p), m.holdBack(p))
	}
	m.release(p)
}

// dialBack dials p, which has shown that it is there, at addrs from its preamble and then where it is
// configured. A link that exists stays until the new one stands. A dial in progress tries those addresses
// at once that it is not trying already, or not since a moment ago: an attempt from before the peer came up
// may hang. The caller holds the lock.
// Differs from ZooKeeper: there nothing is done while a dial is in progress, and only the first address is
// tried.
func (m *Manager) dialBack(p *peer, addrs []string) {
	all := m.targets(p.sid, addrs)
	p.flaps = 0
	d := p.dial
	switch {
	case d == nil:
		m.startDial(p, all, 0)
	case d.won:
		d.again = all
	default:
		select {
		case d.hurry <- struct{}{}:
		default:
		}
		for _, addr := range all {
			m.offer(p, d, addr)
		}
		d.doubt = all
	}
}

func (m *Manager) offer(p *peer, d *dial, addr string) {
	now := time.Now()
	if at, ok := d.tried[addr]; ok && now.Sub(at) < stagger || len(d.tried) >= maxTried {
		return
	}
	select {
	case d.more <- m.attempt(p.sid, addr, p.vain):
		d.tried[addr] = now
	default: // as many wait as a preamble can name: enough
	}
}
