package qcm

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
)

// hostile is the address of whoever floods.
const hostile = "10.9.9.9"

// stranger connects as a made-up sid from ip.
func stranger(t *testing.T, net *memnet.Net, from string, sid quorum.SID) io.ReadWriteCloser {
	t.Helper()
	return raw(t, net, from, 1, hello(t, sid, at(9)))
}

func closeAll(all []io.ReadWriteCloser) {
	for _, c := range all {
		c.Close()
	}
}

// tooMany counts the strangers that were turned away for how often they came, and those that gave way.
func tooMany(n *node, mark int) (often, evicted int) {
	return count(n.rec, mark, func(e event.HandshakeRejected) bool {
			return e.Reason == event.RejectTooMany && strings.Contains(e.Detail, "too often")
		}),
		count(n.rec, mark, func(e event.ConnectionDown) bool { return e.Reason == event.DropEvicted })
}

// TestStrangersOfOneHost: one host has no more than its share of the places, and crowds out itself. Who never
// spoke gives way before who did.
func TestStrangersOfOneHost(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		opt := onNet(net, 1)
		opt.MaxUnknown, opt.MaxUnknownPerHost = 6, 4
		n := start(t, opt, with(members(t, 1, 2)))
		synctest.Wait()
		watcher := stranger(t, net, "10.7.7.7", 500)
		talker := stranger(t, net, hostile, 501)
		n.spy.await(t, "up 500", 1)
		if _, err := talker.Write(AppendFrame(nil, []byte("a question"))); err != nil {
			t.Fatal(err)
		}
		n.spy.await(t, "frame 501 a question", 1)
		var flood []io.ReadWriteCloser
		for i := range quorum.SID(40) {
			time.Sleep(time.Second)
			flood = append(flood, stranger(t, net, hostile, 2000+i))
			synctest.Wait()
			if links := n.Links(); len(links) > 1+4 {
				t.Fatalf("%d strangers after %d of one host", len(links), i+1)
			}
		}
		second := stranger(t, net, "10.7.7.8", 502)
		third := stranger(t, net, "10.7.7.9", 503)
		n.spy.await(t, "up 503", 1)
		synctest.Wait()
		if n.spy.seen("down 500")+n.spy.seen("down 501")+n.spy.seen("down 502") > 0 {
			t.Error("a stranger of another host, or one that speaks, gave way to silent ones")
		}
		if _, evicted := tooMany(n, 0); evicted != 40-3+1 {
			t.Errorf("%d gave way", evicted)
		}
		member := raw(t, net, hostile, 1, hello(t, 2, at(2)))
		n.spy.await(t, "up 2", 1)
		closeAll(append(flood, watcher, talker, second, third, member))
		n.halt()
	})
}

// TestStrangersComeTooOften: strangers of a host that come without end are turned away. Members at its address
// and strangers of another get in while that lasts, and its own again soon afterwards.
func TestStrangersComeTooOften(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		n := start(t, onNet(net, 1), with(members(t, 1, 2)))
		synctest.Wait()
		var flood []io.ReadWriteCloser
		for i := range quorum.SID(3 * strangersBurst) {
			flood = append(flood, stranger(t, net, hostile, 2000+i))
			synctest.Wait()
		}
		if often, evicted := tooMany(n, 0); often != 2*strangersBurst || evicted != strangersBurst-defaultUnknownPerHost {
			t.Errorf("%d turned away and %d gave way of %d", often, evicted, 3*strangersBurst)
		}
		flood = append(flood, raw(t, net, hostile, 1, hello(t, 2, at(2))), stranger(t, net, "10.7.7.7", 500))
		n.spy.await(t, "up 2", 1)
		n.spy.await(t, "up 500", 1)
		time.Sleep(strangersEvery)
		flood = append(flood, stranger(t, net, hostile, 501))
		n.spy.await(t, "up 501", 1)
		closeAll(flood)
		n.halt()
	})
}

// TestStrangerIsPaced: what a stranger sends beyond its share waits; a member is read as fast as it writes.
func TestStrangerIsPaced(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		n := start(t, onNet(net, 1), with(members(t, 1, 2)))
		synctest.Wait()
		const frames = strangerFrames + 50
		say := []byte{}
		for range frames {
			say = AppendFrame(say, []byte("again"))
		}
		other := stranger(t, net, hostile, 500)
		member := raw(t, net, hostile, 1, hello(t, 2, at(2)))
		began := time.Now()
		for _, c := range []io.Writer{other, member} {
			go func() { _, _ = c.Write(say) }() // ends when all was read
		}
		n.spy.await(t, "frame 2 again", frames)
		if took := time.Since(began); took != 0 {
			t.Errorf("the member's frames took %s", took)
		}
		synctest.Wait()
		if got := n.spy.seen("frame 500 again"); got != strangerFrames {
			t.Errorf("%d of the stranger's frames at once, want %d", got, strangerFrames)
		}
		n.spy.await(t, "frame 500 again", frames)
		if took := time.Since(began); took != (frames-strangerFrames)*strangerFramesEvery {
			t.Errorf("the stranger's frames took %s", took)
		}
		other.Close()
		member.Close()
		n.halt()
	})
}

// TestStrangersFrames: a stranger's frames are shorter than a member's, so that many strangers that do not finish theirs cost
// little memory.
func TestStrangersFrames(t *testing.T) {
	bubble(t, func(t *testing.T, net *memnet.Net) {
		n := start(t, onNet(net, 1), with(members(t, 1, 2)))
		synctest.Wait()
		long, longer := strings.Repeat("x", maxStrangerFrame), strings.Repeat("y", maxStrangerFrame+1)
		other := stranger(t, net, hostile, 500)
		member := raw(t, net, hostile, 1, hello(t, 2, at(2)))
		for _, c := range []io.Writer{other, member} {
			go func() { // ends when all was read, or its connection was closed
				_, _ = c.Write(AppendFrame(nil, []byte(long)))
				_, _ = c.Write(AppendFrame(nil, []byte(longer)))
			}()
		}
		n.spy.await(t, "frame 2 "+longer[:40], 1)
		n.spy.await(t, "frame 500 "+long[:40], 1)
		synctest.Wait()
		ended := count(n.rec, 0, func(e event.ConnectionDown) bool { return e.Peer == 500 && e.Reason == event.DropBadFrame })
		if n.spy.seen("frame 500 "+longer[:40]) > 0 || n.spy.seen("down 500") != 1 || ended != 1 {
			t.Errorf("the stranger's connection stands, or it ended otherwise: %d", ended)
		}
		other.Close()
		member.Close()
		n.halt()
	})
}
