package recorder

import (
	"encoding/binary"
	"iter"
)

// headerSize is what stands before each line in memory: its number and its length.
const headerSize = 8 + 4

// entry is one line with its number.
type entry struct {
	seq  uint64
	text []byte
}

// appendEntry appends a line in its stored form: a packed text is many of them.
func appendEntry(b []byte, seq uint64, text []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, seq)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...)
}

// entries goes through a packed text.
func entries(packed []byte) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		for len(packed) > 0 {
			seq, n := binary.LittleEndian.Uint64(packed), binary.LittleEndian.Uint32(packed[8:])
			end := headerSize + int(n)
			if !yield(entry{seq, packed[headerSize:end:end]}) {
				return
			}
			packed = packed[end:]
		}
	}
}

// ring keeps the last lines that fit into max bytes. It takes the memory that it needs, never more than that.
type ring struct {
	max  int
	buf  []byte
	head int // of the oldest line
	used int
	n    int    // lines
	end  uint64 // bytes that were ever pushed
}

// push adds a line, and drops the oldest ones that it needs the room of. False: it is too long by itself.
func (r *ring) push(seq uint64, text []byte) bool {
	need := headerSize + len(text)
	if need > r.max {
		return false
	}
	if r.used+need > len(r.buf) && len(r.buf) < r.max {
		r.grow(r.used + need)
	}
	for r.used+need > len(r.buf) {
		_, n := r.header(r.head)
		r.head = r.wrap(r.head + headerSize + n)
		r.used -= headerSize + n
		r.n--
	}
	var head [headerSize]byte
	binary.LittleEndian.PutUint64(head[:], seq)
	binary.LittleEndian.PutUint32(head[8:], uint32(len(text)))
	r.write(head[:])
	r.write(text)
	r.n++
	r.end += uint64(need)
	return true
}

// grow makes room for need bytes in all, as far as max allows.
func (r *ring) grow(need int) {
	size := min(r.max, max(need, 2*len(r.buf), 1<<10))
	r.buf = append(make([]byte, 0, size), r.packed(0, r.used)...)[:size]
	r.head = 0
}

func (r *ring) wrap(i int) int {
	if i >= len(r.buf) {
		return i - len(r.buf)
	}
	return i
}

// write copies b behind the last line; there is room for it.
func (r *ring) write(b []byte) {
	at := r.wrap(r.head + r.used)
	n := copy(r.buf[at:], b)
	copy(r.buf, b[n:])
	r.used += len(b)
}

// read copies what stands at a place into b.
func (r *ring) read(at int, b []byte) {
	n := copy(b, r.buf[at:])
	copy(b[n:], r.buf)
}

func (r *ring) header(at int) (seq uint64, n int) {
	var head [headerSize]byte
	r.read(at, head[:])
	return binary.LittleEndian.Uint64(head[:]), int(binary.LittleEndian.Uint32(head[8:]))
}

// packed is a copy of n bytes, which begin skip bytes after the oldest line.
func (r *ring) packed(skip, n int) []byte {
	if n == 0 {
		return nil
	}
	out := make([]byte, n)
	r.read(r.wrap(r.head+skip), out)
	return out
}

// after is a copy of the lines from the number from on, as many as fit into limit bytes but one at least. It
// looks from skip bytes behind the oldest line on, where a line begins.
func (r *ring) after(from uint64, limit, skip int) []byte {
	end := skip
	for end < r.used {
		seq, n := r.header(r.wrap(r.head + end))
		next := end + headerSize + n
		if seq < from {
			skip = next
		} else if next-skip > limit && end > skip {
			break
		}
		end = next
	}
	return r.packed(skip, end-skip)
}

// seqOf and sizeOf tell number and stored size of the first line of a packed text.
func seqOf(packed []byte) uint64 { return binary.LittleEndian.Uint64(packed) }

func sizeOf(packed []byte) int { return headerSize + int(binary.LittleEndian.Uint32(packed[8:])) }
