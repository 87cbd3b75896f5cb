package zab

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
)

// script is what a fuzzer wants to happen: a byte at a time, zeros at its end.
type script []byte

func (s *script) next() byte {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return b
}

// epoch is one near those that matter, or one at either end.
func (s *script) epoch() quorum.Epoch {
	switch b := s.next(); {
	case b < 240:
		return quorum.Epoch(b%16) - 1
	case b < 248:
		return quorum.MaxEpoch - quorum.Epoch(b%2)
	default:
		return -1 << 31
	}
}

func (s *script) zxid() quorum.Zxid { return quorum.MakeZxid(s.epoch(), uint32(s.next()%3)) }

// packets are those of raw, for as long as they can be read.
func packets(raw []byte) []Packet {
	var all []Packet
	for r := bufio.NewReader(bytes.NewReader(raw)); ; {
		p, err := ReadPacket(r, DefaultMaxData)
		if err != nil {
			return all
		}
		all = append(all, p)
	}
}

// player calls a role as a node does and holds what it asks for against what is always true.
type player struct {
	t       *testing.T
	role    Role
	now     time.Time
	out     Output
	writing *Persist
	disk    Epochs
	open    map[ConnID]bool       // connections that have neither ended nor been closed
	said    map[ConnID]PacketType // what the role said last on each
	over    bool
}

// after takes what a call of the role gave out.
func (p *player) after(out Output) {
	p.t.Helper()
	p.out = out
	if p.over && (out.Persist != nil || len(out.Sends) > 0 || out.Dial || out.Established != nil || out.Done != nil) {
		p.t.Fatalf("after its end: %+v", out)
	}
	if out.Persist != nil {
		if p.writing != nil {
			p.t.Fatalf("%+v while %+v is being written", *out.Persist, *p.writing)
		}
		w := *out.Persist
		p.writing = &w
		if w.File == FileAccepted && w.Epoch <= p.disk.Accepted || w.File == FileCurrent && w.Epoch < p.disk.Current || w.Epoch < 0 {
			p.t.Fatalf("%+v over %+v", w, p.disk)
		}
	}
	for _, s := range out.Sends {
		if !p.open[s.Conn] {
			p.t.Fatalf("%s to connection %d, which is not open", s.Packet.Type, s.Conn)
		}
		if again, err := decode(AppendPacket(nil, s.Packet)); err != nil || !cmp.Equal(again, s.Packet) {
			p.t.Fatalf("sent %+v, which is read as %+v, %v", s.Packet, again, err)
		}
		p.said[s.Conn] = s.Packet.Type
	}
	for _, id := range out.Close {
		if !p.open[id] {
			p.t.Fatalf("closes connection %d, which is not open", id)
		}
		delete(p.open, id)
	}
	for _, ev := range out.Events {
		if ev == nil {
			p.t.Fatal("an event that is none")
		}
	}
	if out.Done != nil {
		if p.writing != nil {
			p.t.Fatalf("over while %+v is being written", *p.writing)
		}
		p.over = true
		clear(p.open)
	}
	if got := p.role.Status().Epochs; got != p.disk {
		p.t.Fatalf("it says %+v, on disk is %+v", got, p.disk)
	}
}

// answer ends the write that is going on, well or not.
func (p *player) answer(well bool) {
	if p.writing == nil {
		p.after(p.role.Step(p.now, Input{Kind: Persisted})) // nobody asked
		return
	}
	w := *p.writing
	p.writing = nil
	if !well {
		p.after(p.role.Step(p.now, Input{Kind: WriteErr, Detail: "disk"}))
		return
	}
	if w.File == FileAccepted {
		p.disk.Accepted = w.Epoch
	} else {
		p.disk.Current = w.Epoch
	}
	p.after(p.role.Step(p.now, Input{Kind: Persisted}))
}

// wait lets time pass: to the deadline, or so long.
func (p *player) wait(d time.Duration) {
	if at := p.out.Deadline; d == 0 && !at.IsZero() {
		if p.now.Before(at) {
			p.now = at
		}
		p.after(p.role.Tick(p.now))
		if next := p.out.Deadline; !next.IsZero() && !next.After(p.now) {
			p.t.Fatalf("at its deadline %s it asks for %s", at, next)
		}
		return
	}
	p.now = p.now.Add(d)
	p.after(p.role.Tick(p.now))
}

// began starts a role.
func began(t *testing.T, role Role, disk Epochs) *player {
	p := &player{t: t, role: role, now: testStart, disk: disk, open: map[ConnID]bool{}, said: map[ConnID]PacketType{}}
	p.after(role.Start(p.now))
	return p
}

