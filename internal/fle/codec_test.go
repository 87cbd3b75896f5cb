package fle

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
)

// vector is one entry of testdata/election-port.json: bytes captured from ZooKeeper 3.8.0, or made to be
// judged by it.
type vector struct {
	Name, Kind, Source, Hex, Note string
	Fields                        struct {
		Length                  int
		State                   int32
		Leader, Zxid            int64
		Round, PeerEpoch        int64
		Version                 int32
		Config                  *string
		ConfigVersion           *int64
		ConfigWithoutComments   string `json:"config_without_comments"`
		hasFields, configLength bool
	}
	RawFields json.RawMessage `json:"-"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/election-port.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		vector
		Fields json.RawMessage
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	var out []vector
	for _, v := range all {
		if v.Kind != "notification" {
			continue
		}
		if err := json.Unmarshal(v.Fields, &v.vector.Fields); err != nil {
			t.Fatal(err)
		}
		v.vector.Fields.hasFields = len(v.Fields) > 2
		out = append(out, v.vector)
	}
	if len(out) < 40 {
		t.Fatalf("only %d notification vectors", len(out))
	}
	return out
}

func (v vector) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecodeVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			frame := v.bytes(t)
			n, err := Decode(frame)
			if !v.Fields.hasFields {
				if err == nil {
					t.Fatalf("decoded %+v, want a refusal: %s", n, v.Note)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := []any{int32(n.State), int64(n.Vote.Leader), int64(n.Vote.Zxid), int64(n.Round),
				int64(n.Vote.PeerEpoch), n.Version}
			f := v.Fields
			want := []any{f.State, f.Leader, f.Zxid, f.Round, f.PeerEpoch, f.Version}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if f.Config != nil && string(n.Text) != *f.Config {
				t.Errorf("text %q, want %q", n.Text, *f.Config)
			}
			again := Append(nil, n)
			if v.Source == "captured" && !bytes.Equal(again, frame) {
				t.Errorf("encoded %x, want %x", again, frame)
			}
			if back, err := Decode(again); err != nil || cmp.Diff(n, back) != "" {
				t.Errorf("%+v became %+v, %v", n, back, err)
			}
			if len(again) != n.Size() {
				t.Errorf("size %d, said %d", len(again), n.Size())
			}
		})
	}
}

// TestDecodeTruncations feeds every prefix of every captured frame: no panic, and what is accepted keeps
// its fields.
func TestDecodeTruncations(t *testing.T) {
	for _, v := range vectors(t) {
		frame := v.bytes(t)
		for i := range frame {
			n, err := Decode(frame[:i:i])
			if err == nil && cmp.Diff(n, must(Decode(Append(nil, n)))) != "" {
				t.Errorf("%s cut to %d bytes does not survive encoding", v.Name, i)
			}
			if wantOK := i == len28 || i == len40; err == nil != wantOK && v.Source == "captured" {
				t.Errorf("%s cut to %d bytes: %v", v.Name, i, err)
			}
		}
	}
}

func must(n Notification, err error) Notification {
	if err != nil {
		panic(err)
	}
	return n
}

func TestMessageIDComment(t *testing.T) {
	n := Notification{State: quorum.Looking, Vote: quorum.Vote{Leader: 3}, Round: 7, Version: 2,
		Text: []byte("version=0"), MessageID: 0xabc, SentAt: 1700000000123456789, ElectionAt: 1700000000000000021}
	frame := Append(nil, n)
	if want := "#electnode:0000000000000abc:17979cfe3d85cd15:17979cfe362a0015\nversion=0"; string(frame[44:]) != want {
		t.Errorf("text on the wire %q, want %q", frame[44:], want)
	}
	if d := cmp.Diff(n, must(Decode(frame))); d != "" {
		t.Error(d)
	}
	for _, text := range []string{
		"#electnode:0000000000000abc:17979cfe3d85cd15:17979cfe362a0015",                     // no newline
		"#electnode:0000000000000ABC:17979cfe3d85cd15:17979cfe362a0015\nversion=0",          // upper case
		"#electnode:0000000000000000:17979cfe3d85cd15:17979cfe362a0015\nversion=0",          // id 0
		"#electnode:0000000000000abc:17979cfe3d85cd15\nversion=0",                           // no start of the election
		"#electnode:0000000000000abc 17979cfe3d85cd15:17979cfe362a0015\nversion=0",          // no colon
		"# electnode:0000000000000abc:17979cfe3d85cd15:17979cfe362a0015\nversion=0",         // another comment
		"version=0\n#electnode:0000000000000abc:17979cfe3d85cd15:17979cfe362a0015\nfoo=bar", // not at the head
	} {
		n := Notification{Version: 2, Text: []byte(text)}
		if got := must(Decode(Append(nil, n))); got.MessageID != 0 || string(got.Text) != text {
			t.Errorf("%q was taken for electnode's comment: %+v", text, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.bytes(f))
	}
	f.Add(Append(nil, Notification{Version: 2, Text: []byte("version=0"), MessageID: 1, SentAt: -1}))
	f.Fuzz(func(t *testing.T, frame []byte) {
		n, err := Decode(frame)
		if err != nil {
			return
		}
		again, err := Decode(Append(nil, n))
		if d := cmp.Diff(n, again); err != nil || d != "" {
			t.Fatalf("%+v became %+v, %v", n, again, err)
		}
	})
}

func TestCodecAllocations(t *testing.T) {
	n := Notification{Version: 2, Text: []byte("version=0"), MessageID: 9, SentAt: 1}
	buf := make([]byte, 0, 256)
	if got := testing.AllocsPerRun(100, func() {
		buf = Append(buf[:0], n)
		if _, err := Decode(buf); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("encoding and decoding allocates %v times", got)
	}
}

func BenchmarkCodec(b *testing.B) {
	n := Notification{Version: 2, MessageID: 9, SentAt: 1,
		Text: bytes.Repeat([]byte("server.1=127.0.0.1:2888:3888:participant\n"), 3)}
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		buf = Append(buf[:0], n)
		if _, err := Decode(buf); err != nil {
			b.Fatal(err)
		}
	}
}
