package zab

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"electnode/internal/crowd"
	"electnode/internal/event"
	"electnode/internal/quorum"
)

const (
	// maxFirstData bounds the data of an accepted connection's first packet, a LearnerInfo of 20 bytes:
	// who has not even said that much gets no memory.
	maxFirstData = 1 << 10
	readBuffer   = 4 << 10  // for packets
	streamBuffer = 32 << 10 // for snapshot streams
	// keptData is how much of a packet's data and authinfo is kept: no role looks at more of it, and what sessions and
	// clients' requests need beyond it passes by.
	keptData = 4 << 10
	// progressBytes is how much of a snapshot stream passes at most between two Progress inputs.
	progressBytes = 16 << 20
)

// read delivers what comes on c until it ends, and then why. ctx ends with c.
func (t *Transport) read(ctx context.Context, c *conn) {
	closed := Input{Kind: Closed, Conn: c.id, Remote: c.sock.RemoteAddr().String()}
	spoke, err := t.converse(ctx, c)
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
	if !spoke && !c.dialled {
		closed.Reject = refusal(err)
	}
	t.gaveWay(c, &closed)
	t.deliver(closed)
	if !c.dialled {
		t.leave()
	}
}

// identityError is what the Guard has against a connection. It hides what the Guard's reasons are made of.
type identityError struct{ reason string }

func (e *identityError) Error() string { return e.reason }

// handshakeError is what went wrong in a TLS hand-shake.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// refusal says which reason of a HandshakeRejected err is, err being what first returned.
func refusal(err error) string {
	var slow net.Error
	var identity *identityError
	var handshake *handshakeError
	switch {
	case errors.As(err, &identity):
		return event.RejectIdentity
	case errors.As(err, &slow) && slow.Timeout():
		return event.RejectSilent
	case errors.Is(err, ErrMalformed):
		return event.RejectFirstPacket
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, net.ErrClosed):
		return event.RejectClosed
	case errors.As(err, &handshake):
		return event.RejectTLS
	}
	return event.RejectClosed
}

// errEvicted says that a connection gave way to another in the very moment of its first packet.
var errEvicted = errors.New(evictedDetail)

// errClosing says that the transport is being closed.
var errClosing = errors.New("transport is closing")

// Packets of one learner are taken so many at once, and then so often. A real server has 1000 requests of its clients under
// way at most, and an answer to a heartbeat in each half tick. What is more waits in its own connection.
// Differs from ZooKeeper, which reads everybody as fast as it can.
const (
	learnerPackets       = 2048
	memberPacketsEvery   = time.Millisecond
	strangerPacketsEvery = 5 * time.Millisecond
)

// converse tells of the connection, completes a TLS hand-shake, and delivers packets until it ends; spoke says that
// there was one at least. An accepted connection has a deadline for the first: a role that is not decided yet may keep
// learners waiting, but not who has not said a word.
func (t *Transport) converse(ctx context.Context, c *conn) (spoke bool, err error) {
	if !t.deliver(Input{Kind: Opened, Conn: c.id, Remote: c.sock.RemoteAddr().String()}) {
		return false, errClosing
	}
	size := readBuffer
	if c.dialled {
		size = streamBuffer
	}
	r := bufio.NewReaderSize(c.sock, size)
	stranger := false
	if !c.dialled {
		first, err := t.first(ctx, c, r)
		if err != nil {
			return false, err
		}
		sid, _ := claimed(first)
		stranger = t.opt.Member != nil && !t.opt.Member(sid)
		if !t.spoke(c) {
			return false, errEvicted
		}
		if !t.deliver(Input{Kind: Received, Conn: c.id, Packet: first}) {
			return true, errClosing
		}
	}
	return !c.dialled, t.packets(c, r, stranger)
}

// first reads the first packet of an accepted connection, and asks the Guard about the learner that it names.
// Differs from ZooKeeper, which waits initLimit for that packet and takes everybody's word for who sent it.
func (t *Transport) first(ctx context.Context, c *conn, r *bufio.Reader) (Packet, error) {
	limit := time.Now().Add(t.opt.HandshakeTimeout)
	ctx, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	if err := c.sock.SetReadDeadline(limit); err != nil {
		return Packet{}, err
	}
	if err := handshake(ctx, c.sock); err != nil {
		return Packet{}, &handshakeError{err}
	}
	p, err := ReadPacket(r, min(maxFirstData, t.opt.MaxData))
	if err != nil {
		return Packet{}, err
	}
	if sid, named := claimed(p); named && t.opt.Guard != nil {
		if err := t.opt.Guard.Admit(ctx, c.sock, sid); err != nil {
			return Packet{}, &identityError{err.Error()}
		}
	}
	return p, c.sock.SetReadDeadline(time.Time{})
}

// handshake completes a TLS hand-shake, if there is one. ctx ends what it asks others, where the connection can tell them.
func handshake(ctx context.Context, sock net.Conn) error {
	switch secure := sock.(type) {
	case interface{ HandshakeContext(context.Context) error }:
		return secure.HandshakeContext(ctx)
	case interface{ Handshake() error }:
		return secure.Handshake()
	}
	return nil
}

// claimed is the server that a first packet says it comes from; false: it names none, and the leader will refuse it.
func claimed(p Packet) (quorum.SID, bool) {
	if p.Type != TypeFollowerInfo && p.Type != TypeObserverInfo {
		return 0, false
	}
	info, err := ParseLearnerInfo(p.Data)
	return info.SID, err == nil || errors.Is(err, ErrLegacy) && len(p.Data) >= 8
}

// packets delivers packets until the connection ends: those of a leader as fast as they come, those of learners so often
// as they may come.
func (t *Transport) packets(c *conn, r *bufio.Reader, stranger bool) error {
	rate := crowd.Rate{Burst: learnerPackets, Every: memberPacketsEvery}
	if stranger {
		rate.Every = strangerPacketsEvery
	}
	var said crowd.Bucket
	for {
		p, err := readPacket(r, t.opt.MaxData, keptData)
		if err != nil {
			return err
		}
		if !c.dialled {
			if wait := said.Wait(rate, time.Now()); wait > 0 && !t.sleep(wait) {
				return errClosing
			}
		}
		if p.Type == TypeSnap && c.dialled {
			if p.Snapshot, err = t.snapshot(c, r, p); err != nil {
				return err
			}
		}
		if !t.deliver(Input{Kind: Received, Conn: c.id, Packet: p}) {
			return errClosing
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