// common are the moves that any role may meet; false: move is none of them.
func (p *player) common(s *script, move byte) bool {
	switch {
	case move == 0:
		p.wait(0)
	case move == 1:
		p.wait(time.Duration(s.next()) * 100 * time.Millisecond)
	case move == 2:
		p.answer(s.next()%16 != 15)
	case move >= goOn && move%2 == 0 && p.writing != nil:
		p.answer(true)
	default:
		return false
	}
	return true
}

// goOn is the first of the moves that mean: what an honest server would do next, a write of its own that is going on
// first (even ones); a server that has promised already, a leader that is of two minds, and a voter that comes as
// an observer are among them.
const (
	goOn     = 12
	repeats  = 15 // ACKEPOCH without a promise
	twoMinds = 17 // NEWLEADER of another epoch
	watches  = 19 // OBSERVERINFO of a voter
)

// fuzzOptions are those of server self of three voters, in a version that the first byte of s names.
func fuzzOptions(tb testing.TB, s *script, self quorum.SID) Options {
	how := s.next()
	o := testOptions(tb, "1,2,3")
	o.Self, o.ReconfigOn, o.Observer = self, how&1 != 0, false
	if how&2 != 0 {
		o.Policy = Echo
	}
	o.Epochs = Epochs{Accepted: 2, Current: quorum.Epoch((how >> 2) % 3)}
	if how&32 != 0 {
		o.LastZxid, o.Policy = quorum.MakeZxid(1, 7), Echo
	}
	return o
}

// FuzzLeader feeds a leader whatever may come to its port, in any order, with writes that fail and time that passes. It is
// established at most once, and only when a quorum has promised and acknowledged, itself by what is on disk; it speaks
// to open connections alone; it keeps no more of them than it may; and it never asks for a time that is over.
func FuzzLeader(f *testing.F) {
	for _, v := range vectors(f) {
		if !v.stream() {
			f.Add([]byte{0, 0, 3, 0, 0, 10, 0, 10}, v.bytes(f))
			f.Add(append(leads[:16:16], 0, 10, 0, 10, 0, 10), v.bytes(f))
		}
	}
	f.Add(leads, []byte{})
	f.Fuzz(func(t *testing.T, moves, raw []byte) { playLeader(t, moves, raw) })
}

// FuzzLearner feeds a learner whatever an elected leader may send. It promises and acknowledges only what is on its disk,
// and never what is below; it is established once, in the epoch that it acknowledged.
func FuzzLearner(f *testing.F) {
	for _, v := range vectors(f) {
		if !v.stream() {
			f.Add([]byte{0, 3, 9, 9}, v.bytes(f))
			f.Add(append(follows[:6:6], 9, 9, 9), v.bytes(f))
		}
	}
	f.Add(follows, []byte{})
	f.Fuzz(func(t *testing.T, moves, raw []byte) { playLearner(t, moves, raw) })
}

// leads and follows lead into office: everybody does what it should, and writes end well.
var (
	leads   = slices.Concat([]byte{0}, slices.Repeat([]byte{0, goOn}, 16))
	follows = slices.Concat([]byte{0}, slices.Repeat([]byte{goOn}, 12))
)

// TestHostileRoles is what the fuzzers do, with moves by chance: some lead into office, and in none of them happens what
// must not.
func TestHostileRoles(t *testing.T) {
	if !playLeader(t, leads, nil) {
		t.Error("no leader in office")
	}
	if !playLearner(t, follows, nil) {
		t.Error("no learner in office")
	}
	chance := rand.New(rand.NewPCG(1, 2))
	office := map[bool]int{}
	for range 2000 {
		moves := make([]byte, chance.IntN(150))
		for i := range moves {
			moves[i] = byte(chance.Uint32())
		}
		both := []bool{playLeader(t, moves, nil), playLearner(t, moves, nil)}
		office[both[0]]++
		office[both[1]]++
		if t.Failed() {
			t.Fatalf("moves %x", moves)
		}
	}
	if office[true] < 100 {
		t.Errorf("%v came into office", office)
	}
}

// leaderGame is a leader that meets the moves of a script, with a ledger of what it was told.
type leaderGame struct {
	*player
	l               *Leader
	script          script
	pool            []Packet
	last            ConnID
	names           map[ConnID]quorum.SID // who a connection says it is
	promised, acked quorum.Set
}

