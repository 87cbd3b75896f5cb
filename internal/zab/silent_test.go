package zab

import (
	"context"
	"fmt"
	"net"
	"testing"
	"testing/synctest"

	"electnode/internal/event"
)

// from is a connection from an address of its own.
type from struct {
	net.Conn
	remote string
}

func (f from) RemoteAddr() net.Addr { return pipeAddr(f.remote) }

// arrives lets a connection from host come in, takes what is told until it is open, and gives its other end and
// whose end was told meanwhile.
func (e *ends) arrives(t *testing.T, host string) (peer net.Conn, closed []Input) {
	t.Helper()
	a, b := net.Pipe()
	e.wg.Go(func() { e.taken(from{b, host + ":1"}) })
	for {
		in := <-e.inputs
		if in.Kind == Opened {
			synctest.Wait()
			return a, closed
		}
		if in.Kind != Closed {
			t.Fatalf("got %+v", in)
		}
		closed = append(closed, in)
	}
}

// TestSilentGiveWay: of connections without a first packet the oldest of the host with most goes; a learner at
// another address, and one at the same that has spoken, stay.
func TestSilentGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{})
		defer e.Close()
		slow, _ := e.arrives(t, "10.0.0.2")
		e.peer, _ = e.arrives(t, "10.9.9.9")
		e.says(t)
		member := e.peer
		evicted := map[string]int{}
		const flood = 3 * maxUnheard
		for range flood {
			_, closed := e.arrives(t, "10.9.9.9")
			for _, in := range closed {
				evicted[in.Reject+" "+in.Remote]++
			}
		}
		for len(evicted) == 0 || evicted["too_many 10.9.9.9:1"] < flood-maxUnheardPerHost {
			in := <-e.inputs
			evicted[in.Reject+" "+in.Remote]++
		}
		if len(evicted) != 1 {
			t.Errorf("evicted %v", evicted)
		}
		for _, peer := range []net.Conn{slow, member} {
			e.peer = peer
			e.says(t)
		}
	})
}

// TestMembersAtOnce: as many learners as there are members may come at the same instant from one host that has its share of
// silent connections already, and none gives way.
func TestMembersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const members = 3 * maxUnheard
		e := newEnds(TransportOptions{Members: members})
		defer e.Close()
		var peers []net.Conn
		for i := range maxUnheardPerHost + members {
			peer, closed := e.arrives(t, "10.9.9.9")
			if len(closed) > 0 {
				t.Fatalf("number %d came for %+v", i+1, closed)
			}
			peers = append(peers, peer)
		}
		for _, peer := range peers {
			e.peer = peer
			e.says(t)
		}
	})
}

// TestSilentLeaveRoom: when all places are taken, one that is silent goes for a newcomer, whoever it is.
func TestSilentLeaveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{MaxConns: 4})
		defer e.Close()
		for range 4 {
			e.arrives(t, "10.9.9.9")
		}
		for i := range 4 {
			peer, closed := e.arrives(t, fmt.Sprintf("10.0.0.%d", i))
			if len(closed) == 0 {
				closed = append(closed, <-e.inputs)
			}
			if len(closed) != 1 || closed[0].Reject != event.RejectTooMany {
				t.Errorf("a learner came for %+v", closed)
			}
			e.peer = peer
			e.says(t)
		}
		e.taken(from{e.peer, "10.0.0.9:1"})
		if n := e.events.count(func(ev event.Event) bool {
			r, ok := ev.(event.HandshakeRejected)
			return ok && r.Reason == event.RejectTooMany && r.Remote == "10.0.0.9:1"
		}); n != 1 {
			t.Errorf("%d events of one that came when all had spoken", n)
		}
	})
}

// TestAcceptWaits: while the role does not take what is told, no more is accepted than there are places.
func TestAcceptWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{MaxConns: 2})
		defer e.Close()
		if _, err := e.Listen([]string{"10.0.0.1:2888"}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range 4 * maxLeaving {
			go func() { // ends when it is accepted, or with the test
				if c, err := e.net.Dial(ctx, "10.0.0.1:2888"); err == nil {
					<-ctx.Done()
					c.Close()
				}
			}()
		}
		synctest.Wait()
		if n := len(e.places); n != 2+maxLeaving {
			t.Errorf("%d connections are about", n)
		}
		for range maxLeaving {
			<-e.inputs
		}
		cancel()
		e.Close()
	})
}
