package zab

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

func TestPacketsPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ids := new(atomic.Uint64)
		ids.Store(41)
		e := newEnds(TransportOptions{IDs: ids})
		defer e.Close()
		id := e.accepted(t)
		if id != 42 {
			t.Errorf("id %d, want 42", id)
		}
		e.Send(Send{id, Packet{Type: TypePing, Zxid: 7}})
		e.Send(Send{99, Packet{Type: TypePing}}) // nobody's: dropped
		if p, err := readFrom(e.peer); err != nil || p.Type != TypePing || p.Zxid != 7 {
			t.Errorf("got %+v, %v", p, err)
		}
		go e.peer.Write(AppendPacket(nil, info(TypeFollowerInfo, 2))) // ends with the write
		if in := <-e.inputs; in.Kind != Received || in.Conn != id || in.Packet.Type != TypeFollowerInfo {
			t.Errorf("got %+v", in)
		}
		e.peer.Close()
		if in := <-e.inputs; in.Kind != Closed || in.Conn != id || in.Reject != "" || in.Reason != "" ||
			in.Detail != "closed by the other side" {
			t.Errorf("got %+v", in)
		}
	})
}

func TestBadFirstPackets(t *testing.T) {
	tests := []struct {
		name, bytes, reject, reason string
	}{
		{"nothing", "", event.RejectClosed, ""},
		{"HTTP", "GET / HTTP/1.1\r\nHost: electnode\r\n\r\n", event.RejectFirstPacket, event.LearnerProtocol},
		{"more data than a learner says first", string(AppendPacket(nil, Packet{Type: TypeFollowerInfo,
			Data: make([]byte, maxFirstData+1)})), event.RejectFirstPacket, event.LearnerProtocol},
		{"half a packet", "\x00\x00\x00\x0b\x00\x00", event.RejectClosed, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnds(TransportOptions{})
				defer e.Close()
				id := e.accepted(t)
				peer := e.peer
				go func() { // ends with the write, which a closed pipe ends
					io.WriteString(peer, tt.bytes)
					peer.Close()
				}()
				in := <-e.inputs
				if in.Kind != Closed || in.Conn != id || in.Reject != tt.reject || in.Reason != tt.reason {
					t.Errorf("got %+v", in)
				}
			})
		})
	}
}

// secure is a connection whose TLS hand-shake does not succeed.
type secure struct{ net.Conn }

func (secure) Handshake() error    { return errTest }
func (s secure) NetConn() net.Conn { return s.Conn }

func TestBadHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{})
		defer e.Close()
		a, b := net.Pipe()
		defer a.Close()
		e.taken(secure{b})
		if in := <-e.inputs; in.Kind != Opened {
			t.Fatalf("got %+v", in)
		}
		if in := <-e.inputs; in.Kind != Closed || in.Reject != event.RejectTLS || in.Detail != errTest.Error() {
			t.Errorf("got %+v", in)
		}
	})
}

// Who does not read is dropped, by the size of its queue or by the time of one write.
func TestSlowReader(t *testing.T) {
	big := Packet{Type: TypeNewLeader, Data: make([]byte, 100<<10)}
	for _, packets := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnds(TransportOptions{WriteTimeout: 3 * time.Second})
			defer e.Close()
			id := e.accepted(t)
			begun := time.Now()
			for range packets {
				e.Send(Send{id, big})
				synctest.Wait() // the writer has taken the first and is stuck in it
			}
			in := <-e.inputs
			if in.Kind != Closed || in.Reason != event.LearnerSlow {
				t.Errorf("got %+v", in)
			}
			want := 3 * time.Second
			if packets > 1 {
				want = 0
			}
			if took := time.Since(begun); took != want {
				t.Errorf("%d packets: after %s, want %s", packets, took, want)
			}
		})
	}
}

func TestCloseConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{})
		defer e.Close()
		id := e.accepted(t)
		e.Send(Send{id, Packet{Type: TypePing, Zxid: 1}})
		e.Send(Send{id, Packet{Type: TypeUpToDate, Zxid: 2}})
		e.CloseConn(id)
		e.Send(Send{id, Packet{Type: TypePing, Zxid: 3}}) // too late
		got, err := io.ReadAll(e.peer)
		want := AppendPacket(AppendPacket(nil, Packet{Type: TypePing, Zxid: 1}), Packet{Type: TypeUpToDate, Zxid: 2})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("got %x, %v, want %x", got, err, want)
		}
		if in := <-e.inputs; in.Kind != Closed || in.Reason != event.LearnerClosed || in.Detail != "closed by this node" {
			t.Errorf("got %+v", in)
		}

		id = e.accepted(t) // this one reads nothing
		begun := time.Now()
		e.Send(Send{id, Packet{Type: TypePing}})
		e.CloseConn(id)
		if in := <-e.inputs; in.Kind != Closed || time.Since(begun) != lastWrite {
			t.Errorf("got %+v after %s, want Closed after %s", in, time.Since(begun), lastWrite)
		}
	})
}

