package lab

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"electnode/internal/fle"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// The ports of every node that a flood goes to.
const (
	electionPort = 3888
	quorumPort   = 2888
	clientPort   = 2181
	webPort      = 7001
)

const (
	floodDial = time.Second
	floodHold = 5 * time.Second        // how long at most one connection is held
	floodRest = 100 * time.Millisecond // at most, between two connections of one attacker
)

// Flood attacks all ports of some nodes at once from one host: each attacker, on a thread of its own, makes one connection
// after the other and does one kind of harm with it, until Stop. Which and when comes from a seed.
type Flood struct {
	targets []netip.Addr
	cancel  context.CancelFunc
	running sync.WaitGroup
	done    map[string]*atomic.Int64 // connections by kind of attack
}

// attacker is one kind of harm, done to a connection that stands.
type attacker struct {
	name  string
	port  uint16
	many  int // how many do it at once
	harms func(ctx context.Context, r *rand.Rand, c net.Conn)
}

// attackers are all kinds. Each tries to take what its port has: places, memory, time.
func attackers() []attacker {
	return []attacker{
		{"election: silent", electionPort, 16, hold},
		{"election: garbage", electionPort, 8, garbage},
		{"election: half a preamble", electionPort, 8, func(ctx context.Context, r *rand.Rand, c net.Conn) {
			say(c, hello(r)[:1+r.IntN(20)])
			hold(ctx, r, c)
		}},
		{"election: foreign servers", electionPort, 8, foreign},
		{"election: frames of maximal length", electionPort, 4, largest},
		{"election: reads nothing", electionPort, 8, deaf},
		{"quorum: silent", quorumPort, 16, hold},
		{"quorum: garbage", quorumPort, 8, garbage},
		{"quorum: foreign learners", quorumPort, 8, func(ctx context.Context, r *rand.Rand, c net.Conn) {
			info := zab.LearnerInfo{SID: foreignSID(r), ProtocolVersion: 0x10000}
			say(c, zab.AppendPacket(nil, zab.Packet{Type: zab.TypeObserverInfo, Data: zab.AppendLearnerInfo(nil, info)}))
			hold(ctx, r, c)
		}},
		{"quorum: packets of maximal length", quorumPort, 4, func(ctx context.Context, r *rand.Rand, c net.Conn) {
			info := zab.LearnerInfo{SID: foreignSID(r), ProtocolVersion: 0x10000}
			say(c, zab.AppendPacket(nil, zab.Packet{Type: zab.TypeFollowerInfo, Data: zab.AppendLearnerInfo(nil, info)}))
			say(c, zab.AppendPacket(nil, zab.Packet{Type: zab.TypeRequest, Data: make([]byte, 1<<20)}))
			hold(ctx, r, c)
		}},
		{"client: silent", clientPort, 8, hold},
		{"client: words", clientPort, 4, func(_ context.Context, _ *rand.Rand, c net.Conn) {
			say(c, []byte("mntr"))
			_, _ = io.Copy(io.Discard, c) // the deadline ends it
		}},
		{"web: silent", webPort, 8, hold},
		{"web: a header that does not end", webPort, 8, func(ctx context.Context, r *rand.Rand, c net.Conn) {
			say(c, []byte("GET / HTTP/1.1\r\nHost: x\r\n"))
			for ctx.Err() == nil && say(c, fmt.Appendf(nil, "X-%d: y\r\n", r.Uint64())) {
				pause(ctx, 200*time.Millisecond)
			}
		}},
		{"web: events that nobody reads", webPort, 8, func(ctx context.Context, r *rand.Rand, c net.Conn) {
			say(c, []byte("GET /api/v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\n\r\n"))
			hold(ctx, r, c)
		}},
		{"web: scrapes", webPort, 2, func(ctx context.Context, _ *rand.Rand, c net.Conn) {
			say(c, []byte("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
			_, _ = io.Copy(io.Discard, c) // the deadline ends it
			pause(ctx, 500*time.Millisecond)
		}},
	}
}

// StartFlood sets all attackers of host on the targets. The end of the test stops them, too.
func StartFlood(t testing.TB, host *Host, seed uint64, targets ...netip.Addr) *Flood {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &Flood{targets: targets, cancel: cancel, done: map[string]*atomic.Int64{}}
	stream := uint64(0)
	for _, a := range attackers() {
		count := new(atomic.Int64)
		f.done[a.name] = count
		for range a.many {
			stream++
			r := rand.New(rand.NewPCG(seed, stream))
			f.running.Add(1)
			// Owned by f: ends when ctx does, which Stop sees to.
			err := host.Go(func() {
				defer f.running.Done()
				f.attack(ctx, r, a, count)
			})
			if err != nil {
				f.running.Done()
				t.Fatal(err)
			}
		}
	}
	t.Cleanup(f.Stop)
	return f
}

// Stop ends all attackers and waits for them.
func (f *Flood) Stop() {
	f.cancel()
	f.running.Wait()
}

// Counts says how many connections each kind of attack has made so far.
func (f *Flood) Counts() map[string]int64 {
	counts := map[string]int64{}
	for name, n := range f.done {
		counts[name] = n.Load()
	}
	return counts
}

// attack makes one connection after the other.
func (f *Flood) attack(ctx context.Context, r *rand.Rand, a attacker, count *atomic.Int64) {
	dialer := net.Dialer{Timeout: floodDial}
	for ctx.Err() == nil {
		target := netip.AddrPortFrom(f.targets[r.IntN(len(f.targets))], a.port)
		conn, err := dialer.DialContext(ctx, "tcp", target.String())
		if err == nil {
			count.Add(1)
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			if conn.SetDeadline(time.Now().Add(floodHold)) == nil {
				a.harms(ctx, r, conn)
			}
			stop()
			_ = conn.Close() // nobody waits for what was on its way
		}
		pause(ctx, time.Duration(r.Int64N(int64(floodRest))))
	}
}

// pause lets time pass, or ctx end.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// say writes; false: nobody takes it any more.
func say(c net.Conn, b []byte) bool {
	_, err := c.Write(b)
	return err == nil
}

// hold keeps the connection and neither reads nor writes.
func hold(ctx context.Context, r *rand.Rand, _ net.Conn) {
	pause(ctx, time.Duration(r.Int64N(int64(floodHold))))
}

func garbage(_ context.Context, r *rand.Rand, c net.Conn) {
	b := make([]byte, 1+r.IntN(4096))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	if say(c, b) {
		_, _ = io.Copy(io.Discard, c) // until it is thrown out
	}
}

// foreignSID is that of no member, above all of them or below.
func foreignSID(r *rand.Rand) quorum.SID {
	sid := quorum.SID(1000 + r.IntN(1_000_000))
	if r.IntN(4) == 0 {
		sid = -sid
	}
	return sid
}

// hello is a preamble as it must be, of a server that is no member; what it says of its address leads nowhere.
func hello(r *rand.Rand) []byte {
	b, err := qcm.AppendPreamble(nil, qcm.Preamble{Form: qcm.FormV1, SID: foreignSID(r), Addresses: []string{"127.0.0.1:1"}})
	if err != nil {
		panic(err)
	}
	return b
}

// vote is a frame with a vote of a foreign server, for anybody in any round.
func vote(r *rand.Rand) []byte {
	n := fle.Notification{State: quorum.State(r.IntN(4)), Vote: quorum.Vote{Leader: quorum.SID(r.IntN(8)),
		Zxid: quorum.Zxid(r.Uint64()), PeerEpoch: quorum.Epoch(r.Int32())}, Round: quorum.Round(r.Int64()), Version: 2,
		Text: []byte("server.1=127.0.0.1:1:2\nserver.2=127.0.0.1:3:4\nversion=7fffffffffffffff")}
	return qcm.AppendFrame(nil, fle.Append(nil, n))
}

// foreign votes, and reads what it gets for it.
func foreign(ctx context.Context, r *rand.Rand, c net.Conn) {
	say(c, hello(r))
	// Ends with the connection, which the caller closes; the caller's deadline bounds it.
	go func() { _, _ = io.Copy(io.Discard, c) }()
	for n := 0; n < 200 && say(c, vote(r)); n++ {
		pause(ctx, time.Duration(r.IntN(20))*time.Millisecond)
	}
}

// largest sends frames of the largest length that is allowed.
func largest(ctx context.Context, r *rand.Rand, c net.Conn) {
	say(c, hello(r))
	frame := make([]byte, 4+qcm.MaxFrame)
	binary.BigEndian.PutUint32(frame, qcm.MaxFrame)
	for n := 0; n < 4 && say(c, frame); n++ {
		pause(ctx, 100*time.Millisecond)
	}
	say(c, frame[:len(frame)/2])
	hold(ctx, r, c)
}

// deaf asks and asks, and never reads an answer.
func deaf(ctx context.Context, r *rand.Rand, c net.Conn) {
	say(c, hello(r))
	for n := 0; n < 500 && say(c, vote(r)); n++ {
		pause(ctx, time.Millisecond)
	}
	hold(ctx, r, c)
}
