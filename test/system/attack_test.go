package system

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
	"electnode/test/proc"
)

// attack is what a hostile client does with one connection, and the reason for which it is rejected.
type attack struct {
	name  string
	bytes []byte
	pace  time.Duration // between two bytes; 0: all at once
	hang  bool          // it then waits to be thrown out; otherwise it closes its side
	want  string        // reason of the event; empty: there is none
}

func words(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case int64:
			b = binary.BigEndian.AppendUint64(b, uint64(p))
		case int32:
			b = binary.BigEndian.AppendUint32(b, uint32(p))
		}
	}
	return b
}

const (
	v1 = int64(-65536)
	v2 = int64(-65535)
)

// preamble is a V1 preamble of sid with that text.
func preamble(sid int64, text string) []byte { return words(v1, sid, int32(len(text)), text) }

// electionAttacks are all that can be wrong with a preamble. own is the sid of the server attacked.
func electionAttacks(own int) []attack {
	const sid = int64(99)
	good := preamble(sid, "127.0.0.1:1")
	return []attack{
		{"closes at once", nil, 0, false, event.RejectClosed},
		{"silent", nil, 0, true, event.RejectSilent},
		{"half a sid, silent", words(int32(0)), 0, true, event.RejectSilent},
		{"half a sid", words(int32(0)), 0, false, event.RejectClosed},
		{"header only, silent", good[:20], 0, true, event.RejectSilent},
		{"header only", good[:20], 0, false, event.RejectClosed},
		{"text cut short", good[:len(good)-1], 0, false, event.RejectClosed},
		{"a byte now and then", good, 100 * time.Millisecond, true, event.RejectSilent},
		{"version -1", words(int64(-1)), 0, true, event.RejectProtocol},
		{"version -65534", words(int64(-65534), sid), 0, true, event.RejectProtocol},
		{"smallest number", words(int64(-1 << 63)), 0, true, event.RejectProtocol},
		{"TLS hello", words("\xff\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 0, true, event.RejectProtocol},
		{"no text", words(v1, sid, int32(0)), 0, true, event.RejectLength},
		{"negative text", words(v1, sid, int32(-1)), 0, true, event.RejectLength},
		{"text of 2049", words(v2, sid, int32(2049)), 0, true, event.RejectLength},
		{"text of 2 GiB", words(v2, sid, int32(1<<31-1)), 0, true, event.RejectLength},
		{"question", preamble(sid, "what's going on here?"), 0, true, event.RejectAddress},
		{"port 99999", preamble(sid, "127.0.0.1:99999"), 0, true, event.RejectAddress},
		{"port 0", preamble(sid, "127.0.0.1:0"), 0, true, event.RejectAddress},
		{"negative port", preamble(sid, "127.0.0.1:-1"), 0, true, event.RejectAddress},
		{"port without digits", preamble(sid, "127.0.0.1:http"), 0, true, event.RejectAddress},
		{"open bracket", preamble(sid, "[::1:3888"), 0, true, event.RejectAddress},
		{"nothing behind the bracket", preamble(sid, "[::1]:"), 0, true, event.RejectAddress},
		{"second address bad", words(v2, sid, int32(24), "127.0.0.1:1|127.0.0.1:0x"), 0, true, event.RejectAddress},
		{"somebody else's name is mine", words(int64(own)), 0, true, event.RejectOwnSID},
		{"with an address", preamble(int64(own), "127.0.0.1:1"), 0, true, event.RejectOwnSID},
	}
}

// packet is a packet of the quorum port.
func packet(typ zab.PacketType, data []byte) []byte {
	return zab.AppendPacket(nil, zab.Packet{Type: typ, Data: data})
}

// quorumAttacks are all that can be wrong with the first packet of the quorum port.
func quorumAttacks(own int) []attack {
	info := zab.AppendLearnerInfo(nil, zab.LearnerInfo{SID: quorum.SID(own), ProtocolVersion: 0x10000})
	return []attack{
		{"closes at once", nil, 0, false, event.RejectClosed},
		{"silent", nil, 0, true, event.RejectSilent},
		{"half a header", words(int32(11), int32(0)), 0, false, event.RejectClosed},
		{"half a header, silent", words(int32(11), int32(0)), 0, true, event.RejectSilent},
		{"a byte now and then", packet(zab.TypeFollowerInfo, info), 150 * time.Millisecond, true, event.RejectSilent},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), 0, true, event.RejectFirstPacket},
		{"data of 2 GiB", words(int32(11), int64(0), int32(1<<31-1)), 0, true, event.RejectFirstPacket},
		{"data of -2", words(int32(11), int64(0), int32(-2)), 0, true, event.RejectFirstPacket},
		{"a million identities", words(int32(11), int64(0), int32(-1), int32(1_000_000)), 0, true, event.RejectFirstPacket},
		{"PING", packet(zab.TypePing, nil), 0, true, event.RejectFirstPacket},
		{"unknown type", packet(4711, info), 0, true, event.RejectFirstPacket},
		{"ACKEPOCH", packet(zab.TypeAckEpoch, words(int32(0))), 0, true, event.RejectFirstPacket},
		{"three bytes of information", packet(zab.TypeFollowerInfo, []byte("abc")), 0, true, event.RejectFirstPacket},
		{"no information", packet(zab.TypeFollowerInfo, nil), 0, true, event.RejectLegacy},
		{"somebody else's name is mine", packet(zab.TypeFollowerInfo, info), 0, true, event.RejectOwnSID},
	}
}

