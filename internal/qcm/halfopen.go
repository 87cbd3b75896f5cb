package qcm

import (
	"context"
	"net"
	"slices"
	"time"

	"electnode/internal/crowd"
)

// halfOpen is the list of accepted connections that are not known to be a peer's yet, oldest first, and the bound
// on their number.
type halfOpen struct {
	limit   int // beside one for each member: all of them may come at once
	members int
	conns   []*handshake
}

// handshake is one accepted connection whose preamble is being read, or about which the Guard is being asked.
type handshake struct {
	conn    net.Conn
	host    string // who stands behind the remote address
	evicted bool   // closed to make room for another
	cancel  context.CancelFunc
}

// newHandshake makes one that may last until limit; the context ends then, or with end.
func newHandshake(conn net.Conn, limit time.Time) (context.Context, *handshake) {
	ctx, cancel := context.WithDeadline(context.Background(), limit)
	return ctx, &handshake{conn: conn, host: hostOf(conn), cancel: cancel}
}

// end ends the hand-shake, whatever it waits for.
func (h *handshake) end() {
	h.cancel()
	closeNow(h.conn)
}

func hostOf(conn net.Conn) string { return crowd.HostOf(conn.RemoteAddr().String()) }

// add puts h on the list. When that was full, the hand-shake that gives way is returned, for the caller
// to close: the oldest of the host that has most, so that a flood from one host crowds out itself.
func (o *halfOpen) add(h *handshake) (victim *handshake) {
	if limit := o.limit + o.members; len(o.conns) >= limit {
		places := make([]crowd.Place, 0, len(o.conns))
		for _, c := range o.conns {
			places = append(places, crowd.Place{Host: c.host})
		}
		victim = o.conns[crowd.Bounds{All: limit, PerHost: limit}.Yields(places, h.host)]
		victim.evicted = true
		o.remove(victim)
	}
	o.conns = append(o.conns, h)
	return victim
}

// remove takes h off the list, if it is still there.
func (o *halfOpen) remove(h *handshake) {
	if i := slices.Index(o.conns, h); i >= 0 {
		o.conns = slices.Delete(o.conns, i, i+1)
	}
}

func (o *halfOpen) all() []*handshake { return slices.Clone(o.conns) }
