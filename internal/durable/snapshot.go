package durable

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/adler32"
	"io"
	"os"
	"strings"
)

const (
	snapshotMagic   = 0x5a4b534e // "ZKSN"
	snapshotVersion = 2
	sealSize        = 8 + 5 // the checksum, and "/" with its length
)

// SnapshotFile is one snapshot in a data directory.
type SnapshotFile struct {
	Name  string `json:"name"`
	Zxid  string `json:"zxid"` // that of the name, which is what counts
	Bytes int64  `json:"bytes"`
	// Valid is nil when nobody looked inside: a newer snapshot is sound, or it is compressed with snappy.
	Valid   *bool  `json:"valid"`
	Problem string `json:"problem,omitempty"`

	zxid int64
}

// errNotChecked says that the form of a snapshot cannot be looked into.
var errNotChecked = errors.New("compressed with snappy: not looked into")

// checkSnapshot reads a whole snapshot and compares its checksum: it must begin with the header and end
// with the Adler-32 of all before, followed by "/". Memory is bounded, whatever the size.
func checkSnapshot(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return bare(err)
	}
	defer f.Close()
	var r io.Reader = bufio.NewReaderSize(f, 64<<10)
	switch {
	case strings.HasSuffix(path, ".gz"):
		z, err := gzip.NewReader(r)
		if err != nil {
			return err
		}
		r = z
	case strings.HasSuffix(path, ".snappy"):
		head := make([]byte, 8)
		if _, err := io.ReadFull(r, head); err != nil || !bytes.HasPrefix(head, []byte("\x82SNAPPY")) {
			return errors.New("does not begin as a snappy stream")
		}
		return errNotChecked
	}
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return errors.New("is too short for a snapshot")
	}
	if magic := binary.BigEndian.Uint32(head[:]); magic != snapshotMagic {
		return fmt.Errorf("begins with %#x, not with the mark of a snapshot", magic)
	}
	if v := binary.BigEndian.Uint32(head[4:]); v != snapshotVersion {
		return fmt.Errorf("has version %d", int32(v))
	}
	return checkSeal(r, head[:])
}

// checkSeal reads the rest after head and compares the last checksum.
func checkSeal(r io.Reader, head []byte) error {
	s := &sealed{sum: adler32.New()}
	s.sum.Write(head)
	if _, err := io.Copy(s, r); err != nil {
		return fmt.Errorf("is cut off: %w", err)
	}
	if len(s.tail) < sealSize || !bytes.Equal(s.tail[8:], []byte{0, 0, 0, 1, '/'}) {
		return errors.New("is cut off: its end mark is missing")
	}
	if want := binary.BigEndian.Uint64(s.tail); want != uint64(s.sum.Sum32()) {
		return fmt.Errorf("has the checksum %#x and says %#x", s.sum.Sum32(), want)
	}
	return nil
}

// sealed sums up everything but the last sealSize bytes, which it keeps.
type sealed struct {
	sum  hash.Hash32
	tail []byte
}

// Write implements io.Writer.
func (s *sealed) Write(b []byte) (int, error) {
	s.tail = append(s.tail, b...)
	if n := len(s.tail) - sealSize; n > 0 {
		s.sum.Write(s.tail[:n])
		s.tail = append(s.tail[:0], s.tail[n:]...)
	}
	return len(b), nil
}
