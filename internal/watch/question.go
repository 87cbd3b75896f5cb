package watch

import (
	"io"
	"net"

	"electnode/internal/qcm"
	"electnode/internal/quorum"
)

// questionText is the configuration in every question: two invented voters, version 0. Real servers accept it
// under all settings, log nothing and never take it over; an empty, an incomplete or a newer text can end
// their receiver or their election.
const questionText = "server.1=127.0.0.1:1:2\nserver.2=127.0.0.1:3:4\nversion=0"

// question is all that a watcher ever says after its preamble: one frame, length included, in the current form
// of a notification. The vote is the one that beats no other.
const question = "\x00\x00\x00\x63" + // length of what follows: 44 bytes and the text
	"\x00\x00\x00\x00" + // state LOOKING
	"\x80\x00\x00\x00\x00\x00\x00\x00" + // leader: nobody
	"\x80\x00\x00\x00\x00\x00\x00\x00" + // zxid: the smallest
	"\x00\x00\x00\x00\x00\x00\x00\x01" + // round 1
	"\x80\x00\x00\x00\x00\x00\x00\x00" + // peer epoch: the smallest
	"\x00\x00\x00\x02" + // version of the form
	"\x00\x00\x00\x37" + // length of the text
	questionText

// announced is the address in the preamble. A server with a smaller sid than the watcher's never dials it; one
// with a larger sid is not asked.
const announced = "127.0.0.1:1"

// line is a connection to an election port that can say two things: the preamble, once, and the question. Its
// methods belong to one goroutine.
type line struct{ conn net.Conn }

// hello says who asks, in one write: real servers read the address with a single read.
func (l line) hello(preamble []byte) error {
	_, err := l.conn.Write(preamble)
	return err
}

// ask sends the question.
func (l line) ask() error {
	_, err := io.WriteString(l.conn, question)
	return err
}

// preamble is the hand-shake of a watcher: the same bytes for every connection it ever makes.
func preamble(sid quorum.SID) ([]byte, error) {
	return qcm.AppendPreamble(nil, qcm.Preamble{Form: qcm.FormV1, SID: sid, Addresses: []string{announced}})
}
