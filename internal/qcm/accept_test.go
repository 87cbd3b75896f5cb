package qcm

import (
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
)

// ends waits until the other side of c has closed it.
func ends(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := io.Copy(io.Discard, c); n != 0 {
		t.Errorf("heard %d bytes, %v", n, err)
	}
	c.Close()
}

// TestSilentSocket is scenario C3: a connection that says nothing, or not enough, is given up in time.
func TestSilentSocket(t *testing.T) {
	for _, some := range []string{"", "\xff\xff", string(hello(t, 7, "a:1")[:22])} {
		bubble(t, func(t *testing.T, net *memnet.Net) {
			opt := onNet(net, 1)
			opt.HandshakeTimeout = 2 * time.Second
			n := start(t, opt, with(members(t, 1, 2)))
			synctest.Wait()
			began := time.Now()
			c := raw(t, net, "10.9.9.9", 1, nil)
			if _, err := c.Write([]byte(some)); err != nil {
				t.Fatal(err)
			}
			ends(t, c)
			if took := time.Since(began); took != 2*time.Second {
				t.Errorf("%q: given up after %s", some, took)
			}
			r := await[event.HandshakeRejected](t, n.rec, 0, nil)
			if r.Reason != event.RejectSilent || r.Duration != 2*time.Second {
				t.Errorf("%+v", r)
			}
			n.halt()
		})
	}
}

// TestFiftySilentSockets checks that silent sockets delay nobody, and that when there are too many of them, one for each
// member and the bound for others, the oldest goes.
func TestFiftySilentSockets(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		opt := onNet(net, 1)
		opt.MaxHalfOpen = 48
		n := start(t, opt, with(members(t, 1, 2)))
		synctest.Wait()
		began := time.Now()
		var silent []io.Closer
		first := raw(t, net, "10.9.9.9", 1, nil)
		synctest.Wait()
		for range 50 {
			silent = append(silent, raw(t, net, "10.9.9.9", 1, nil))
		}
		ends(t, first)
		r := await[event.HandshakeRejected](t, n.rec, 0, nil)
		if r.Reason != event.RejectTooMany || r.Remote != first.LocalAddr().String() {
			t.Errorf("%+v, want %s to go", r, first.LocalAddr())
		}
		synctest.Wait()
		if gone := count[event.HandshakeRejected](n.rec, 0, nil); gone != 1 {
			t.Errorf("%d had to go, want the first alone", gone)
		}
		member := raw(t, net, ip(2), 1, hello(t, 2, at(2)))
		n.spy.await(t, "up 2", 1)
		if took := time.Since(began); took != 0 {
			t.Errorf("the member waited %s", took)
		}
		for _, c := range append(silent, member) {
			c.Close()
		}
		n.halt()
	})
}

// TestFloodSpares checks that a host with many half-open connections crowds out its own.
func TestFloodSpares(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		opt := onNet(net, 1)
		opt.MaxHalfOpen = 4
		n := start(t, opt, with(members(t, 1, 2)))
		synctest.Wait()
		slow := raw(t, net, ip(2), 1, hello(t, 2, at(2))[:10])
		synctest.Wait()
		var flood []io.Closer
		for range 100 {
			flood = append(flood, raw(t, net, "10.9.9.9", 1, nil))
			synctest.Wait()
		}
		if _, err := slow.Write(hello(t, 2, at(2))[10:]); err != nil {
			t.Fatal(err)
		}
		n.spy.await(t, "up 2", 1)
		for _, c := range append(flood, slow) {
			c.Close()
		}
		n.halt()
	})
}

