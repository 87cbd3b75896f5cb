package zab

import (
	"bufio"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"electnode/internal/event"
)

const (
	// maxFirstData bounds the data of an accepted connection's first packet, a LearnerInfo of 20 bytes:
	// who has not even said that much gets no memory.
	maxFirstData = 1 << 10
	readBuffer   = 4 << 10  // for packets
	streamBuffer = 32 << 10 // for snapshot streams
	// progressBytes is how much of a snapshot stream passes at most between two Progress inputs.
	progressBytes = 16 << 20
)

// read delivers what comes on c until it ends, and then why.
func (t *Transport) read(c *conn) {
	closed := Input{Kind: Closed, Conn: c.id, Remote: c.sock.RemoteAddr().String()}
	spoke := false
	err := t.greet(c)
	if err == nil {
		spoke, err = t.packets(c)
	} else {
		closed.Reject = refusal(err)
	}
	c.abort("", "") // the writer must end too; no reason of this side
	t.forget(c)
	closed.Detail = err.Error()
	if errors.Is(err, io.EOF) {
		closed.Detail = "closed by the other side"
	}
	if errors.Is(err, ErrMalformed) {
		closed.Reason = event.LearnerProtocol
	}
	if reason, detail := c.why(); reason != "" {
		closed.Reason, closed.Detail = reason, detail
	}
	if !spoke && !c.dialled && closed.Reject == "" {
		closed.Reject = event.RejectClosed
		if errors.Is(err, ErrMalformed) {
			closed.Reject = event.RejectFirstPacket
		}
	}
	t.gaveWay(c, &closed)
	t.deliver(closed)
	if !c.dialled {
		t.leave()
	}
}

// refusal says which reason of a HandshakeRejected err of a TLS hand-shake is.
func refusal(err error) string {
	var slow net.Error
	switch {
	case errors.As(err, &slow) && slow.Timeout():
		return event.RejectSilent
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, net.ErrClosed):
		return event.RejectClosed
	}
	return event.RejectTLS
}

// greet tells of the connection and completes a TLS hand-shake, which is bounded in time by the role: it
// closes connections without a first packet.
func (t *Transport) greet(c *conn) error {
	if !t.deliver(Input{Kind: Opened, Conn: c.id, Remote: c.sock.RemoteAddr().String()}) {
		return errClosing
	}
	if secure, ok := c.sock.(interface{ Handshake() error }); ok {
		return secure.Handshake()
	}
	return nil
}

// errEvicted says that a connection gave way to another in the very moment of its first packet.
var errEvicted = errors.New(evictedDetail)

// errClosing says that the transport is being closed.
var errClosing = errors.New("transport is closing")

// packets delivers packets until the connection ends; spoke says that there was one at least.
func (t *Transport) packets(c *conn) (spoke bool, err error) {
	size, limit := readBuffer, min(maxFirstData, t.opt.MaxData)
	if c.dialled {
		size, limit = streamBuffer, t.opt.MaxData
	}
	r := bufio.NewReaderSize(c.sock, size)
	for {
		p, err := ReadPacket(r, limit)
		if err != nil {
			return spoke, err
		}
		if !spoke && !t.spoke(c) {
			return false, errEvicted
		}
		spoke, limit = true, t.opt.MaxData
		if p.Type == TypeSnap && c.dialled {
			if p.Snapshot, err = t.snapshot(c, r, p); err != nil {
				return spoke, err
			}
		}
		if !t.deliver(Input{Kind: Received, Conn: c.id, Packet: p}) {
			return spoke, errClosing
		}
	}
}

// snapshot discards the stream after the packet header, with a Progress input at its begin and then now
// and again, because the leader is not silent while it lasts.
func (t *Transport) snapshot(c *conn, r *bufio.Reader, header Packet) (*SnapshotSummary, error) {
	progress := Input{Kind: Progress, Conn: c.id, Packet: header}
	t.deliver(progress)
	last, lastBytes := time.Now(), int64(0)
	sum, err := DiscardSnapshot(r, t.opt.MaxData, func(bytes int64) {
		if bytes-lastBytes < progressBytes && time.Since(last) < t.opt.ProgressTime {
			return
		}
		t.deliver(progress)
		last, lastBytes = time.Now(), bytes
	})
	return &sum, err
}