// clientAttacks are all that can be wrong at the client port.
func clientAttacks(int) []attack {
	session := words(int32(45), int32(0), int64(0), int32(30000), int64(0), int32(16), int64(0), int64(0), "\x00")
	return []attack{
		{"looks whether the port is open", nil, 0, false, ""},
		{"silent", nil, 0, true, event.RejectSilent},
		{"half a word", []byte("ru"), 0, false, event.RejectClosed},
		{"half a word, silent", []byte("ru"), 0, true, event.RejectSilent},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), 0, true, event.RejectProtocol},
		{"no word", []byte("nope"), 0, true, event.RejectProtocol},
		{"session", session, 0, true, event.RejectProtocol},
		{"2 GiB", words(int32(1<<31-1), "xxxx"), 0, true, event.RejectProtocol},
	}
}

// carryOut attacks port and waits until the server has closed the connection; it gives this side's address.
func (a attack) carryOut(port int) (addr string, err error) {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if err := a.send(c); err != nil {
		return "", err
	}
	if !a.hang {
		if err := c.(*net.TCPConn).CloseWrite(); err != nil && !broken(err) {
			return "", err
		}
	}
	if _, err := io.Copy(io.Discard, c); err != nil && !broken(err) {
		return "", err
	}
	return c.LocalAddr().String(), nil
}

func (a attack) send(c net.Conn) error {
	if a.pace == 0 {
		_, err := c.Write(a.bytes)
		if broken(err) {
			return nil
		}
		return err
	}
	tick := time.NewTicker(a.pace)
	defer tick.Stop()
	for i := range a.bytes {
		if _, err := c.Write(a.bytes[i : i+1]); err != nil {
			return nil // thrown out, as it should be
		}
		<-tick.C
	}
	return nil
}

