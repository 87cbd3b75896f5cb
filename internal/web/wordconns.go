package web

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"electnode/internal/crowd"
	"electnode/internal/event"
)

// Limits of the client port: a word is four bytes and one answer, so nobody needs long or many.
const (
	wordTime         = 5 * time.Second // for the word and the answer
	wordConns        = 60
	wordConnsPerHost = 30
	// A listener that cannot accept, for want of a file descriptor say, tries again after a pause that doubles.
	wordPauseFirst = 10 * time.Millisecond
	wordPauseLast  = time.Second
)

// wordGuests are the open connections of the client port.
type wordGuests struct {
	mu       sync.Mutex
	closed   bool
	accepted uint64
	conns    map[net.Conn]*wordConn
}

// wordConn is what there is to tell of a connection; the rest is guarded by the lock of wordGuests.
type wordConn struct {
	recved, sent atomic.Int64
	host         string
	number       uint64 // its place among all
	said         bool   // its word, which is being answered
	evicted      bool   // closed to make room for a newer one
}

// enter takes a connection in. When there are too many the oldest of the host that has most gives way, which has
// had most time to say its word: silent connections do not keep others out. Nil: all are being answered, or closeAll was called.
func (w *wordGuests) enter(c net.Conn) *wordConn {
	host := crowd.HostOf(c.RemoteAddr().String())
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	open := make([]net.Conn, 0, len(w.conns))
	for other := range w.conns {
		open = append(open, other)
	}
	slices.SortFunc(open, func(a, b net.Conn) int { return cmp.Compare(w.conns[a].number, w.conns[b].number) })
	places := make([]crowd.Place, 0, len(open))
	for _, other := range open {
		p := crowd.Place{Host: w.conns[other].host}
		if w.conns[other].said {
			p.Rank = 1
		}
		places = append(places, p)
	}
	if i := (crowd.Bounds{All: wordConns, PerHost: wordConnsPerHost}).Yields(places, host); i >= 0 {
		if places[i].Rank > 0 {
			return nil
		}
		w.conns[open[i]].evicted = true
		delete(w.conns, open[i])
		_ = open[i].Close() // its goroutine tells
	}
	w.accepted++
	info := &wordConn{number: w.accepted, host: host}
	w.conns[c] = info
	return info
}

// spoke notes that a connection has said its word, and reports whether it was still there to do so.
func (w *wordGuests) spoke(info *wordConn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	info.said = true
	return !info.evicted
}

func (w *wordGuests) leave(c net.Conn) {
	w.mu.Lock()
	delete(w.conns, c)
	w.mu.Unlock()
	_ = c.Close() // the answer was written, or could not be
}

// gaveWay reports whether a connection was closed to make room.
func (w *wordGuests) gaveWay(info *wordConn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return info.evicted
}

// closeAll throws every connection away, and lets none in any more.
func (w *wordGuests) closeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for c := range w.conns {
		_ = c.Close()
	}
}

func (w *wordGuests) open() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.conns)
}

// list makes a line for each connection.
func (w *wordGuests) list() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for c, info := range w.conns {
		lines = append(lines, fmt.Sprintf(" /%s[0](queued=0,recved=%d,sent=%d)\n", c.RemoteAddr(),
			info.recved.Load(), info.sent.Load()))
	}
	slices.Sort(lines)
	return lines
}

// accept takes connections until the listener is closed.
func (w *Words) accept() {
	pause := wordPauseFirst
	for {
		c, err := w.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			if !w.rest(pause) {
				return
			}
			pause = min(2*pause, wordPauseLast)
			continue
		}
		pause = wordPauseFirst
		info := w.guests.enter(c)
		if info == nil {
			_ = c.Close() // nothing was promised
			w.reject(c, event.RejectTooMany, "all connections are being answered")
			continue
		}
		// Owned by the connection: ends with it, after wordTime at the latest.
		w.wg.Go(func() { w.serve(c, info) })
	}
}

// rest waits for d; false: Close was called.
func (w *Words) rest(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.closing:
		return false
	}
}
