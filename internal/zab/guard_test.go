package zab

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// only lets nobody speak but as this server; it thinks for a while about whom it refuses.
type only struct {
	sid   quorum.SID
	think time.Duration // longer than a hand-shake may take: until nobody asks any more
}

func (g only) Admit(ctx context.Context, _ net.Conn, sid quorum.SID) error {
	if sid == g.sid {
		return nil
	}
	timer := time.NewTimer(g.think)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return errors.Join(errTest, io.EOF) // not to be taken for the end of the connection
}

// TestGuardOfLearners: the guard is asked about the sid of a learner's first packet, before the role hears of it. What
// names no learner goes to the role, which refuses it.
func TestGuardOfLearners(t *testing.T) {
	for name, c := range map[string]struct {
		packet Packet
		think  time.Duration
		reject string // empty: it is delivered
	}{
		"the real one":        {info(TypeFollowerInfo, 2), 0, ""},
		"an observer":         {info(TypeObserverInfo, 2), 0, ""},
		"somebody else":       {info(TypeFollowerInfo, 3), 0, event.RejectIdentity},
		"as an observer":      {info(TypeObserverInfo, 3), 0, event.RejectIdentity},
		"of old":              {Packet{Type: TypeFollowerInfo, Data: []byte{0, 0, 0, 0, 0, 0, 0, 3}}, 0, event.RejectIdentity},
		"without a name":      {Packet{Type: TypeFollowerInfo, Data: []byte{3}}, 0, ""},
		"another packet":      {Packet{Type: TypePing, Data: info(TypeFollowerInfo, 3).Data}, 0, ""},
		"about whom it takes": {info(TypeFollowerInfo, 3), time.Hour, event.RejectIdentity},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnds(TransportOptions{Guard: only{2, c.think}, HandshakeTimeout: 3 * time.Second})
				defer e.Close()
				id := e.accepted(t)
				peer, begun := e.peer, time.Now()
				go peer.Write(AppendPacket(nil, c.packet)) // ends with the write, which Close ends
				in := <-e.inputs
				if c.reject == "" {
					if in.Kind != Received || in.Packet.Type != c.packet.Type {
						t.Errorf("got %+v", in)
					}
					return
				}
				if in.Kind != Closed || in.Conn != id || in.Reject != c.reject || in.Reason != "" {
					t.Errorf("got %+v", in)
				}
				if took, want := time.Since(begun), min(c.think, 3*time.Second); took != want {
					t.Errorf("after %s, want %s", took, want)
				}
			})
		})
	}
}

// TestGuardEndsWithItsConnection: closing does not wait for what the guard is asked.
func TestGuardEndsWithItsConnection(t *testing.T) {
	for _, all := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnds(TransportOptions{Guard: only{2, time.Hour}})
			defer e.Close()
			id := e.accepted(t)
			if _, err := e.peer.Write(AppendPacket(nil, info(TypeFollowerInfo, 3))); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			begun := time.Now()
			if all {
				e.Close()
			} else {
				e.CloseConn(id)
				if in := <-e.inputs; in.Kind != Closed {
					t.Errorf("got %+v", in)
				}
			}
			if took := time.Since(begun); took != 0 {
				t.Errorf("all %t: after %s", all, took)
			}
		})
	}
}

// TestGuardOfTheLeader: where somebody else answers than the leader counts as an address that does not answer, and is
// told; it hears nothing.
func TestGuardOfTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{Guard: only{2, 0}})
		defer e.Close()
		ln, err := e.net.Listen("10.0.0.1:2888")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		e.Dial(context.Background(), 3, []string{"leader:2888"})
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, conn); n != 0 || err != nil {
			t.Errorf("it heard %d bytes, %v", n, err)
		}
		if in := <-e.inputs; in.Kind != DialError {
			t.Errorf("got %+v", in)
		}
		if n := e.events.count(func(ev event.Event) bool {
			a, ok := ev.(event.ConnectionAttempt)
			return ok && a.Result == event.DialIdentity && a.Peer == 3 && a.Address == "10.0.0.1:2888" && a.Detail != ""
		}); n != 1 {
			t.Errorf("it was told %d times", n)
		}
		e.Dial(context.Background(), 2, []string{"leader:2888"})
		if conn, err = ln.Accept(); err != nil {
			t.Fatal(err)
		}
		if in := <-e.inputs; in.Kind != Opened {
			t.Errorf("got %+v", in)
		}
		conn.Close()
		<-e.inputs // Closed
	})
}

// TestFirstPacketInTime: who accepts waits for a hand-shake and a first packet only so long. After that packet a
// learner may be silent for ever, as far as the transport is concerned.
func TestFirstPacketInTime(t *testing.T) {
	first := AppendPacket(nil, info(TypeFollowerInfo, 2))
	for name, say := range map[string][]byte{"nothing": nil, "half": first[:len(first)-1]} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnds(TransportOptions{HandshakeTimeout: 3 * time.Second})
			defer e.Close()
			id := e.accepted(t)
			peer, begun := e.peer, time.Now()
			go peer.Write(say) // ends with the write, which Close ends
			in := <-e.inputs
			if in.Kind != Closed || in.Conn != id || in.Reject != event.RejectSilent || time.Since(begun) != 3*time.Second {
				t.Errorf("%s: got %+v after %s", name, in, time.Since(begun))
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{HandshakeTimeout: 3 * time.Second})
		defer e.Close()
		e.accepted(t)
		peer := e.peer
		go func() { // ends with the writes, which Close ends
			peer.Write(first)
			time.Sleep(time.Hour)
			peer.Write(AppendPacket(nil, Packet{Type: TypePing}))
		}()
		for _, want := range []PacketType{TypeFollowerInfo, TypePing} {
			if in := <-e.inputs; in.Kind != Received || in.Packet.Type != want {
				t.Errorf("got %+v, want %s", in, want)
			}
		}
	})
}
