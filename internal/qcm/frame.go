package qcm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxFrame is the largest frame in bytes, its length word not counted. Rule: PACKETMAXSIZE in
// QuorumCnxManager.java.
const MaxFrame = 512 << 10

// frameStep is how much memory a frame gets before any of it has arrived, and how much is read at once. The notifications of a
// hundred voters, with the configuration in each, are 5 KiB.
const frameStep = 8 << 10

// ErrFrameLength says that a frame length was outside 1..MaxFrame.
var ErrFrameLength = errors.New("frame length outside 1..524288")

// AppendFrame adds frame to b with its length in front.
func AppendFrame(b, frame []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(frame))), frame...)
}

// ReadFrame reads one frame from r into memory of its own, which grows as the bytes arrive and not as the
// length promises. Errors: ErrFrameLength, io.EOF between frames, io.ErrUnexpectedEOF inside one, else
// that of r.
func ReadFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	return readBody(r, int32(binary.BigEndian.Uint32(head[:])), MaxFrame)
}

// readBody reads a frame of length bytes, most at most.
func readBody(r io.Reader, length, most int32) ([]byte, error) {
	if length < 1 || length > MaxFrame {
		return nil, fmt.Errorf("%w: %d", ErrFrameLength, length)
	}
	if length > most {
		return nil, fmt.Errorf("%w, and of a server in no configuration outside 1..%d: %d", ErrFrameLength, most, length)
	}
	frame := make([]byte, min(int(length), frameStep))
	for read := 0; ; {
		n, err := io.ReadFull(r, frame[read:])
		if err != nil {
			return nil, midway(err)
		}
		if read += n; read == int(length) {
			return frame, nil
		}
		grown := make([]byte, min(int(length), 2*read))
		copy(grown, frame)
		frame = grown
	}
}