// playLeader lets a leader meet the moves of a script; each is a connection, counted from the youngest, and what happens.
func playLeader(t *testing.T, moves, raw []byte) (established bool) {
	s := script(moves)
	o := fuzzOptions(t, &s, 1)
	l := NewLeader(o)
	g := &leaderGame{player: began(t, l, o.Epochs), l: l, script: s, pool: packets(raw), names: map[ConnID]quorum.SID{},
		promised: quorum.Set{}, acked: quorum.Set{}}
	g.promised.Add(o.Self) // its disk tells
	g.acked.Add(o.Self)
	for len(g.script) > 0 && !g.over {
		conn := g.last - min(g.last, ConnID(g.script.next()%8))
		move := g.script.next() % 40
		if !g.common(&g.script, move) {
			in := g.input(move, conn)
			if in.Kind == Received && !g.open[conn] {
				continue
			}
			g.hear(in)
			g.after(l.Step(g.now, in))
		}
		if n, most := len(l.handlers), maxSilent+o.servers()+maxStrangers+maxPerServer*o.servers(); n > most {
			t.Fatalf("%d connections, %d are allowed", n, most)
		}
		if e := g.out.Established; e != nil {
			if established || !o.quorum(g.promised.Has) || !o.quorum(g.acked.Has) || g.disk != (Epochs{e.Epoch, e.Epoch}) || e.Leader != o.Self {
				t.Fatalf("established %+v (before: %t) with the promises of %v, the acknowledgements of %v and %+v on disk",
					*e, established, g.promised, g.acked, g.disk)
			}
			established = true
		}
	}
	return established
}

// input is what a move means.
func (g *leaderGame) input(move byte, conn ConnID) Input {
	in, s := Input{Kind: Received, Conn: conn}, &g.script
	switch move {
	case 3, 4:
		return g.opens(s.next() % 4)
	case 5:
		delete(g.open, conn)
		return Input{Kind: Closed, Conn: conn, Detail: "gone"}
	case 6, 7:
		typ := []PacketType{TypeFollowerInfo, TypeFollowerInfo, TypeObserverInfo}[s.next()%3]
		in.Packet = info(typ, quorum.SID(s.next()%12))
		in.Packet.Zxid = s.zxid()
	case 8:
		in.Packet = Packet{Type: TypeAckEpoch, Zxid: s.zxid(), Data: AppendAckEpoch(nil, s.epoch())}
	case 9:
		in.Packet = Packet{Type: TypeAck, Zxid: s.zxid()}
	case 10:
		if in.Packet = (Packet{Type: TypePing}); len(g.pool) > 0 {
			in.Packet, g.pool = g.pool[0], g.pool[1:]
		}
	case 11:
		kinds := []InputKind{CutOff, CutOff, CutOff, Resign, PortLost}
		return Input{Kind: kinds[s.next()%5], Peer: quorum.SID(s.next() % 4), Detail: "asked"}
	default:
		if !g.open[conn] {
			return g.opens(1)
		}
		in.Packet = honestLearner(g.said[conn], g.l.epoch, quorum.SID(2+conn%2), move == repeats)
		if in.Packet.Type == TypeFollowerInfo && move == watches {
			in.Packet.Type = TypeObserverInfo
		}
	}
	return in
}

// opens is a connection from a host.
func (g *leaderGame) opens(host byte) Input {
	g.last++
	g.open[g.last] = true
	return Input{Kind: Opened, Conn: g.last, Remote: fmt.Sprintf("192.0.2.%d:1", host)}
}

// hear enters what a packet says into the ledger.
func (g *leaderGame) hear(in Input) {
	if in.Kind != Received {
		return
	}
	if _, named := g.names[in.Conn]; !named {
		g.names[in.Conn] = -1 // nobody whose word counts
		if i, err := ParseLearnerInfo(in.Packet.Data); err == nil && in.Packet.Type == TypeFollowerInfo {
			g.names[in.Conn] = i.SID
		}
	}
	switch e, err := ParseAckEpoch(in.Packet.Data); {
	case g.said[in.Conn] == TypeLeaderInfo && in.Packet.Type == TypeAckEpoch && err == nil && e != -1:
		g.promised.Add(g.names[in.Conn])
	case g.said[in.Conn] == TypeNewLeader && in.Packet.Type == TypeAck && in.Packet.Zxid.Epoch() == g.l.epoch:
		g.acked.Add(g.names[in.Conn])
	}
}

// honestLearner is what server sid says after what its leader of epoch said last; again: it has promised that epoch before.
func honestLearner(said PacketType, epoch quorum.Epoch, sid quorum.SID, again bool) Packet {
	switch said {
	case 0:
		return info(TypeFollowerInfo, sid)
	case TypeLeaderInfo:
		current := quorum.Epoch(0)
		if again {
			current = -1
		}
		return Packet{Type: TypeAckEpoch, Data: AppendAckEpoch(nil, current)}
	case TypeNewLeader:
		return Packet{Type: TypeAck, Zxid: quorum.MakeZxid(epoch, 0)}
	}
	return Packet{Type: TypePing}
}

