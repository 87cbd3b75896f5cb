package qcm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// The first 8 bytes of a preamble are one of these, or a sid that is not negative.
const (
	versionOne int64 = -65536
	versionTwo int64 = -65535
)

// maxAddressText is the largest address text in bytes. Rule: InitialMessage.parse.
const maxAddressText = 2048

// Form is a form of the preamble.
type Form string

// The forms of the preamble: a sid alone, a sid with one address, a sid with several.
const (
	FormBare Form = "bare"
	FormV1   Form = "v1"
	FormV2   Form = "v2"
)

// Preamble is what the dialling side says first, and the only hand-shake there is: nothing answers it.
type Preamble struct {
	Form Form
	SID  quorum.SID
	// Addresses are the sender's election addresses, host:port, IPv6 in brackets; wildcards are left out
	// when reading, so it may be empty.
	Addresses []string
}

// PreambleError says why a preamble was refused.
type PreambleError struct {
	Reason string // RejectProtocol, RejectLength, RejectAddress or RejectTLS of package event
	Detail string
}

func (e *PreambleError) Error() string { return "preamble: " + e.Detail }

// AppendPreamble adds the bytes of p to b, to be sent in one write: real servers read the address text
// with a single read. The bare form has no room for addresses, the V1 form carries the first. It refuses
// what could hurt a real server: no address, a port outside 1..65535, a text above 2048 bytes, a negative
// sid in the bare form.
func AppendPreamble(b []byte, p Preamble) ([]byte, error) {
	var version int64
	addresses := p.Addresses
	switch p.Form {
	case FormBare:
		if p.SID < 0 {
			return b, fmt.Errorf("the bare preamble has no negative sid such as %d", p.SID)
		}
		return binary.BigEndian.AppendUint64(b, uint64(p.SID)), nil
	case FormV1:
		version, addresses = versionOne, addresses[:min(1, len(addresses))]
	case FormV2:
		version = versionTwo
	default:
		return b, fmt.Errorf("%q is no form of a preamble", p.Form)
	}
	if len(addresses) == 0 {
		return b, errors.New("a preamble needs an address")
	}
	parts := make([]string, 0, len(addresses))
	for _, a := range addresses {
		host, port, err := splitAddress(a)
		if err != nil {
			return b, fmt.Errorf("announced address %q: %w", a, err)
		}
		parts = append(parts, javaAddress(host, port))
	}
	text := strings.Join(parts, "|")
	if len(text) > maxAddressText {
		return b, fmt.Errorf("announced addresses take %d bytes, more than %d", len(text), maxAddressText)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(version))
	b = binary.BigEndian.AppendUint64(b, uint64(p.SID))
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...), nil
}

// ReadPreamble reads exactly one preamble from r, in as many reads as it takes; the bytes after it stay in
// r. It resolves no name. Errors: *PreambleError for what is no preamble, else the error of r
// (io.ErrUnexpectedEOF in the middle). Rule: QuorumCnxManager.receiveConnection, InitialMessage.parse.
func ReadPreamble(r io.Reader) (Preamble, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:8]); err != nil {
		return Preamble{}, err
	}
	first := int64(binary.BigEndian.Uint64(head[:8]))
	p := Preamble{Form: FormBare, SID: quorum.SID(first)}
	switch {
	case head[0] == 0x16 && head[1] == 3 && head[2] <= 4:
		// Differs from ZooKeeper, which takes that for a server with an id of 1.5e18.
		return Preamble{}, &PreambleError{event.RejectTLS, "the caller speaks TLS, this port does not"}
	case first >= 0:
		return p, nil
	case first == versionOne:
		p.Form = FormV1
	case first == versionTwo:
		p.Form = FormV2
	default:
		return Preamble{}, &PreambleError{event.RejectProtocol, fmt.Sprintf("unknown protocol version %d", first)}
	}
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Preamble{}, midway(err)
	}
	p.SID = quorum.SID(binary.BigEndian.Uint64(head[:8]))
	length := int32(binary.BigEndian.Uint32(head[8:]))
	if length < 1 || length > maxAddressText {
		return Preamble{}, &PreambleError{event.RejectLength, fmt.Sprintf("address text of %d bytes", length)}
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return Preamble{}, midway(err)
	}
	var err error
	p.Addresses, err = parseAddresses(string(text))
	if err != nil {
		return Preamble{}, err
	}
	return p, nil
}

// parseAddresses reads an address text: parts joined by |, empty parts at the end do not count, wildcards
// are dropped.
func parseAddresses(text string) ([]string, error) {
	text = strings.TrimRight(text, "|")
	if text == "" {
		return nil, nil
	}
	var addresses []string
	for part := range strings.SplitSeq(text, "|") {
		host, _, err := splitAddress(part)
		if err != nil {
			return nil, &PreambleError{event.RejectAddress, fmt.Sprintf("address %.80q: %v", part, err)}
		}
		if !wildcard(host) {
			addresses = append(addresses, part)
		}
	}
	return addresses, nil
}

// midway turns an end of input that is none for io.ReadFull into what it is: a preamble cut short.
func midway(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
