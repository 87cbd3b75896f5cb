package qcm

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// FuzzReadFrame: whatever bytes come, and in whatever pieces, frames are what was written into them, one after the other;
// what ends them has its reason; and no frame takes more memory than twice what has arrived of it.
func FuzzReadFrame(f *testing.F) {
	for _, v := range vectors(f, "frame") {
		f.Add(v.bytes(f), true)
	}
	f.Add(AppendFrame(AppendFrame(nil, []byte("one")), bytes.Repeat([]byte("two"), 9000)), false)
	f.Add([]byte{0, 8, 0, 0, 1, 2, 3}, true)
	f.Fuzz(func(t *testing.T, raw []byte, single bool) {
		var r io.Reader = bytes.NewReader(raw)
		if single {
			r = iotest.OneByteReader(r)
		}
		var again []byte
		for {
			frame, err := ReadFrame(r)
			switch {
			case err == nil && (len(frame) == 0 || len(frame) > MaxFrame || cap(frame) > max(2*len(frame), frameStep)):
				t.Fatalf("a frame of %d bytes in %d", len(frame), cap(frame))
			case err == nil:
				again = AppendFrame(again, frame)
				continue
			case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ErrFrameLength):
				t.Fatal(err)
			case errors.Is(err, io.EOF) && len(again) != len(raw):
				t.Fatalf("it ends after %d of %d bytes", len(again), len(raw))
			}
			if !bytes.HasPrefix(raw, again) {
				t.Fatalf("read %x of %x", again, raw)
			}
			return
		}
	})
}
