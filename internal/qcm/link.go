package qcm

import (
	"bufio"
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"electnode/internal/crowd"
	"electnode/internal/event"
)

// maxKeptBuffer is how much memory a link keeps for the next frame it writes, in bytes; notifications are
// smaller.
const maxKeptBuffer = 16 << 10

// link is one connection with a peer after the hand-shake. Its reader makes all calls to the handler; its
// writer sends what is queued for the peer. Either may end it, as may cut; the first reason counts.
type link struct {
	m        *Manager
	p        *peer
	conn     net.Conn
	byUs     bool   // this node dialled it
	accepted uint64 // connections accepted up to this one, or up to when it was dialled
	since    time.Time
	doubt    []string     // see dial.doubt; guarded by the manager's lock
	heard    atomic.Int64 // when the last frame came, in Unix nanoseconds; 0 before the first

	prev   <-chan struct{} // the turn before this link's
	done   chan struct{}   // this link's turn
	wake   chan struct{}   // something is queued; one signal is enough
	closed chan struct{}
	once   sync.Once
	reason string // why it ended; set before closed is closed
	detail string
}

// install makes conn the link with p; the one that was, if any, is for the caller to cut. The link does
// nothing before launch. The caller holds the lock.
func (m *Manager) install(p *peer, conn net.Conn, byUs bool, accepted uint64) (l, old *link) {
	l = &link{m: m, p: p, conn: conn, byUs: byUs, accepted: accepted, since: time.Now(),
		wake: make(chan struct{}, 1), closed: make(chan struct{})}
	l.prev, l.done = p.nextTurn()
	old, p.link, p.met = p.link, l, true
	return l, old
}

// launch tells of an installed link, ends the one it replaces and sets it going.
func (m *Manager) launch(l, old *link, side event.TieBreakSide, outcome event.TieBreakOutcome) {
	m.opt.Events.Emit(event.ConnectionTieBreak{Peer: l.p.sid, Side: side, Outcome: outcome})
	if old != nil {
		old.cut(event.DropReplaced, "")
	}
	// Owned by Run; ends when the connection does, which stop sees to.
	m.wg.Go(l.run)
}

// run is the reader: the whole turn of the link, from LinkUp to LinkDown.
func (l *link) run() {
	awaitTurn(l.prev)
	m, sid := l.m, l.p.sid
	m.opt.Events.Emit(event.ConnectionUp{Peer: sid, DialledByUs: l.byUs, Remote: l.conn.RemoteAddr().String()})
	m.opt.Handler.LinkUp(sid)
	first, ok := l.next(true)
	written := make(chan struct{})
	// Owned by run, which waits for it; ends when the link is cut.
	m.wg.Go(func() {
		defer close(written)
		l.write(first, ok)
	})
	err := l.read()
	if m.replaced(l) { // the peer may close the old connection before this end does
		l.cut(event.DropReplaced, "")
	}
	l.cut(dropReason(err), err.Error())
	<-written
	m.unlink(l)
	m.opt.Events.Emit(event.ConnectionDown{Peer: sid, Reason: l.reason, Detail: l.detail})
	m.opt.Handler.LinkDown(sid)
	m.endTurn(l.p, l.done)
}

// read hands frames to the handler until the connection ends; the error says how.
func (l *link) read() error {
	r := bufio.NewReaderSize(l.conn, frameStep)
	var said crowd.Bucket
	for {
		head, err := r.Peek(4)
		if err != nil {
			return err
		}
		length := int32(binary.BigEndian.Uint32(head))
		if _, err := r.Discard(4); err != nil {
			return err
		}
		frame, err := readBody(r, length, l.maxFrame(length))
		if err != nil {
			return err
		}
		l.heard.Store(time.Now().UnixNano())
		l.pace(&said)
		if l.p.has(FaultDropIn) {
			continue
		}
		l.m.opt.Handler.Frame(l.p.sid, frame)
	}
}

// write sends first and then whatever is queued, until the link is cut.
func (l *link) write(msg Message, ok bool) {
	var buf []byte
	for {
		if ok {
			buf = AppendFrame(buf[:0], msg.Frame)
			l.m.opt.Events.Sent(msg.Sent)
			if err := l.writeFrame(buf); err != nil {
				l.cut(dropReason(err), err.Error())
				return
			}
			if cap(buf) > maxKeptBuffer {
				buf = nil
			}
		} else {
			select {
			case <-l.wake:
			case <-l.closed:
				return
			}
		}
		msg, ok = l.next(false)
	}
}

func (l *link) writeFrame(buf []byte) error {
	if l.p.has(FaultDropOut) {
		return nil
	}
	if err := l.conn.SetWriteDeadline(time.Now().Add(l.m.opt.WriteTimeout)); err != nil {
		return err
	}
	_, err := l.conn.Write(buf)
	return err
}

// next is the message to write now, if there is one and this is still the link with the peer. From here
// on the message counts as sent: what is lost with this link is sent again on the next.
func (l *link) next(again bool) (Message, bool) {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.p.link != l {
		return Message{}, false
	}
	return l.p.take(again)
}

// poke tells the writer that something is queued.
func (l *link) poke() {
	select {
	case l.wake <- struct{}{}:
	default: // told already
	}
}

// cut ends the link for the first reason given. It does not wait.
func (l *link) cut(reason, detail string) {
	l.once.Do(func() {
		l.reason, l.detail = reason, detail
		close(l.closed)
	})
	closeNow(l.conn)
}

// unlink takes the link off its peer, and dials again when a message came too late for it, or when the
// peer asked to be dialled just before the link stood and has not been heard on it: then it may have been
// a former process of the peer that answered.
func (m *Manager) unlink(l *link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := l.p
	if p.link != l {
		return
	}
	p.link = nil
	broke := l.reason == event.DropClosed || l.reason == event.DropReset || l.reason == event.DropTLS
	silent := broke && l.heard.Load() == 0
	if silent && l.byUs {
		p.vain++
	}
	if silent && time.Since(l.since) < youngLink {
		p.flaps++
	} else {
		p.flaps = 0
	}
	if p.queue.full {
		m.demand(p)
	} else if silent && len(l.doubt) > 0 {
		m.startDial(p, l.doubt, 0)
	}
}

// replaced reports whether another connection has taken, or is about to take, the place of l.
func (m *Manager) replaced(l *link) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return l.p.link != nil && l.p.link != l || l.p.dial != nil && l.p.dial.keep
}

// lastHeard is when the last frame came, or the link began.
func (l *link) lastHeard() time.Time {
	if at := l.heard.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return l.since
}

// closeNow closes c without a farewell: a TLS connection's would have to wait for a peer that does not
// read.
func closeNow(c net.Conn) {
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = wrapped.NetConn()
	}
	c.Close()
}
