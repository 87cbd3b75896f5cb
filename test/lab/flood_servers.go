package lab

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"electnode/internal/fle"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// What of a stranger's words is kept at most, see docs/limits.md: longer frames end the connection, and of longer packets
// the rest is thrown away.
const (
	strangerFrame  = 32 << 10
	strangerPacket = 4 << 10 // data and authinfo together
)

// unfinished are attackers that take as much memory as one connection can: frames and packets of the largest length, of
// which the last byte does not come. They fill all places that strangers have.
func unfinished() []attacker {
	return []attacker{
		{name: "election: frames without their last byte", port: electionPort, many: [floodHosts]int{16, 16, 16, 16},
			harms: withoutLastByte},
		{name: "quorum: packets without their last byte", port: quorumPort, many: [floodHosts]int{8, 8, 0, 0},
			harms: packetWithoutLastByte},
	}
}

// onElection attack the election port, more of each kind than it has places.
func onElection() []attacker {
	return []attacker{
		{name: "election: silent", port: electionPort, many: [floodHosts]int{70, 15, 15, 0}, harms: nothing},
		{name: "election: garbage", port: electionPort, many: [floodHosts]int{2, 2, 2, 0}, harms: babble},
		{name: "election: half a preamble", port: electionPort, many: [floodHosts]int{4, 4, 4, 0},
			harms: func(ctx context.Context, g *grip) {
				g.say(hello(g.rand)[:1+g.rand.IntN(20)])
				g.silent(ctx)
			}},
		{name: "election: foreign servers", port: electionPort, many: [floodHosts]int{8, 8, 8, 0}, harms: foreign},
		{name: "election: frames of the largest length", port: electionPort, many: [floodHosts]int{1, 1, 0, 0},
			harms: largest},
		{name: "election: frames without their last byte", port: electionPort, many: [floodHosts]int{10, 10, 10, 8},
			harms: withoutLastByte},
		{name: "election: reads nothing", port: electionPort, many: [floodHosts]int{0, 0, 0, 4},
			hold: 20 * time.Second, slow: true, harms: deaf},
	}
}

