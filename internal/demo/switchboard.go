package demo

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"electnode/internal/qcm"
	"electnode/internal/quorum"
)

// switchboard stands between the nodes and TCP. A cut line behaves as a cut cable does: what is sent is
// held back, nobody is told, and it goes on where it stopped when the line is mended in time.
type switchboard struct {
	mu    sync.Mutex
	owner map[string]quorum.SID // address -> who listens there
	lines map[line]*gate
}

// line is a pair of servers, the smaller sid first.
type line struct{ a, b quorum.SID }

func between(a, b quorum.SID) line { return line{min(a, b), max(a, b)} }

// gate is open while its line works.
type gate struct {
	mu   sync.Mutex
	open chan struct{} // closed while the line works
}

func newSwitchboard() *switchboard {
	return &switchboard{owner: map[string]quorum.SID{}, lines: map[line]*gate{}}
}

func (s *switchboard) gate(l line) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.lines[l]
	if g == nil {
		g = &gate{open: make(chan struct{})}
		close(g.open)
		s.lines[l] = g
	}
	return g
}

// set opens or closes the line between two servers.
func (s *switchboard) set(l line, open bool) {
	g := s.gate(l)
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
		if !open {
			g.open = make(chan struct{})
		}
	default:
		if open {
			close(g.open)
		}
	}
}

func (s *switchboard) mendAll() {
	s.mu.Lock()
	var all []line
	for l := range s.lines {
		all = append(all, l)
	}
	s.mu.Unlock()
	for _, l := range all {
		s.set(l, true)
	}
}

func (g *gate) passage() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// port is the network as one server has it: qcm.Network and zab.Network.
type port struct {
	qcm.TCP
	board *switchboard
	self  quorum.SID
}

// Dial waits while the line to the owner of addr is cut, as a dial into a dead cable does.
func (p port) Dial(ctx context.Context, addr string) (net.Conn, error) {
	p.board.mu.Lock()
	peer, known := p.board.owner[addr]
	p.board.mu.Unlock()
	if !known || peer == p.self {
		return p.TCP.Dial(ctx, addr)
	}
	g := p.board.gate(between(p.self, peer))
	select {
	case <-g.passage():
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	c, err := p.TCP.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &wire{Conn: c, gate: g, done: make(chan struct{}), change: make(chan struct{})}, nil
}

// wire is a connection on a line. The end that dialled holds back both directions.
type wire struct {
	net.Conn
	gate *gate
	once sync.Once
	done chan struct{} // closed by Close

	held    []byte // arrived and not handed over yet; the reader's own, as is heldErr
	heldErr error  // what came after it

	mu          sync.Mutex
	read, write time.Time     // deadlines
	change      chan struct{} // closed and renewed when one changes
}

// pass waits until the line works; an error when the deadline that which tells comes first.
func (w *wire) pass(which func() time.Time) error {
	for {
		open := w.gate.passage()
		select {
		case <-open:
			return nil
		default:
		}
		w.mu.Lock()
		deadline, change := which(), w.change
		w.mu.Unlock()
		var late <-chan time.Time
		if !deadline.IsZero() {
			timer := time.NewTimer(time.Until(deadline))
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-open:
			return nil
		case <-w.done:
			return net.ErrClosed
		case <-late:
			return os.ErrDeadlineExceeded
		case <-change:
		}
	}
}

// Read hands over what arrived, if the line works; otherwise it holds it back until then, beyond the read
// deadline too. One goroutine reads.
func (w *wire) Read(b []byte) (int, error) {
	if len(w.held) == 0 && w.heldErr == nil {
		n, err := w.Conn.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		w.held, w.heldErr = append(w.held[:0], b[:n]...), err
	}
	if cut := w.pass(func() time.Time { return w.read }); cut != nil {
		return 0, cut
	}
	n := copy(b, w.held)
	w.held = w.held[n:]
	if len(w.held) > 0 {
		return n, nil
	}
	err := w.heldErr
	w.heldErr = nil
	return n, err
}

// Write waits for the line to work.
func (w *wire) Write(b []byte) (int, error) {
	if err := w.pass(func() time.Time { return w.write }); err != nil {
		return 0, err
	}
	return w.Conn.Write(b)
}

// Close implements net.Conn.
func (w *wire) Close() error {
	w.once.Do(func() { close(w.done) })
	return w.Conn.Close()
}

func (w *wire) set(read, write *time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if read != nil {
		w.read = *read
	}
	if write != nil {
		w.write = *write
	}
	close(w.change)
	w.change = make(chan struct{})
}

// SetDeadline implements net.Conn.
func (w *wire) SetDeadline(t time.Time) error { w.set(&t, &t); return w.Conn.SetDeadline(t) }

// SetReadDeadline implements net.Conn.
func (w *wire) SetReadDeadline(t time.Time) error { w.set(&t, nil); return w.Conn.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (w *wire) SetWriteDeadline(t time.Time) error { w.set(nil, &t); return w.Conn.SetWriteDeadline(t) }
