package day

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"strconv"
	"sync"

	"electnode/internal/qcm"
	"electnode/internal/quorum"
)

// electionPort is that of every server; the tap leaves all other ports alone.
const electionPort = 3888

// side is one direction of the wire as one server uses it.
type side struct {
	frames   int             // whole frames
	messages map[uint64]bool // ids of electnode's messages among them
}

// wire is what one life of a server did on its election connections, read off the bytes alone.
type wire struct {
	mu       sync.Mutex
	written  map[quorum.SID]*side // by addressee; what the server tried to write
	read     map[quorum.SID]*side // by sender; what reached the server
	dialled  map[quorum.SID]int   // connections that were made, by address
	greeted  map[quorum.SID]int   // accepted connections whose preamble was read, by sid
	largest  int64                // round of its own LOOKING notifications
	election map[int64]bool       // starts of elections that it told
}

func newWire() *wire {
	return &wire{written: map[quorum.SID]*side{}, read: map[quorum.SID]*side{}, dialled: map[quorum.SID]int{},
		greeted: map[quorum.SID]int{}, election: map[int64]bool{}}
}

func of(m map[quorum.SID]*side, peer quorum.SID) *side {
	if m[peer] == nil {
		m[peer] = &side{messages: map[uint64]bool{}}
	}
	return m[peer]
}

// tap is a network that listens to itself.
type tap struct {
	qcm.Network
	wire *wire
}

func (t tap) Dial(ctx context.Context, addr string) (net.Conn, error) {
	c, err := t.Network.Dial(ctx, addr)
	peer, election := serverAt(addr)
	if err != nil || !election {
		return c, err
	}
	t.wire.mu.Lock()
	t.wire.dialled[peer]++
	t.wire.mu.Unlock()
	return &tapped{Conn: c, wire: t.wire, peer: peer, out: stream{preamble: true}}, nil
}

func (t tap) Listen(addr string) (net.Listener, error) {
	l, err := t.Network.Listen(addr)
	if _, election := serverAt(addr); err != nil || !election {
		return l, err
	}
	return tappedListener{l, t.wire}, nil
}

// serverAt is the server with the address 10.0.0.SID, and whether the port is that of elections.
func serverAt(addr string) (quorum.SID, bool) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		panic(err)
	}
	return quorum.SID(net.ParseIP(host).To4()[3]), port == strconv.Itoa(electionPort)
}

type tappedListener struct {
	net.Listener
	wire *wire
}

func (l tappedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tapped{Conn: c, wire: l.wire, in: stream{preamble: true}}, nil
}

// tapped is one end of an election connection. Reads and writes come from one goroutine each.
type tapped struct {
	net.Conn
	wire    *wire
	peer    quorum.SID // of the other end; 0 until its preamble was read
	in, out stream
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	c.in.take(b[:n], func(sid quorum.SID) {
		c.peer = sid
		c.wire.greeted[sid]++
	}, func(frame []byte) { of(c.wire.read, c.peer).add(frame) })
	return n, err
}

func (c *tapped) Write(b []byte) (int, error) {
	c.wire.mu.Lock()
	c.out.take(b, func(quorum.SID) {}, func(frame []byte) {
		of(c.wire.written, c.peer).add(frame)
		c.wire.own(frame)
	})
	c.wire.mu.Unlock()
	return c.Conn.Write(b)
}

// add counts a frame and notes its message id.
func (s *side) add(frame []byte) {
	s.frames++
	if id, _, ok := comment(frame); ok {
		s.messages[id] = true
	}
}

// own notes what the server says of itself.
func (w *wire) own(frame []byte) {
	if binary.BigEndian.Uint32(frame) == 0 { // LOOKING
		w.largest = max(w.largest, int64(binary.BigEndian.Uint64(frame[20:])))
		if _, began, ok := comment(frame); ok {
			w.election[began] = true
		}
	}
}

// comment reads message id and start of the election from the configuration text of a frame.
func comment(frame []byte) (id uint64, began int64, ok bool) {
	_, rest, found := bytes.Cut(frame[min(44, len(frame)):], []byte("#electnode:"))
	fields := bytes.SplitN(rest, []byte(":"), 3)
	if !found || len(fields) != 3 {
		return 0, 0, false
	}
	id, err1 := strconv.ParseUint(string(fields[0]), 16, 64)
	start, err2 := strconv.ParseUint(string(fields[2][:16]), 16, 64)
	return id, int64(start), err1 == nil && err2 == nil
}

// stream cuts one direction of a connection into preamble and frames.
type stream struct {
	preamble bool // one comes first
	rest     []byte
}

func (s *stream) take(b []byte, greeted func(quorum.SID), frame func([]byte)) {
	s.rest = append(s.rest, b...)
	if s.preamble && len(s.rest) >= 20 {
		size := 20 + int(binary.BigEndian.Uint32(s.rest[16:]))
		if len(s.rest) < size {
			return
		}
		greeted(quorum.SID(binary.BigEndian.Uint64(s.rest[8:])))
		s.rest, s.preamble = s.rest[size:], false
	}
	for !s.preamble && len(s.rest) >= 4 {
		size := 4 + int(binary.BigEndian.Uint32(s.rest))
		if len(s.rest) < size {
			return
		}
		frame(s.rest[4:size])
		s.rest = s.rest[size:]
	}
}