// onQuorum attack the quorum port, which only a leader has open.
func onQuorum() []attacker {
	return []attacker{
		{name: "quorum: silent", port: quorumPort, many: [floodHosts]int{40, 20, 20, 0}, harms: nothing},
		{name: "quorum: garbage", port: quorumPort, many: [floodHosts]int{2, 2, 0, 0}, harms: babble},
		{name: "quorum: half a packet", port: quorumPort, many: [floodHosts]int{4, 4, 0, 0},
			harms: func(ctx context.Context, g *grip) {
				first := learner(g.rand)
				g.say(first[:1+g.rand.IntN(len(first)-1)])
				g.silent(ctx)
			}},
		{name: "quorum: foreign learners", port: quorumPort, many: [floodHosts]int{10, 5, 5, 0},
			harms: func(_ context.Context, g *grip) {
				g.say(learner(g.rand))
				g.stayUntilThrownOut()
			}},
		{name: "quorum: packets without their last byte", port: quorumPort, many: [floodHosts]int{2, 2, 0, 0},
			harms: packetWithoutLastByte},
		{name: "quorum: foreign learners that talk", port: quorumPort, many: [floodHosts]int{3, 0, 3, 0}, harms: talkative},
		{name: "quorum: reads nothing", port: quorumPort, many: [floodHosts]int{0, 0, 0, 3}, hold: 60 * time.Second,
			slow: true, harms: deafLearner},
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
	// Above all members: a smaller one would be dialled back, and its connection closed.
	sid := quorum.SID(1000 + r.IntN(1_000_000))
	if r.IntN(16) == 0 {
		sid = -sid
	}
	b, err := qcm.AppendPreamble(nil, qcm.Preamble{Form: qcm.FormV1, SID: sid, Addresses: []string{"127.0.0.1:1"}})
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

// question is a vote that is answered each time: who looks is told by who does not.
func question(r *rand.Rand) []byte {
	n := fle.Notification{State: quorum.Looking, Vote: quorum.Vote{Leader: 1, Zxid: quorum.Zxid(r.Uint32())}, Round: 1, Version: 2}
	return qcm.AppendFrame(nil, fle.Append(nil, n))
}

// foreign votes, and reads what it gets for it.
func foreign(ctx context.Context, g *grip) {
	g.say(hello(g.rand))
	// Ends with the connection, which the caller closes; the caller's deadline bounds it.
	go func() { _, _ = io.Copy(io.Discard, g) }()
	for n := 0; n < 200 && g.say(vote(g.rand)); n++ {
		pause(ctx, time.Duration(g.rand.IntN(40))*time.Millisecond)
	}
}

// largest sends frames of the largest length that a member may send.
func largest(ctx context.Context, g *grip) {
	g.say(hello(g.rand))
	frame := make([]byte, 4+qcm.MaxFrame)
	binary.BigEndian.PutUint32(frame, qcm.MaxFrame)
	for n := 0; n < 4 && g.say(frame); n++ {
		pause(ctx, 100*time.Millisecond)
	}
}

// withoutLastByte sends a frame but for its last byte, the longest that anybody may send and the longest that a
// stranger may send by turns, and waits.
func withoutLastByte(_ context.Context, g *grip) {
	size := qcm.MaxFrame
	if g.times%2 == 1 {
		size = strangerFrame
	}
	frame := make([]byte, 4+size)
	binary.BigEndian.PutUint32(frame, uint32(size))
	if g.say(hello(g.rand)) && g.say(frame[:len(frame)-1]) {
		g.stayUntilThrownOut()
	}
}

// deaf asks and asks, and never reads an answer.
func deaf(ctx context.Context, g *grip) {
	g.say(hello(g.rand))
	for end := time.Now().Add(g.hold); time.Now().Before(end) && g.say(question(g.rand)); {
		pause(ctx, 10*time.Millisecond)
	}
}

// learner is the first packet of a learner that is no member.
func learner(r *rand.Rand) []byte {
	info := zab.LearnerInfo{SID: foreignSID(r), ProtocolVersion: 0x10000}
	return zab.AppendPacket(nil, zab.Packet{Type: zab.TypeObserverInfo, Data: zab.AppendLearnerInfo(nil, info)})
}

// packetWithoutLastByte is withoutLastByte for a learner: data of the largest length, and authinfo of the same.
func packetWithoutLastByte(_ context.Context, g *grip) {
	size := zab.DefaultMaxData
	if g.times%2 == 1 {
		size = strangerPacket / 2
	}
	p := zab.AppendPacket(nil, zab.Packet{Type: zab.TypeAckEpoch, Data: make([]byte, size), AuthInfo: []zab.AuthID{
		{Scheme: strings.Repeat("x", size/2), ID: strings.Repeat("y", size/2-1)}}})
	if g.say(learner(g.rand)) && g.say(p[:len(p)-1]) {
		g.stayUntilThrownOut()
	}
}

// join does the whole hand-shake of a learner; false: it was not let in.
func (g *grip) join() bool {
	g.say(learner(g.rand))
	r := bufio.NewReaderSize(g, 1<<10)
	var epoch quorum.Epoch
	for {
		p, err := zab.ReadPacket(r, 0)
		if err != nil {
			return false
		}
		switch p.Type {
		case zab.TypeLeaderInfo:
			epoch = p.Zxid.Epoch()
			g.say(zab.AppendPacket(nil, zab.Packet{Type: zab.TypeAckEpoch, Data: zab.AppendAckEpoch(nil, 0)}))
		case zab.TypeNewLeader:
			g.say(zab.AppendPacket(nil, zab.Packet{Type: zab.TypeAck, Zxid: quorum.MakeZxid(epoch, 0)}))
		case zab.TypeUpToDate:
			return true
		}
	}
}

// talkative joins, and talks then as fast as it is listened to.
func talkative(ctx context.Context, g *grip) {
	if !g.join() {
		return
	}
	// Ends with the connection, which the caller closes; the caller's deadline bounds it.
	go func() { _, _ = io.Copy(io.Discard, g) }()
	some := append(zab.AppendPacket(nil, zab.Packet{Type: zab.TypePing}),
		zab.AppendPacket(nil, zab.Packet{Type: zab.TypeRequest, Data: append(make([]byte, 15), 1)})...)
	many := slices.Repeat(some, 50)
	for ctx.Err() == nil && g.say(many) {
		pause(ctx, 20*time.Millisecond)
	}
}

// deafLearner joins, and never reads what it asks for then.
func deafLearner(ctx context.Context, g *grip) {
	if !g.join() {
		return
	}
	many := slices.Repeat(zab.AppendPacket(nil, zab.Packet{Type: zab.TypeRevalidate, Data: make([]byte, 8)}), 50)
	for end := time.Now().Add(g.hold); time.Now().Before(end) && g.say(many); {
		pause(ctx, 20*time.Millisecond)
	}
}
