package zab

import (
	"bufio"
	"bytes"
	"io"
	"testing"

	"electnode/internal/quorum"
)

func benchPackets() map[string]Packet {
	return map[string]Packet{
		"PING":      {Type: TypePing, Zxid: quorum.MakeZxid(5, 0)},
		"NEWLEADER": {Type: TypeNewLeader, Zxid: quorum.MakeZxid(5, 0), Data: bytes.Repeat([]byte("x"), 300)},
	}
}

func BenchmarkAppendPacket(b *testing.B) {
	for name, p := range benchPackets() {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				buf = AppendPacket(buf[:0], p)
			}
		})
	}
}

func BenchmarkReadPacket(b *testing.B) {
	for name, p := range benchPackets() {
		b.Run(name, func(b *testing.B) {
			wire := AppendPacket(nil, p)
			src := bytes.NewReader(wire)
			r := bufio.NewReader(src)
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(wire)
				r.Reset(src)
				if _, err := ReadPacket(r, DefaultMaxData); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDiscardSnapshot(b *testing.B) {
	s := emptyTree()
	for range 1000 {
		s.paths = append([]string{"/electnode/benchmark"}, s.paths...)
	}
	s.data = make([]byte, 100)
	wire := s.bytes()
	b.SetBytes(int64(len(wire)))
	src := bytes.NewReader(wire)
	r := bufio.NewReaderSize(src, streamBuffer)
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(wire)
		r.Reset(src)
		if _, err := DiscardSnapshot(r, DefaultMaxData, nil); err != nil && err != io.EOF {
			b.Fatal(err)
		}
	}
}
