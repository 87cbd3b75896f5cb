package web

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"

	"electnode/internal/crowd"
)

// What a connection has shown of itself: the ranks of crowd.Place.
const (
	guestNew  = iota // no request yet
	guestIdle        // it was answered, and waits
	guestBusy        // a request is being answered
)

// door bounds the connections of a server, in all and for each host. Who has a request answered is not pushed out.
// Of the others the oldest of the host that has most gives way, one without a request before one that had some.
type door struct {
	bounds  crowd.Bounds
	refused func(remote, detail string)

	mu     sync.Mutex
	guests []*guest // by age
}

// guest is a connection that came in.
type guest struct {
	net.Conn
	door *door
	host string
	rank int // the door's lock guards it
}

// Close implements net.Conn.
func (g *guest) Close() error {
	g.door.leave(g)
	return g.Conn.Close()
}

// behind is a listener whose connections come through the door.
type behind struct {
	net.Listener
	door *door
}

// Accept implements net.Listener.
func (b behind) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if g := b.door.enter(c); g != nil {
			return g, nil
		}
	}
}

// enter lets c in, in the place of another if need be; nil: there is no room, and c is closed.
func (d *door) enter(c net.Conn) *guest {
	g := &guest{Conn: c, door: d, host: crowd.HostOf(c.RemoteAddr().String())}
	d.mu.Lock()
	places := make([]crowd.Place, 0, len(d.guests))
	for _, o := range d.guests {
		places = append(places, crowd.Place{Host: o.host, Rank: o.rank})
	}
	var gone *guest
	if i := d.bounds.Yields(places, g.host); i >= 0 {
		gone = d.guests[i]
	}
	room := gone == nil || gone.rank < guestBusy
	silent := room && gone != nil && gone.rank == guestNew
	if room {
		d.guests = append(d.guests, g)
	}
	d.mu.Unlock()
	switch {
	case !room:
		_ = c.Close() // nothing was promised
		d.tell(c, "no room for another connection")
		return nil
	case gone != nil:
		_ = gone.Close() // the server finds it broken
	}
	if silent {
		d.tell(gone, "more connections without a request than are kept")
	}
	return g
}

func (d *door) leave(g *guest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.Index(d.guests, g); i >= 0 {
		d.guests = slices.Delete(d.guests, i, i+1)
	}
}

func (d *door) tell(c net.Conn, detail string) {
	if d.refused != nil {
		d.refused(c.RemoteAddr().String(), fmt.Sprintf("%s: %d in all, %d of one address", detail, d.bounds.All, d.bounds.PerHost))
	}
}

// state is the ConnState of the server.
func (d *door) state(c net.Conn, s http.ConnState) {
	if layered, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = layered.NetConn() // below TLS
	}
	g, ok := c.(*guest)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch s {
	case http.StateActive, http.StateHijacked:
		g.rank = guestBusy
	case http.StateIdle:
		g.rank = guestIdle
	}
}
