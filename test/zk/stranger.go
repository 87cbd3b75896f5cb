package zk

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"electnode/internal/fle"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
)

// strangerSID is above those of all members, so that servers keep the connection and never dial back.
const strangerSID quorum.SID = 1_000_000

// questionText is a configuration that real servers accept under all settings, and never take over.
const questionText = "server.1=127.0.0.1:1:2\nserver.2=127.0.0.1:3:4\nversion=0"

// Stranger asks election ports as a non-member does, over one connection for each address. Whoever answers
// has a receiver thread that is alive. Its methods belong to one goroutine.
// Rule: section 15 of the election port's specification.
type Stranger struct {
	sid   quorum.SID
	to    func(addr string) (net.Conn, error) // how it connects
	conns map[string]*strangerConn
}

type strangerConn struct {
	net.Conn
	in *bufio.Reader
}

// NewStranger makes a stranger; number tells those apart that ask the same servers.
func NewStranger(t testing.TB, number int) *Stranger {
	return NewStrangerOver(t, number, func(addr string) (net.Conn, error) { return net.DialTimeout("tcp", addr, wordTime) })
}

// NewStrangerOver makes a stranger that connects in a way of its own, by TLS for example.
func NewStrangerOver(t testing.TB, number int, to func(addr string) (net.Conn, error)) *Stranger {
	s := &Stranger{sid: strangerSID + quorum.SID(number), to: to, conns: map[string]*strangerConn{}}
	t.Cleanup(func() {
		for _, c := range s.conns {
			_ = c.Close() // nobody waits for anything
		}
	})
	return s
}

// Ask asks the server at addr what it is doing and whom it votes for.
func (s *Stranger) Ask(addr string) (fle.Notification, error) {
	c, known := s.conns[addr]
	if !known {
		var err error
		if c, err = s.dial(addr); err != nil {
			return fle.Notification{}, err
		}
		s.conns[addr] = c
	}
	n, err := c.ask()
	if err == nil && !known {
		n, err = c.ask() // the first answer may have been the last one of an earlier connection
	}
	if err != nil {
		delete(s.conns, addr)
		return n, fmt.Errorf("stranger at %s: %w", addr, errors.Join(err, c.Close()))
	}
	return n, nil
}

func (s *Stranger) dial(addr string) (*strangerConn, error) {
	hello, err := qcm.AppendPreamble(nil, qcm.Preamble{Form: qcm.FormV1, SID: s.sid, Addresses: []string{"127.0.0.1:1"}})
	if err != nil {
		return nil, err
	}
	conn, err := s.to(addr)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(hello); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &strangerConn{conn, bufio.NewReader(conn)}, nil
}

// ask throws away what came unasked, and takes the answer to one question.
func (c *strangerConn) ask() (fle.Notification, error) {
	for {
		if err := c.SetDeadline(time.Now().Add(time.Millisecond)); err != nil {
			return fle.Notification{}, err
		}
		if _, err := c.in.Peek(1); errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if _, err := c.read(); err != nil {
			return fle.Notification{}, err
		}
	}
	if err := c.SetDeadline(time.Now().Add(wordTime)); err != nil {
		return fle.Notification{}, err
	}
	question := fle.Append(nil, fle.Notification{State: quorum.Looking, Round: 1, Version: fle.CurrentVersion,
		Vote: quorum.Vote{Leader: quorum.NoSID, Zxid: quorum.MinZxid, PeerEpoch: quorum.MinEpoch},
		Text: []byte(questionText)})
	if _, err := c.Write(qcm.AppendFrame(nil, question)); err != nil {
		return fle.Notification{}, err
	}
	return c.read()
}

func (c *strangerConn) read() (fle.Notification, error) {
	if err := c.SetReadDeadline(time.Now().Add(wordTime)); err != nil {
		return fle.Notification{}, err
	}
	frame, err := qcm.ReadFrame(c.in)
	if err != nil {
		return fle.Notification{}, err
	}
	return fle.Decode(frame)
}
