package zab

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrMalformed is in the chain of every error that says that bytes are no packet or no snapshot stream,
// as opposed to a connection that broke.
var ErrMalformed = errors.New("malformed")

// firstGrab is how many bytes of memory a length field alone can make this node take; more is taken only
// as the bytes arrive.
const firstGrab = 8 << 10

// juteReader reads the primitives of jute from a stream and counts the bytes. It looks into the buffer of
// r instead of copying, so that fixed-size fields cost no allocation.
type juteReader struct {
	r    *bufio.Reader
	max  int // bytes of one buffer or string
	keep int // bytes of buffers that are still kept; what comes behind them is thrown away
	read int64
}

// fixed returns the next n bytes, n <= 16 (bufio's smallest buffer); they are valid until the next read.
func (j *juteReader) fixed(n int, field string) ([]byte, error) {
	b, err := j.r.Peek(n)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	// Peek has buffered them: Discard cannot do otherwise than succeed.
	_, _ = j.r.Discard(n)
	j.read += int64(n)
	return b, nil
}

func (j *juteReader) int32(field string) (int32, error) {
	b, err := j.fixed(4, field)
	if err != nil {
		return 0, err
	}
	return int32(binary.BigEndian.Uint32(b)), nil
}

// length reads the length of a buffer or string: -1 for null, otherwise 0..max.
func (j *juteReader) length(field string) (int, error) {
	n, err := j.int32(field)
	if err != nil {
		return 0, err
	}
	if n < -1 || int64(n) > int64(j.max) {
		return 0, fmt.Errorf("%s: length %d outside -1..%d: %w", field, n, j.max, ErrMalformed)
	}
	return int(n), nil
}

// share reads a buffer that has a part in max.
func (j *juteReader) share(field string) ([]byte, error) {
	before := j.read
	b, err := j.buffer(field)
	j.max -= max(0, int(j.read-before)-4)
	return b, err
}

// buffer reads a buffer; nil is null. Of one that is longer than what may be kept, the beginning is returned.
func (j *juteReader) buffer(field string) ([]byte, error) {
	whole, err := j.length(field)
	if err != nil || whole < 0 {
		return nil, err
	}
	n := min(whole, j.keep)
	j.keep -= n
	b := make([]byte, 0, min(n, firstGrab))
	for len(b) < n {
		if len(b) == cap(b) {
			// What has arrived may be doubled.
			b = append(make([]byte, 0, min(n, 2*cap(b))), b...)
		}
		got, err := io.ReadFull(j.r, b[len(b):cap(b)])
		b = b[:len(b)+got]
		j.read += int64(got)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("%s: %d of %d bytes: %w", field, len(b), whole, err)
		}
	}
	return b, j.skip(whole-n, field, func(int64) {})
}

// skip discards n bytes as they arrive; step is called for each portion, with the total so far.
func (j *juteReader) skip(n int, field string, step func(int64)) error {
	for n > 0 {
		if _, err := j.r.Peek(1); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("%s: %d bytes missing: %w", field, n, err)
		}
		got, _ := j.r.Discard(min(n, j.r.Buffered())) // cannot fail: they are there
		n -= got
		j.read += int64(got)
		step(j.read)
	}
	return nil
}
