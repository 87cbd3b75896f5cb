package zab

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"electnode/internal/quorum"
)

// vector is one recorded packet or snapshot stream of a real server.
type vector struct {
	Name   string
	Hex    string
	Fields struct {
		Type       int32
		TypeName   string
		Zxid       int64
		DataLength int
		AuthInfo   []AuthID

		AcceptedEpoch *int64
		LearnerInfo   *struct{ ServerID, ProtocolVersion, ConfigVersion int64 }
		NewEpoch      *int64
		CurrentEpoch  *int64
		LastZxid      *int64
		Config        *string
		Revalidate    *struct {
			SessionID int64
			Valid     *bool
		}
		Request  *struct{ OpCode int32 }
		Snapshot *struct {
			Sessions []struct{ ID int64 }
			Nodes    []struct{ Path string }
		}
	}
}

func (v vector) bytes(tb testing.TB) []byte {
	tb.Helper()
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		tb.Fatalf("%s: %v", v.Name, err)
	}
	return b
}

func (v vector) stream() bool { return v.Fields.TypeName == "SNAPSHOT-STREAM" }

func vectors(tb testing.TB) []vector {
	tb.Helper()
	text, err := os.ReadFile("testdata/quorum-port.json")
	if err != nil {
		tb.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil {
		tb.Fatal(err)
	}
	if len(all) < 30 {
		tb.Fatalf("%d vectors, want at least 30", len(all))
	}
	return all
}

func decode(b []byte) (Packet, error) {
	return ReadPacket(bufio.NewReader(bytes.NewReader(b)), DefaultMaxData)
}

func TestPacketVectors(t *testing.T) {
	seen := map[PacketType]bool{}
	for _, v := range vectors(t) {
		if v.stream() {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			b := v.bytes(t)
			p, err := decode(b)
			if err != nil {
				t.Fatalf("ReadPacket: %v", err)
			}
			seen[p.Type] = true
			length := -1
			if p.Data != nil {
				length = len(p.Data)
			}
			if int32(p.Type) != v.Fields.Type || p.Type.String() != v.Fields.TypeName ||
				int64(p.Zxid) != v.Fields.Zxid || length != v.Fields.DataLength {
				t.Errorf("got %v %v with %d bytes, want %+v", p.Type, p.Zxid, length, v.Fields)
			}
			if diff := cmp.Diff(v.Fields.AuthInfo, p.AuthInfo); diff != "" {
				t.Errorf("authinfo (-want +got):\n%s", diff)
			}
			if again := AppendPacket(nil, p); !bytes.Equal(again, b) {
				t.Errorf("encoded again:\n%x, want\n%x", again, b)
			}
			checkPayload(t, v, p)
		})
	}
	for _, typ := range PacketTypes() {
		if !seen[typ] {
			t.Errorf("no vector of type %s", typ)
		}
	}
}

func checkPayload(t *testing.T, v vector, p Packet) {
	t.Helper()
	f := v.Fields
	if f.AcceptedEpoch != nil && int64(p.Zxid.Epoch()) != *f.AcceptedEpoch {
		t.Errorf("accepted epoch %d, want %d", p.Zxid.Epoch(), *f.AcceptedEpoch)
	}
	if f.NewEpoch != nil && int64(p.Zxid.Epoch()) != *f.NewEpoch {
		t.Errorf("new epoch %d, want %d", p.Zxid.Epoch(), *f.NewEpoch)
	}
	if f.Config != nil && string(p.Data) != *f.Config {
		t.Errorf("config %q, want %q", p.Data, *f.Config)
	}
	if f.LearnerInfo != nil {
		info, err := ParseLearnerInfo(p.Data)
		want := LearnerInfo{quorum.SID(f.LearnerInfo.ServerID), int32(f.LearnerInfo.ProtocolVersion),
			quorum.Version(f.LearnerInfo.ConfigVersion)}
		if err != nil || info != want {
			t.Errorf("learner info %+v, %v, want %+v", info, err, want)
		}
		if again := AppendLearnerInfo(nil, info); !bytes.Equal(again, p.Data) {
			t.Errorf("learner info encoded again: %x, want %x", again, p.Data)
		}
	}
	if f.CurrentEpoch != nil {
		current, err := ParseAckEpoch(p.Data)
		if err != nil || int64(current) != *f.CurrentEpoch || int64(p.Zxid) != *f.LastZxid {
			t.Errorf("ackepoch %d, %v, zxid %v, want %d and %d", current, err, p.Zxid, *f.CurrentEpoch, *f.LastZxid)
		}
		if again := AppendAckEpoch(nil, current); !bytes.Equal(again, p.Data) {
			t.Errorf("ackepoch encoded again: %x, want %x", again, p.Data)
		}
	}
	if f.Request != nil {
		if op, ok := requestOp(p.Data); !ok || op != f.Request.OpCode {
			t.Errorf("operation %d, %v, want %d", op, ok, f.Request.OpCode)
		}
	}
	if f.Revalidate != nil && f.Revalidate.Valid != nil && !*f.Revalidate.Valid {
		// The recorded refusal is the one this node would have sent.
		question := binary.BigEndian.AppendUint64(nil, uint64(f.Revalidate.SessionID))
		if answer, ok := refuseSession(append(question, 0, 0, 0, 0)); !ok || !bytes.Equal(answer, p.Data) {
			t.Errorf("refusal %x, %v, want %x", answer, ok, p.Data)
		}
	}
}

