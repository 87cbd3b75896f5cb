package zab

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"electnode/internal/quorum"
)

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestReadPacketRefusals(t *testing.T) {
	const head = "00000005 0000000100000000 "
	tests := []struct{ name, bytes, want string }{
		{"data below -1", head + "fffffffe", "packet data: length -2"},
		{"data above the bound", head + "00000401", "packet data: length 1025"},
		{"data far above the bound", head + "7fffffff", "packet data: length 2147483647"},
		{"authinfo below -1", head + "ffffffff fffffffe", "packet authinfo count: -2"},
		{"authinfo count", head + "ffffffff 7fffffff", "packet authinfo count: 2147483647"},
		{"scheme length", head + "ffffffff 00000001 00010000", "packet authinfo scheme: length"},
		{"id length", head + "ffffffff 00000001 00000000 80000000", "packet authinfo id: length"},
		{"an HTTP request", hex.EncodeToString([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")), "packet data: length"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadPacket(bufio.NewReader(bytes.NewReader(unhex(t, tt.bytes))), 1024)
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAuthInfoTextsShareOneBound(t *testing.T) {
	p := Packet{Type: TypeRequest, AuthInfo: []AuthID{{"digest", "a"}, {"ip", "0123456789"}}}
	b := AppendPacket(nil, p)
	if got, err := ReadPacket(bufio.NewReader(bytes.NewReader(b)), 19); err != nil || !cmp.Equal(got, p) {
		t.Errorf("19 bytes allowed: %+v, %v", got, err)
	}
	if _, err := ReadPacket(bufio.NewReader(bytes.NewReader(b)), 18); !errors.Is(err, ErrMalformed) {
		t.Errorf("18 bytes allowed: %v, want a refusal", err)
	}
}

func TestNullIsNotEmpty(t *testing.T) {
	for _, p := range []Packet{
		{Type: TypePing},
		{Type: TypePing, Data: []byte{}},
		{Type: TypeRequest, AuthInfo: []AuthID{}},
	} {
		got, err := decode(AppendPacket(nil, p))
		if err != nil || (got.Data == nil) != (p.Data == nil) || (got.AuthInfo == nil) != (p.AuthInfo == nil) {
			t.Errorf("%+v became %+v, %v", p, got, err)
		}
	}
}

// A length alone must not take memory, and a reader's own error must be recognisable.
func TestMemoryGrowsWithTheBytes(t *testing.T) {
	head := unhex(t, "00000002 0000000100000001 001ffffe")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const rounds = 100
	for range rounds {
		_, err := ReadPacket(bufio.NewReaderSize(bytes.NewReader(head), 64), DefaultMaxData)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if per := (after.TotalAlloc - before.TotalAlloc) / rounds; per > 2*firstGrab {
		t.Errorf("%d bytes taken for a bare length", per)
	}
	big := Packet{Type: TypeProposal, Data: bytes.Repeat([]byte("electnode"), 100_000)}
	r := iotest.HalfReader(bytes.NewReader(AppendPacket(nil, big)))
	if got, err := ReadPacket(bufio.NewReader(r), DefaultMaxData); err != nil || !bytes.Equal(got.Data, big.Data) {
		t.Errorf("long data: %d bytes, %v", len(got.Data), err)
	}
	r = io.MultiReader(bytes.NewReader(head), iotest.ErrReader(errTest))
	if _, err := ReadPacket(bufio.NewReader(r), DefaultMaxData); !errors.Is(err, errTest) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

var errTest = errors.New("broken on purpose")

func TestLearnerInfo(t *testing.T) {
	const sid, version, config = "0000000000000007", "00010000", "0000000500000000"
	tests := []struct {
		name, bytes string
		null        bool
		want        LearnerInfo
		err         error
	}{
		{name: "whole", bytes: sid + version + config, want: LearnerInfo{7, 0x10000, 0x500000000}},
		{name: "longer", bytes: sid + version + config + "ff", want: LearnerInfo{7, 0x10000, 0x500000000}},
		{name: "of 3.4", bytes: sid + version, want: LearnerInfo{7, 0x10000, 0}},
		{name: "null", null: true, err: ErrLegacy},
		{name: "sid only", bytes: sid, want: LearnerInfo{SID: 7}, err: ErrLegacy},
		{name: "old version", bytes: sid + "0000ffff" + config, want: LearnerInfo{SID: 7, ProtocolVersion: 0xffff},
			err: ErrLegacy},
		{name: "empty", err: ErrMalformed},
		{name: "7 bytes", bytes: sid[2:], err: ErrMalformed},
		{name: "11 bytes", bytes: sid + "000100", want: LearnerInfo{SID: 7}, err: ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := unhex(t, tt.bytes)
			if tt.null {
				data = nil
			}
			got, err := ParseLearnerInfo(data)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %+v, %v, want %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// tree makes a snapshot stream of the four standard nodes, changed by edit, and more nodes.
type tree struct {
	sessions, acls int32
	paths          []string
	mzxid, pzxid   int64
	data           []byte
	end            string
}

func emptyTree() tree {
	return tree{paths: []string{"", "/zookeeper", "/zookeeper/config", "/zookeeper/quota", "/"}, end: signature}
}

func (s tree) bytes() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(s.sessions))
	b = append(b, make([]byte, 12*max(s.sessions, 0))...)
	b = binary.BigEndian.AppendUint32(b, uint32(s.acls))
	for range s.acls {
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 31)
		b = appendText(appendText(b, "world"), "anyone")
	}
	for _, path := range s.paths {
		b = appendText(b, path)
		if path == "/" {
			break
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s.data))), s.data...)
		b = append(b, make([]byte, 16)...) // acl, czxid
		b = binary.BigEndian.AppendUint64(b, uint64(s.mzxid))
		b = append(b, make([]byte, 36)...) // times, versions, owner
		b = binary.BigEndian.AppendUint64(b, uint64(s.pzxid))
	}
	return appendText(b, s.end)
}

func TestSnapshotHistory(t *testing.T) {
	tests := []struct {
		name string
		edit func(*tree)
		want bool
	}{
		{"four nodes", func(*tree) {}, false},
		{"data in them", func(s *tree) { s.data = []byte(signature) }, false},
		{"a configuration of an epoch", func(s *tree) { s.mzxid = 5 << 32 }, false},
		{"no node", func(s *tree) { s.paths = []string{"/"} }, false},
		{"a session", func(s *tree) { s.sessions = 1 }, true},
		{"one more node", func(s *tree) { s.paths = append([]string{"/a"}, s.paths...) }, true},
		{"one more node with a long path", func(s *tree) {
			s.paths = append([]string{"/" + strings.Repeat("a", 3000)}, s.paths...)
		}, true},
		{"a standard node was written", func(s *tree) { s.mzxid = 5<<32 + 1 }, true},
		{"a child was deleted", func(s *tree) { s.pzxid = 5<<32 + 2 }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := emptyTree()
			tt.edit(&s)
			b := s.bytes()
			got, err := DiscardSnapshot(bufio.NewReader(iotest.OneByteReader(bytes.NewReader(b))), 0, nil)
			if err != nil || got.History != tt.want || got.Bytes != int64(len(b)) {
				t.Errorf("got %+v, %v, want History %v and %d bytes", got, err, tt.want, len(b))
			}
		})
	}
}

func TestSnapshotRefusals(t *testing.T) {
	tests := []struct {
		name string
		edit func(*tree)
		want string
	}{
		{"sessions", func(s *tree) { s.sessions = -1 }, "snapshot session count: -1"},
		{"acls", func(s *tree) { s.acls = -1 }, "snapshot acl count: -1"},
		{"no end", func(s *tree) { s.end = "BenWasThere" }, "snapshot signature: length 11"},
		{"wrong end", func(s *tree) { s.end = "BenWasGone" }, "snapshot signature: \"BenWasGone\""},
		{"data", func(s *tree) { s.data = make([]byte, 4097) }, "snapshot node data: length 4097"},
		{"path", func(s *tree) { s.paths[0] = strings.Repeat("a", 4097) }, "snapshot path: length 4097"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := emptyTree()
			tt.edit(&s)
			_, err := DiscardSnapshot(bufio.NewReader(bytes.NewReader(s.bytes())), 4096, nil)
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	null := unhex(t, "00000000 00000000 ffffffff")
	if _, err := DiscardSnapshot(bufio.NewReader(bytes.NewReader(null)), 0, nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("null path: %v", err)
	}
}

func TestPacketTypeNames(t *testing.T) {
	if got := PacketType(99).String(); got != "TYPE(99)" {
		t.Errorf("unknown type prints %q", got)
	}
	if got := len(PacketTypes()); got != 19 {
		t.Errorf("%d types, want 19", got)
	}
}

func FuzzReadPacket(f *testing.F) {
	for _, v := range vectors(f) {
		if !v.stream() {
			f.Add(v.bytes(f))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { // refusing is fine; a panic or a lost field is not
		p, err := decode(b)
		if err != nil {
			return
		}
		if again, err := decode(AppendPacket(nil, p)); err != nil || !cmp.Equal(again, p) {
			t.Fatalf("%+v became %+v, %v", p, again, err)
		}
		_, _ = ParseLearnerInfo(p.Data)
		_, _ = ParseAckEpoch(p.Data)
		_, _ = requestOp(p.Data)
		_, _ = refuseSession(p.Data)
		// What a Transport keeps of it is its beginning, and no byte more or less was read.
		r := bufio.NewReader(bytes.NewReader(append(AppendPacket(nil, p), "end"...)))
		short, err := readPacket(r, DefaultMaxData, 7)
		rest, _ := io.ReadAll(r)
		if err != nil || short.Type != p.Type || short.Zxid != p.Zxid || !bytes.Equal(short.Data, p.Data[:min(7, len(p.Data))]) ||
			(short.Data == nil) != (p.Data == nil) || len(short.AuthInfo) != len(p.AuthInfo) || string(rest) != "end" {
			t.Fatalf("%+v was kept as %+v, %v, and %q is left", p, short, err, rest)
		}
	})
}

func FuzzDiscardSnapshot(f *testing.F) {
	for _, v := range vectors(f) {
		if v.stream() {
			f.Add(v.bytes(f))
		}
	}
	f.Add(emptyTree().bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := DiscardSnapshot(bufio.NewReader(bytes.NewReader(b)), DefaultMaxData, nil)
		if got.Bytes > int64(len(b)) {
			t.Fatalf("%d bytes read of %d", got.Bytes, len(b))
		}
		if err == nil && !bytes.HasSuffix(b[:got.Bytes], []byte(signature)) {
			t.Fatalf("ended at %d, not at the signature", got.Bytes)
		}
	})
}

func TestCodecAllocations(t *testing.T) {
	ping := AppendPacket(nil, Packet{Type: TypePing, Zxid: quorum.MakeZxid(5, 0)})
	src := bytes.NewReader(nil)
	r := bufio.NewReader(src)
	buf := make([]byte, 0, 64)
	got := testing.AllocsPerRun(100, func() {
		src.Reset(ping)
		r.Reset(src)
		p, err := ReadPacket(r, DefaultMaxData)
		if err != nil {
			t.Fatal(err)
		}
		buf = AppendPacket(buf[:0], p)
	})
	if got > 0 {
		t.Errorf("%v allocations for one heartbeat, want 0", got)
	}
}
