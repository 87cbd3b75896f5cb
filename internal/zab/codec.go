package zab

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"electnode/internal/quorum"
)

// DefaultMaxData is how long one buffer or string may be: jute.maxbuffer and its extra size by default.
const DefaultMaxData = 2 * 0xfffff

// maxAuthIDs bounds the entries of one authinfo: a client has one per scheme it authenticated with.
const maxAuthIDs = 1024

// ReadPacket reads one packet. The error is io.EOF when the stream ended between two packets, wraps
// io.ErrUnexpectedEOF when it ended inside one and ErrMalformed when the bytes are no packet, and is the
// reader's own otherwise; all but the first name the field. maxData bounds the data and, together, the
// texts of the authinfo [DefaultMaxData]. Any type is accepted: what to do with it is the role's matter.
// Rule: QuorumPacket in zookeeper.jute.
func ReadPacket(r *bufio.Reader, maxData int) (Packet, error) {
	return readPacket(r, maxData, math.MaxInt)
}

// readPacket is ReadPacket, but keeps only the first keep bytes of data and authinfo together; the rest is thrown away as
// it comes.
func readPacket(r *bufio.Reader, maxData, keep int) (Packet, error) {
	if maxData <= 0 {
		maxData = DefaultMaxData
	}
	if _, err := r.Peek(1); errors.Is(err, io.EOF) {
		return Packet{}, io.EOF
	}
	j := juteReader{r: r, max: maxData, keep: keep}
	head, err := j.fixed(12, "packet type and zxid")
	if err != nil {
		return Packet{}, err
	}
	p := Packet{
		Type: PacketType(int32(binary.BigEndian.Uint32(head))),
		Zxid: quorum.Zxid(int64(binary.BigEndian.Uint64(head[4:]))),
	}
	if p.Data, err = j.buffer("packet data"); err != nil {
		return Packet{}, err
	}
	if p.AuthInfo, err = j.authInfo(); err != nil {
		return Packet{}, err
	}
	return p, nil
}

func (j *juteReader) authInfo() ([]AuthID, error) {
	n, err := j.int32("packet authinfo count")
	if err != nil || n == -1 {
		return nil, err
	}
	if n < 0 || n > maxAuthIDs {
		return nil, fmt.Errorf("packet authinfo count: %d outside -1..%d: %w", n, maxAuthIDs, ErrMalformed)
	}
	ids := []AuthID{}
	for range n {
		scheme, err := j.share("packet authinfo scheme")
		if err != nil {
			return nil, err
		}
		id, err := j.share("packet authinfo id")
		if err != nil {
			return nil, err
		}
		ids = append(ids, AuthID{Scheme: string(scheme), ID: string(id)})
	}
	return ids, nil
}

// AppendPacket appends the bytes of p to dst. The snapshot stream after a SNAP is not part of it.
func AppendPacket(dst []byte, p Packet) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(p.Type))
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.Zxid))
	if p.Data == nil {
		dst = append(dst, 0xff, 0xff, 0xff, 0xff)
	} else {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.Data)))
		dst = append(dst, p.Data...)
	}
	if p.AuthInfo == nil {
		return append(dst, 0xff, 0xff, 0xff, 0xff)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.AuthInfo)))
	for _, id := range p.AuthInfo {
		dst = appendText(appendText(dst, id.Scheme), id.ID)
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
}