// TestRefusals sends what must be refused and checks that a member is served afterwards: none of it ends the
// listener, as a bad port does there.
func TestRefusals(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		n := start(t, onNet(net, 5), with(members(t, 5, 6)))
		synctest.Wait()
		for say, reason := range map[string]string{
			string(rawPreamble(versionOne, 3, 15, "127.0.0.1:99999")):       event.RejectAddress,
			string(rawPreamble(versionOne, 3, 21, "what's going on here?")): event.RejectAddress,
			string(rawPreamble(-7, 3, 3, "a:1")):                            event.RejectProtocol,
			string(rawPreamble(versionTwo, 3, 2049, "a:1")):                 event.RejectLength,
			string(rawPreamble(versionOne, 5, 3, "a:1")):                    event.RejectOwnSID,
			"\x00\x00\x00\x00\x00\x00\x00\x05":                              event.RejectOwnSID,
		} {
			mark := n.rec.mark()
			ends(t, raw(t, net, "10.9.9.9", 5, []byte(say)))
			if r := await[event.HandshakeRejected](t, n.rec, mark, nil); r.Reason != reason {
				t.Errorf("%q: %+v, want %s", say, r, reason)
			}
		}
		mark := n.rec.mark()
		raw(t, net, "10.9.9.9", 5, []byte{0, 0}).Close()
		if r := await[event.HandshakeRejected](t, n.rec, mark, nil); r.Reason != event.RejectClosed {
			t.Errorf("%+v", r)
		}
		c := raw(t, net, ip(6), 5, hello(t, 6, at(6)))
		n.spy.await(t, "up 6", 1)
		c.Close()
		if k := count[event.HandshakeCompleted](n.rec, 0, nil); k != 1 {
			t.Errorf("%d hand-shakes completed", k)
		}
		n.halt()
	})
}

// TestSplitPreamble sends a preamble byte by byte, a second apart.
func TestSplitPreamble(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		opt := onNet(net, 1)
		opt.HandshakeTimeout = time.Minute
		n := start(t, opt)
		synctest.Wait()
		c := raw(t, net, ip(2), 1, nil)
		for _, b := range AppendFrame(hello(t, 2, at(2)), []byte("hello")) {
			if _, err := c.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		n.spy.await(t, "frame 2 hello", 1)
		if e := await[event.HandshakeCompleted](t, n.rec, 0, nil); e.Form != "v2" || e.Peer != 2 || e.Duration < 30*time.Second {
			t.Errorf("%+v", e)
		}
		c.Close()
		n.halt()
	})
}

// TestBadFrames checks that a frame length outside the bounds ends the link, and the largest one does not.
func TestBadFrames(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		n := start(t, onNet(net, 1), with(members(t, 1, 2)))
		synctest.Wait()
		for _, v := range vectors(t, "frame") {
			mark := n.rec.mark()
			c := raw(t, net, ip(2), 1, append(hello(t, 2, at(2)), v.bytes(t)...))
			if v.Fields.Length == 0 {
				ends(t, c)
			} else {
				n.spy.await(t, "frame 2 "+string(v.bytes(t)[4:44]), 1)
				c.Close()
			}
			want := map[bool]string{true: event.DropBadFrame, false: event.DropClosed}[v.Fields.Length == 0]
			if e := await[event.ConnectionDown](t, n.rec, mark, nil); e.Reason != want {
				t.Errorf("%s: %+v, want %s", v.Name, e, want)
			}
		}
		c := raw(t, net, ip(2), 1, hello(t, 2, at(2)))
		if _, err := c.Write(AppendFrame(nil, make([]byte, MaxFrame))); err != nil {
			t.Fatal(err)
		}
		n.spy.await(t, "frame 2 "+string(make([]byte, 40)), 1)
		c.Close()
		n.halt()
	})
}

// TestStrangers floods a manager with made-up sids: their number stays bounded, the one that was silent
// longest gives way, the member's link stays.
func TestStrangers(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		opt := onNet(net, 1)
		opt.MaxUnknown = 8
		n := start(t, opt, with(members(t, 1, 2)))
		synctest.Wait()
		member := raw(t, net, ip(2), 1, hello(t, 2, at(2)))
		talker := raw(t, net, "10.9.9.9", 1, hello(t, 1000, at(9)))
		n.spy.await(t, "up 1000", 1)
		var conns []io.Closer
		for i := range 200 {
			conns = append(conns, raw(t, net, "10.9.9.9", 1, hello(t, quorum.SID(2000+i), at(9))))
			time.Sleep(time.Second)
			if _, err := talker.Write(AppendFrame(nil, []byte("still here"))); err != nil {
				t.Fatalf("stranger %d displaced one that talks: %v", i, err)
			}
			synctest.Wait()
			if links := n.Links(); len(links) > 1+8 {
				t.Fatalf("%d peers after %d strangers", len(links), i+1)
			}
		}
		if !n.link(2).Connected || n.spy.seen("down 2") > 0 || n.spy.seen("down 1000") > 0 {
			t.Error("the member, or the stranger that talks, was evicted")
		}
		if k := count(n.rec, 0, func(e event.ConnectionDown) bool { return e.Reason == event.DropEvicted }); k != 200-7 {
			t.Errorf("%d evicted", k)
		}
		for _, c := range append(conns, member, talker) {
			c.Close()
		}
		synctest.Wait()
		if links := n.Links(); len(links) != 1 {
			t.Errorf("strangers are remembered: %+v", links)
		}
		n.halt()
	})
}