// broken says that the other side has closed, which is not a time-out.
func broken(err error) bool {
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// rejection is one expected event.
type rejection struct{ remote, reason string }

// siege carries attacks out on some servers, all at once, and collects what is expected of it.
type siege struct {
	t     testing.TB
	group sync.WaitGroup
	mu    sync.Mutex
	want  map[*server][]rejection
	names map[string]string // of the attacks, by remote address
}

func newSiege(t testing.TB) *siege {
	return &siege{t: t, want: map[*server][]rejection{}, names: map[string]string{}}
}

func (g *siege) launch(s *server, port int, attacks ...attack) {
	for _, a := range attacks {
		g.group.Go(func() {
			addr, err := a.carryOut(port)
			g.mu.Lock()
			defer g.mu.Unlock()
			if err != nil {
				g.t.Errorf("%s, server %d, port %d: %v", a.name, s.SID, port, err)
			}
			if g.names[addr] = a.name; a.want != "" {
				g.want[s] = append(g.want[s], rejection{addr, a.want})
			}
		})
	}
}

// check waits for the end of all attacks and compares the events with them: one for each, and no other.
func (g *siege) check(e *ensemble) {
	g.t.Helper()
	g.group.Wait()
	proc.Eventually(g.t, patience, "each attack is one event", func() error {
		for _, s := range e.servers {
			want := slices.Clone(g.want[s])
			for _, l := range s.Lines("hand-shake rejected") {
				got := rejection{l["remote"].(string), l["reason"].(string)}
				if g.ofPeer(e, l, got) {
					continue
				}
				i := slices.Index(want, got)
				if i < 0 {
					return fmt.Errorf("server %d: %v of %q, which was not expected", s.SID, l, g.names[got.remote])
				}
				want = slices.Delete(want, i, i+1)
			}
			for _, w := range want {
				return fmt.Errorf("server %d: %d events are missing, among them %v of %q", s.SID, len(want), w, g.names[w.remote])
			}
		}
		return nil
	})
}

// ofPeer reports whether a rejection is not of an attack but of a member, which may hang up without a word
// when its link stands already.
func (g *siege) ofPeer(e *ensemble, l proc.Line, got rejection) bool {
	_, ours := g.names[got.remote]
	return !at(g.t, l).After(e.calm) || !ours && got.reason == event.RejectClosed
}

func (g *siege) count() (n int) {
	for _, w := range g.want {
		n += len(w)
	}
	return n
}

// besieged are the settings of ensembles that are attacked: what is slow is thrown out soon, and heartbeats
// have time.
const besieged = "tickTime=1000\ninitLimit=3\nsyncLimit=10\nquorumCnxnTimeoutMs=1000\n"

// TestHostilePorts attacks all three ports of a running ensemble in every way at once. It keeps its leader,
// and each attack is one event with its reason.
func TestHostilePorts(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, besieged)
	leader, epoch := e.start()
	g := newSiege(t)
	for _, s := range e.servers {
		g.launch(s, s.election, electionAttacks(s.SID)...)
		g.launch(s, s.client, clientAttacks(s.SID)...)
	}
	g.launch(leader, leader.quorum, quorumAttacks(leader.SID)...)
	g.check(e)
	e.undisturbed(leader, epoch)
	most := 0
	for _, s := range e.servers {
		most = max(most, s.memory(t, "VmHWM"))
	}
	const mib = 64
	if most > mib<<10 {
		t.Errorf("a server had %d KiB, want at most %d MiB", most, mib)
	}
	t.Logf("%d rejections, each one event; at most %.1f MiB", g.count(), float64(most)/1024)
}

// frameAttacks are all that can be wrong with a frame after a good preamble.
func frameAttacks() map[string][]byte {
	return map[string][]byte{
		"length 0":           words(int32(0)),
		"length -1":          words(int32(-1)),
		"smallest length":    words(int32(-1 << 31)),
		"length 524289":      words(int32(qcm.MaxFrame + 1)),
		"length 2 GiB":       words(int32(1<<31 - 1)),
		"HTTP":               []byte("GET / HTTP/1.1\r\n\r\n"),
		"after a good frame": append(qcm.AppendFrame(nil, make([]byte, 40)), words(int32(-5))...),
	}
}

// TestHostileFrames sends bad frames as strangers do, to every server at once: each connection ends with
// one event. Frames that are no notification end nothing.
func TestHostileFrames(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, besieged)
	leader, epoch := e.start()
	var group sync.WaitGroup
	sid := int64(1000)
	want := map[float64]string{}
	for name, frame := range frameAttacks() {
		for _, s := range e.servers {
			sid++
			want[float64(sid)] = name
			a := attack{name: name, bytes: append(preamble(sid, "127.0.0.1:1"), frame...), hang: true}
			group.Go(func() {
				if _, err := a.carryOut(s.election); err != nil {
					t.Errorf("%s, server %d: %v", a.name, s.SID, err)
				}
			})
		}
	}
	group.Wait()
	proc.Eventually(t, patience, "each bad frame is one event", func() error {
		left := len(want)
		seen := map[any]bool{}
		for _, s := range e.servers {
			for _, l := range s.Lines("connection down") {
				name, ours := want[l["peer"].(float64)]
				if !ours {
					continue
				}
				if l["reason"] != event.DropBadFrame || seen[l["peer"]] {
					return fmt.Errorf("%q: %v", name, l)
				}
				seen[l["peer"]] = true
				left--
			}
		}
		if left != 0 {
			return fmt.Errorf("%d are missing", left)
		}
		return nil
	})
	e.undisturbed(leader, epoch)
	t.Logf("%d bad frames, each one event", len(want))
}