// Nobody takes the inputs: Close must not wait for that, and a stuck reader holds up nothing else.
func TestCloseWithStuckReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{})
		e.accepted(t)
		stuck := e.peer
		go func() { // ends when Close closes the pipe
			for {
				if _, err := stuck.Write(AppendPacket(nil, info(TypeFollowerInfo, 2))); err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		peer, err := e.net.Dial(context.Background(), "10.0.0.1:2888")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		e.Send(Send{2, Packet{Type: TypePing}})
		if p, err := readFrom(peer); err != nil || p.Type != TypePing {
			t.Errorf("the second connection is stuck too: %v", err)
		}
		e.Dial(context.Background(), 1, []string{"leader:1"}) // its DialError is taken by nobody
		e.Close()
		e.Close()
		e.Dial(context.Background(), 1, []string{"leader:2888"})
		if bound, err := e.Listen([]string{"10.0.0.1:2889"}); err == nil || len(bound) > 0 {
			t.Errorf("a closed transport listens: %v", bound)
		}
	})
}

// TestMaxConns: those who have spoken are not pushed out.
func TestMaxConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{MaxConns: 1})
		defer e.Close()
		e.accepted(t)
		first := e.peer
		e.says(t)
		second, err := e.net.Dial(context.Background(), "10.0.0.1:2888")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readFrom(second); err != io.EOF {
			t.Errorf("the second connection: %v, want it closed", err)
		}
		synctest.Wait()
		if n := e.events.count(func(ev event.Event) bool {
			r, ok := ev.(event.HandshakeRejected)
			return ok && r.Reason == event.RejectTooMany
		}); n != 1 {
			t.Errorf("%d rejections recorded, want 1", n)
		}
		first.Close()
		<-e.inputs // Closed
		e.accepted(t)
	})
}

func TestListenErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{})
		defer e.Close()
		bound, err := e.Listen([]string{"a:1", "a:1", "b:1"})
		if len(bound) != 2 || err == nil || !strings.Contains(err.Error(), "quorum port a:1: address in use") {
			t.Errorf("got %v, %v", bound, err)
		}
	})
}

func TestListenerThatDoesNotRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{})
		defer e.Close()
		e.wg.Go(func() { e.accept(&pipeListener{broken: true}) })
		begun := time.Now()
		if in := <-e.inputs; in.Kind != PortLost || in.Detail != errTest.Error() {
			t.Errorf("got %+v", in)
		}
		if took := time.Since(begun); took < 3*time.Second || took > 5*time.Second {
			t.Errorf("gave up after %s", took)
		}
	})
}

func TestDial(t *testing.T) {
	tests := []struct {
		name  string
		addrs []string
		after time.Duration
		fails string // empty: connected
	}{
		{"the only one", []string{"good:1"}, 0, ""},
		{"the first hangs", []string{"hangs:1", "good:1"}, stagger, ""},
		{"the first two are refused", []string{"bad:1", "bad:1", "good:1"}, 2 * stagger, ""},
		{"the second has no name", []string{"good:1", "nobody:1"}, 0, ""},
		{"the first address of a name hangs", []string{"both:1"}, 2500 * time.Millisecond, ""},
		{"all are refused", []string{"bad:1", "bad:2"}, stagger, "dial 10.0.0.2:1: refused; dial 10.0.0.2:2: refused"},
		{"it hangs", []string{"hangs:1"}, 5 * time.Second, "dial 10.0.0.3:1: context deadline exceeded"},
		{"no port", []string{"good"}, 0, "address good: missing port in address"},
		{"no name", []string{"nobody:1"}, 0, "nobody:1: no such host nobody"},
		{"no address of a name", []string{"empty:1"}, 0, "empty:1: no address"},
		{"no address", nil, 0, "no address"},
		{"a name with too many addresses", []string{"crowd:1"}, 0, "dial 10.0.0.2:1: refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnds(TransportOptions{})
				defer e.Close()
				e.net.hosts = map[string][]string{"good": {"10.0.0.1"}, "bad": {"10.0.0.2"}, "hangs": {"10.0.0.3"},
					"both": {"10.0.0.3", "10.0.0.1"}, "empty": nil,
					"crowd": append(slices.Repeat([]string{"10.0.0.2"}, maxResolved), "10.0.0.1")}
				e.net.hang = map[string]bool{"10.0.0.3:1": true}
				ln, err := e.net.Listen("10.0.0.1:1")
				if err != nil {
					t.Fatal(err)
				}
				defer ln.Close()
				go func() { // ends when the listener is closed
					for {
						c, err := ln.Accept()
						if err != nil {
							return
						}
						defer c.Close()
					}
				}()
				begun := time.Now()
				e.Dial(context.Background(), 1, tt.addrs)
				in := <-e.inputs
				if took := time.Since(begun); took != tt.after {
					t.Errorf("after %s, want %s", took, tt.after)
				}
				if tt.fails == "" && in.Kind != Opened || tt.fails != "" && (in.Kind != DialError || in.Detail != tt.fails) {
					t.Errorf("got %+v", in)
				}
			})
		})
	}
}

func TestSnapshotStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{})
		defer e.Close()
		id := e.dialled(t)
		tree := emptyTree()
		tree.paths[1] = "/elsewhere"
		stream := tree.bytes()
		peer := e.peer
		go func() { // ends when all is written, or Close closes the pipe
			peer.Write(AppendPacket(nil, Packet{Type: TypeSnap, Zxid: 5 << 32}))
			for i := range 3 { // a byte every now and then is not silence
				time.Sleep(1500 * time.Millisecond)
				peer.Write(stream[i*4 : i*4+4])
			}
			peer.Write(stream[12:])
			peer.Write(AppendPacket(nil, Packet{Type: TypeNewLeader}))
		}()
		begun := time.Now()
		var at []time.Duration
		var in Input
		for in = <-e.inputs; in.Kind == Progress; in = <-e.inputs {
			at = append(at, time.Since(begun).Truncate(time.Millisecond))
			if in.Conn != id || in.Packet.Type != TypeSnap || in.Packet.Zxid != 5<<32 || in.Packet.Snapshot != nil {
				t.Errorf("got %+v", in)
			}
		}
		if len(at) < 2 || at[0] != 0 {
			t.Errorf("progress at %v, want at the begin and while it lasts", at)
		}
		want := SnapshotSummary{Nodes: 4, History: true, Bytes: int64(len(stream))}
		if in.Kind != Received || in.Packet.Type != TypeSnap || in.Packet.Snapshot == nil || *in.Packet.Snapshot != want {
			t.Errorf("got %+v %+v", in, in.Packet.Snapshot)
		}
		if in = <-e.inputs; in.Packet.Type != TypeNewLeader {
			t.Errorf("after the stream: %+v", in)
		}
	})
}

// TestPacketsArePaced: a learner's packets are taken so fast and no faster, a stranger's more slowly; a leader's as they come.
func TestPacketsArePaced(t *testing.T) {
	const more = 100
	for _, tt := range []struct {
		name  string
		sid   quorum.SID
		every time.Duration
	}{{"a member", 2, memberPacketsEvery}, {"a stranger", 7, strangerPacketsEvery}, {"a leader", 0, 0}} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnds(TransportOptions{Member: func(sid quorum.SID) bool { return sid == 2 }})
			defer e.Close()
			if tt.sid == 0 {
				e.dialled(t)
			} else {
				e.accepted(t)
				go e.peer.Write(AppendPacket(nil, info(TypeFollowerInfo, tt.sid))) // ends with the write
				<-e.inputs
			}
			begun := time.Now()
			go e.peer.Write(bytes.Repeat(AppendPacket(nil, Packet{Type: TypePing}), learnerPackets+more)) // ends with the write
			for i := range learnerPackets + more {
				in := <-e.inputs
				if in.Kind != Received {
					t.Fatalf("%s, packet %d: %+v", tt.name, i, in)
				}
				if took, want := time.Since(begun), time.Duration(max(0, i+1-learnerPackets))*tt.every; took != want {
					t.Fatalf("%s: packet %d after %s, want %s", tt.name, i+1, took, want)
				}
			}
		})
	}
}

// TestLongPackets: of a long packet no more is kept than a role looks at, however much it says it has.
func TestLongPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{})
		defer e.Close()
		e.accepted(t)
		e.says(t)
		data := bytes.Repeat([]byte("electnode"), 100_000)
		long := Packet{Type: TypeRequest, Data: data, AuthInfo: []AuthID{{Scheme: "digest", ID: strings.Repeat("x", 50_000)}}}
		go e.peer.Write(slices.Concat(AppendPacket(nil, long), AppendPacket(nil, Packet{Type: TypePing}))) // ends with the write
		in := <-e.inputs
		if in.Packet.Type != TypeRequest || !bytes.Equal(in.Packet.Data, data[:keptData]) || cap(in.Packet.Data) > keptData ||
			len(in.Packet.AuthInfo) != 1 || in.Packet.AuthInfo[0] != (AuthID{}) {
			t.Errorf("%d bytes of data, authinfo %v", len(in.Packet.Data), in.Packet.AuthInfo)
		}
		if in = <-e.inputs; in.Packet.Type != TypePing {
			t.Errorf("after it: %+v", in)
		}
	})
}

// A snapshot stream that is none ends the connection with the field's name.
func TestBadSnapshotStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnds(TransportOptions{})
		defer e.Close()
		e.dialled(t)
		peer := e.peer
		go peer.Write(append(AppendPacket(nil, Packet{Type: TypeSnap}), 0xff, 0xff, 0xff, 0xff)) // ends with the pipe
		<-e.inputs                                                                               // Progress
		in := <-e.inputs
		if in.Kind != Closed || in.Reason != event.LearnerProtocol || in.Reject != "" ||
			!strings.Contains(in.Detail, "snapshot session count") {
			t.Errorf("got %+v", in)
		}
	})
}