func TestPacketTruncations(t *testing.T) {
	for _, v := range vectors(t) {
		if v.stream() {
			continue
		}
		b := v.bytes(t)
		for n := range b {
			_, err := decode(b[:n])
			want := io.ErrUnexpectedEOF
			if n == 0 {
				want = io.EOF
			}
			if !errors.Is(err, want) {
				t.Errorf("%s cut to %d bytes: %v, want %v", v.Name, n, err, want)
			}
			if n > 0 && !strings.Contains(err.Error(), "packet ") {
				t.Errorf("%s cut to %d bytes: %q does not name the field", v.Name, n, err)
			}
		}
	}
}

func TestPacketStream(t *testing.T) {
	var all []byte
	var want []vector
	for _, v := range vectors(t) {
		if !v.stream() {
			all = append(all, v.bytes(t)...)
			want = append(want, v)
		}
	}
	r := bufio.NewReaderSize(bytes.NewReader(all), 16)
	for _, v := range want {
		p, err := ReadPacket(r, DefaultMaxData)
		if err != nil || int32(p.Type) != v.Fields.Type {
			t.Fatalf("%s: %v, %v", v.Name, p.Type, err)
		}
	}
	if _, err := ReadPacket(r, DefaultMaxData); err != io.EOF {
		t.Errorf("at the end: %v, want EOF itself", err)
	}
}

func TestSnapshotVectors(t *testing.T) {
	n := 0
	for _, v := range vectors(t) {
		if !v.stream() {
			continue
		}
		n++
		t.Run(v.Name, func(t *testing.T) {
			b := v.bytes(t)
			next := AppendPacket(nil, Packet{Type: TypeNewLeader})
			r := bufio.NewReaderSize(bytes.NewReader(append(bytes.Clone(b), next...)), 32)
			last := int64(0)
			got, err := DiscardSnapshot(r, DefaultMaxData, func(n int64) { last = n })
			if err != nil {
				t.Fatal(err)
			}
			s := v.Fields.Snapshot
			want := SnapshotSummary{Sessions: len(s.Sessions), Nodes: int64(len(s.Nodes)),
				History: len(s.Nodes) > 4 || len(s.Sessions) > 0, Bytes: int64(len(b))}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if last == 0 || last > int64(len(b)) {
				t.Errorf("last progress at %d of %d", last, len(b))
			}
			if p, err := ReadPacket(r, DefaultMaxData); err != nil || p.Type != TypeNewLeader {
				t.Errorf("after the stream: %v, %v", p.Type, err)
			}
			for n := range b {
				_, err := DiscardSnapshot(bufio.NewReader(bytes.NewReader(b[:n])), DefaultMaxData, nil)
				if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "snapshot ") {
					t.Fatalf("cut to %d bytes: %v", n, err)
				}
			}
		})
	}
	if n != 2 {
		t.Errorf("%d streams, want 2", n)
	}
}
