package fle

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"electnode/internal/quorum"
)

// Form is the layout of a notification on the wire.
type Form uint8

// The three layouts, and the current one with a version that ends it after the version field.
const (
	FormCurrent Form = iota // 44 bytes and a configuration text
	Form28                  // no peer epoch, no version
	Form40                  // peer epoch, and four bytes that nobody reads
	FormNoText              // peer epoch and a version below 2: what follows is not read
)

// CurrentVersion is the version that servers since 3.5 send.
const CurrentVersion = 2

// Notification is one election message. Text aliases the decoded frame.
type Notification struct {
	State   quorum.State
	Vote    quorum.Vote
	Round   quorum.Round
	Form    Form
	Version int32  // 0 for Form28 and Form40
	Text    []byte // the sender's configuration, without electnode's comment line

	// MessageID, SentAt and ElectionAt stand in a comment line at the head of the text, which real servers
	// skip. MessageID 0: the sender is no electnode. SentAt is now and ElectionAt the start of its running or
	// last election by the sender's wall clock, in nanoseconds since 1970.
	MessageID  uint64
	SentAt     int64
	ElectionAt int64
}

// Errors of Decode. All of them mean: drop the message, keep the connection.
var (
	ErrLength     = errors.New("no form of a notification has this length")
	ErrTextLength = errors.New("length of the configuration text does not fit the message")
)

const (
	len28      = 28
	len40      = 40
	lenCurrent = 44

	commentHead = "#electnode:"
	commentLen  = len(commentHead) + 16 + 1 + 16 + 1 + 16 + 1 // head, id, colon, time, colon, time, newline
)

// Decode reads a notification; it takes no memory. Rule: the receiving half of
// FastLeaderElection.Messenger.
func Decode(frame []byte) (Notification, error) {
	var n Notification
	if len(frame) < len28 || (len(frame) > len28 && len(frame) < len40) {
		return n, fmt.Errorf("%d bytes: %w", len(frame), ErrLength)
	}
	n.State = quorum.State(int32(binary.BigEndian.Uint32(frame)))
	n.Vote.Leader = quorum.SID(binary.BigEndian.Uint64(frame[4:]))
	n.Vote.Zxid = quorum.Zxid(binary.BigEndian.Uint64(frame[12:]))
	n.Round = quorum.Round(binary.BigEndian.Uint64(frame[20:]))
	if len(frame) == len28 {
		n.Form, n.Vote.PeerEpoch = Form28, n.Vote.Zxid.Epoch()
		return n, nil
	}
	n.Vote.PeerEpoch = quorum.Epoch(binary.BigEndian.Uint64(frame[28:]))
	if len(frame) == len40 {
		n.Form = Form40
		return n, nil
	}
	n.Version = int32(binary.BigEndian.Uint32(frame[36:]))
	if n.Version < CurrentVersion {
		n.Form = FormNoText
		return n, nil
	}
	if len(frame) < lenCurrent {
		return n, fmt.Errorf("%d bytes: %w", len(frame), ErrLength)
	}
	size := int32(binary.BigEndian.Uint32(frame[40:]))
	if size < 0 || int(size) > len(frame)-lenCurrent {
		return n, fmt.Errorf("%d of %d bytes: %w", size, len(frame)-lenCurrent, ErrTextLength)
	}
	n.Text = frame[lenCurrent : lenCurrent+int(size)]
	n.takeComment()
	return n, nil
}

// takeComment moves electnode's comment line from the head of the text into its fields; a line that is
// not exactly of that form stays in the text.
func (n *Notification) takeComment() {
	t := n.Text
	if len(t) < commentLen || string(t[:len(commentHead)]) != commentHead || t[commentLen-1] != '\n' {
		return
	}
	at := len(commentHead)
	if t[at+16] != ':' || t[at+33] != ':' {
		return
	}
	id, ok := parseHex(t[at : at+16])
	sent, ok2 := parseHex(t[at+17 : at+33])
	began, ok3 := parseHex(t[at+34 : at+50])
	if !ok || !ok2 || !ok3 || id == 0 {
		return
	}
	n.MessageID, n.SentAt, n.ElectionAt, n.Text = id, int64(sent), int64(began), t[commentLen:]
}

// parseHex reads 16 lower-case hex digits.
func parseHex(b []byte) (uint64, bool) {
	var v uint64
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// Append encodes n in its form behind dst.
func Append(dst []byte, n Notification) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(n.State))
	dst = binary.BigEndian.AppendUint64(dst, uint64(n.Vote.Leader))
	dst = binary.BigEndian.AppendUint64(dst, uint64(n.Vote.Zxid))
	dst = binary.BigEndian.AppendUint64(dst, uint64(n.Round))
	if n.Form == Form28 {
		return dst
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(n.Vote.PeerEpoch))
	if n.Form == Form40 {
		return binary.BigEndian.AppendUint32(dst, 1)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(n.Version))
	if n.Form == FormNoText {
		// One byte more keeps the length apart from that of Form40.
		return append(dst, 0)
	}
	size := len(n.Text)
	if n.MessageID != 0 {
		size += commentLen
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	if n.MessageID != 0 {
		dst = append(dst, commentHead...)
		dst = appendHex(dst, n.MessageID)
		dst = append(dst, ':')
		dst = appendHex(dst, uint64(n.SentAt))
		dst = append(dst, ':')
		dst = appendHex(dst, uint64(n.ElectionAt))
		dst = append(dst, '\n')
	}
	return append(dst, n.Text...)
}

func appendHex(dst []byte, v uint64) []byte {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], v)
	return hex.AppendEncode(dst, raw[:])
}

// Size is the length of n's encoding.
func (n Notification) Size() int {
	switch n.Form {
	case Form28:
		return len28
	case Form40:
		return len40
	case FormNoText:
		return len40 + 1
	}
	if n.MessageID != 0 {
		return lenCurrent + commentLen + len(n.Text)
	}
	return lenCurrent + len(n.Text)
}

// clocks are SentAt and ElectionAt as times, zero if the sender told none.
func (n Notification) clocks() (sent, election time.Time) {
	if n.MessageID == 0 {
		return
	}
	return time.Unix(0, n.SentAt), time.Unix(0, n.ElectionAt)
}