// TestAnonymous checks 1.3: anonymous observers get sids of their own and are dialled back.
func TestAnonymous(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		observer, err := net.Host("10.9.9.9").Listen("10.9.9.9:1")
		if err != nil {
			t.Fatal(err)
		}
		n := start(t, onNet(net, 1), with(members(t, 1, 2)))
		synctest.Wait()
		var conns []io.Closer
		for k := range 2 {
			ends(t, raw(t, net, "10.9.9.9", 1, hello(t, quorum.AnonymousSID, "10.9.9.9:1")))
			c, err := observer.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if p, err := ReadPreamble(c); err != nil || p.SID != 1 {
				t.Fatalf("%+v, %v", p, err)
			}
			conns = append(conns, c)
			n.spy.await(t, fmt.Sprintf("up %d", -1-k), 1)
		}
		ends(t, raw(t, net, "10.9.9.9", 1, rawPreamble(1<<63-1, 0, 0, "")[:8]))
		if e := await(t, n.rec, 0, func(e event.ConnectionTieBreak) bool { return e.Peer == -3 }); e.Outcome != event.TieDropped {
			t.Errorf("%+v", e)
		}
		for _, c := range conns {
			c.Close()
		}
		observer.Close()
		n.halt()
	})
}

// TestListenRetry is scenario C4.
func TestListenRetry(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		opt := onNet(net, 1)
		opt.BindRetry, opt.Listen = 3, []string{at(1), "10.0.0.77:3888"}
		taken, err := net.Host(ip(1)).Listen(at(1))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		n := start(t, opt)
		if err := <-n.done; !errorsIs(err, ErrListen) || !errorsIs(err, syscall.EADDRINUSE) {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("gave up after %s", took)
		}
		if all, last := count[event.ListenFailed](n.rec, 0, nil), count(n.rec, 0, func(e event.ListenFailed) bool { return e.Final }); all != 6 || last != 2 {
			t.Errorf("%d failures told, %d of them final", all, last)
		}
		n.stop()
		taken.Close()
	})
}

// TestListenLateDials checks that larger peers, which could not dial back, are told when this node listens.
func TestListenLateDials(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		v := members(t, 1, 2)
		two := start(t, onNet(net, 2), with(v))
		taken := listen(t, net, 1)
		one := start(t, onNet(net, 1), with(v), func(n *node) { n.say(2, "hello") })
		time.Sleep(1500 * time.Millisecond)
		taken.Close()
		two.spy.await(t, "frame 1 hello", 1)
		one.halt()
		two.halt()
	})
}

// TestListenLater checks that 0 retries means for ever, and that one address is enough to go on.
func TestListenLater(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		opt := onNet(net, 1)
		taken, err := net.Host(ip(1)).Listen(at(1))
		if err != nil {
			t.Fatal(err)
		}
		n := start(t, opt)
		time.Sleep(time.Hour)
		taken.Close()
		time.Sleep(2 * bindPause)
		c := raw(t, net, ip(2), 1, hello(t, 2, at(2)))
		n.spy.await(t, "up 2", 1)
		c.Close()
		n.halt()

		opt.BindRetry, opt.Listen = 3, []string{"10.0.0.77:3888", at(1)}
		n = start(t, opt)
		time.Sleep(time.Minute)
		raw(t, net, ip(2), 1, hello(t, 2, at(2))).Close()
		n.spy.await(t, "down 2", 1)
		n.halt()
	})
}