// learnerGame is a learner that meets the moves of a script.
type learnerGame struct {
	*player
	l      *Learner
	script script
	pool   []Packet
	conn   ConnID
	leads  quorum.Epoch // of the NEWLEADER that counts
}

// playLearner lets a learner meet the moves of a script.
func playLearner(t *testing.T, moves, raw []byte) (established bool) {
	s := script(moves)
	o := fuzzOptions(t, &s, 1)
	l := NewLearner(o)
	g := &learnerGame{player: began(t, l, o.Epochs), l: l, script: s, pool: packets(raw)}
	for len(g.script) > 0 && !g.over {
		move := g.script.next() % 32
		if !g.common(&g.script, move) {
			in := g.input(move)
			if (in.Kind == Received || in.Kind == Progress) && !g.open[in.Conn] {
				continue
			}
			if l.stage == synced && in.Packet.Type == TypeNewLeader {
				g.leads = in.Packet.Zxid.Epoch()
			}
			g.after(l.Step(g.now, in))
		}
		for _, send := range g.out.Sends {
			e := send.Packet.Zxid.Epoch()
			switch current, err := ParseAckEpoch(send.Packet.Data); {
			case send.Packet.Type == TypeAckEpoch && err == nil && current != -1 && (g.disk.Accepted != l.epoch || current != g.disk.Current):
				t.Fatalf("it promises %d over %d, on disk is %+v", l.epoch, current, g.disk)
			case send.Packet.Type == TypeAck && (g.disk.Current != e || g.disk.Accepted != e):
				t.Fatalf("it acknowledges %d, on disk is %+v", e, g.disk)
			}
		}
		if e := g.out.Established; e != nil {
			if established || e.Epoch != g.leads || g.disk != (Epochs{g.leads, g.leads}) || e.Leader != o.Leader {
				t.Fatalf("established %+v (before: %t) after a NEWLEADER of %d, on disk is %+v", *e, established, g.leads, g.disk)
			}
			established = true
		}
	}
	return established
}

// input is what a move means.
func (g *learnerGame) input(move byte) Input {
	in, s := Input{Kind: Received, Conn: g.conn}, &g.script
	switch move {
	case 3:
		return g.opens()
	case 4:
		return Input{Kind: DialError, Detail: "refused"}
	case 5:
		in.Packet = Packet{Type: TypeLeaderInfo, Zxid: quorum.MakeZxid(s.epoch(), 0), Data: appendVersion(nil)}
	case 6:
		in.Packet = Packet{Type: []PacketType{TypeDiff, TypeTrunc, TypeSnap}[s.next()%3], Zxid: s.zxid()}
		if b := s.next(); b&1 != 0 {
			in.Packet.Snapshot = &SnapshotSummary{History: b&2 != 0}
		}
		in.Kind = []InputKind{Received, Received, Progress}[s.next()%3]
	case 7:
		in.Packet = Packet{Type: TypeNewLeader, Zxid: s.zxid()}
	case 8:
		in.Packet = Packet{Type: TypeUpToDate}
	case 9:
		if in.Packet = (Packet{Type: TypePing}); len(g.pool) > 0 {
			in.Packet, g.pool = g.pool[0], g.pool[1:]
		}
	case 10:
		delete(g.open, g.conn)
		return Input{Kind: Closed, Conn: g.conn, Detail: "gone"}
	case 11:
		return Input{Kind: []InputKind{CutOff, Resign}[s.next()%2], Peer: quorum.SID(s.next() % 4), Detail: "asked"}
	default:
		if !g.open[g.conn] {
			return g.opens()
		}
		in.Packet = honestLeader(g.l, move == twoMinds)
	}
	return in
}

// opens is a connection that stands.
func (g *learnerGame) opens() Input {
	g.conn++
	g.open[g.conn] = true
	return Input{Kind: Opened, Conn: g.conn}
}

// honestLeader is what a leader of the next epoch says to l next, or of one more if it is not that honest.
func honestLeader(l *Learner, more bool) Packet {
	switch l.stage {
	case registered:
		return Packet{Type: TypeLeaderInfo, Zxid: quorum.MakeZxid(l.epochs.Accepted+1, 0), Data: appendVersion(nil)}
	case promised:
		return Packet{Type: TypeDiff}
	case synced:
		if more {
			return Packet{Type: TypeNewLeader, Zxid: quorum.MakeZxid(l.epoch+1, 0)}
		}
		return Packet{Type: TypeNewLeader, Zxid: quorum.MakeZxid(l.epoch, 0)}
	case acknowledged:
		return Packet{Type: TypeUpToDate}
	}
	return Packet{Type: TypePing}
}
