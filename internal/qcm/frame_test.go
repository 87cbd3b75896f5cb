package qcm

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"
)

func TestFrameVectors(t *testing.T) {
	for _, v := range vectors(t, "frame") {
		raw := v.bytes(t)
		frame, err := ReadFrame(iotest.HalfReader(bytes.NewReader(raw)))
		if v.Fields.Length == 0 { // the malformed ones
			if !errors.Is(err, ErrFrameLength) {
				t.Errorf("%s: %v, want %v", v.Name, err, ErrFrameLength)
			}
			continue
		}
		if err != nil || len(frame) != v.Fields.Length || !bytes.Equal(AppendFrame(nil, frame), raw) {
			t.Errorf("%s: %x, %v", v.Name, frame, err)
		}
		for n := range raw {
			_, err := ReadFrame(bytes.NewReader(raw[:n]))
			if want := io.ErrUnexpectedEOF; n == 0 && err != io.EOF || n > 0 && !errors.Is(err, want) {
				t.Errorf("%s cut to %d bytes: %v, want %v", v.Name, n, err, want)
			}
		}
	}
}

func TestFrameSizes(t *testing.T) {
	for _, size := range []int{1, 27, frameStep - 1, frameStep, frameStep + 1, 3*frameStep + 7, MaxFrame} {
		want := bytes.Repeat([]byte{0xa5}, size)
		got, err := ReadFrame(iotest.HalfReader(bytes.NewReader(AppendFrame(nil, want))))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("size %d: %d bytes, %v", size, len(got), err)
		}
	}
}

// TestFrameMemory checks that a length alone costs no memory.
func TestFrameMemory(t *testing.T) {
	claim := []byte{0, 8, 0, 0, 1, 2, 3} // 512 KiB promised, 3 bytes there
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		if _, err := ReadFrame(bytes.NewReader(claim)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / 100; got > 2*frameStep {
		t.Errorf("%d bytes taken for a frame of which 3 came", got)
	}
}
