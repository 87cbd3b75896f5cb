package durable

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"os"
	"strconv"
	"time"

	"electnode/internal/quorum"
)

const (
	logMagic      = 0x5a4b4c47 // "ZKLG"
	logVersion    = 2
	txnHeaderSize = 8 + 4 + 8 + 8 + 4
	recordEnd     = 'B'
)

// LogFile is one transaction log in a data directory.
type LogFile struct {
	Name  string `json:"name"`
	Zxid  string `json:"first_zxid"` // that of the name
	Bytes int64  `json:"bytes"`
	// Transactions is the number of complete ones; nil when nobody looked inside, because a newer log has
	// some.
	Transactions *int   `json:"transactions"`
	TornTail     bool   `json:"torn_tail,omitempty"` // its last transaction is incomplete; servers tolerate that
	Problem      string `json:"problem,omitempty"`

	zxid int64
}

// Transaction is one entry of a log.
type Transaction struct {
	Zxid    string    `json:"zxid"`
	Session string    `json:"session"`
	Time    time.Time `json:"time"` // by the clock of the leader
	Type    string    `json:"type"`
	Log     string    `json:"log"` // name of the file

	zxid quorum.Zxid
}

// logScan is what a pass over one log found.
type logScan struct {
	count   int
	last    Transaction
	torn    bool
	problem string
}

// scanLog reads a transaction log to its end: records of checksum, length, bytes and end mark, then zeros,
// because space is allocated ahead. An incomplete record at the end is tolerated, as servers do; a wrong
// checksum is a problem. Memory is bounded. Rule: FileTxnLog.java.
func scanLog(path, name string) logScan {
	f, err := os.Open(path)
	if err != nil {
		return logScan{problem: "cannot be read: " + bare(err).Error()}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return logScan{problem: bare(err).Error()}
	}
	r := &logReader{r: bufio.NewReaderSize(f, 64<<10), left: info.Size()}
	var head [16]byte
	if r.read(head[:]) != nil {
		return logScan{torn: true}
	}
	if magic := binary.BigEndian.Uint32(head[:]); magic != logMagic {
		return logScan{problem: fmt.Sprintf("begins with %#x, not with the mark of a log", magic)}
	}
	if v := binary.BigEndian.Uint32(head[4:]); v != logVersion {
		return logScan{problem: fmt.Sprintf("has version %d", int32(v))}
	}
	var s logScan
	for {
		t, err := r.record()
		switch {
		case errors.Is(err, io.EOF):
			return s
		case errors.Is(err, io.ErrUnexpectedEOF):
			s.torn = true
			return s
		case err != nil:
			s.problem = fmt.Sprintf("%v, after %d complete transactions", err, s.count)
			return s
		case s.count > 0 && t.zxid <= s.last.zxid:
			s.problem = fmt.Sprintf("zxid %s follows zxid %s", t.zxid, s.last.zxid)
		}
		t.Log = name
		s.last = t
		s.count++
	}
}

// logReader reads records; left is what the file still has.
type logReader struct {
	r    io.Reader
	left int64
}

func (r *logReader) read(b []byte) error {
	n, err := io.ReadFull(r.r, b)
	r.left -= int64(n)
	return err
}

// record reads one transaction: io.EOF at the end of the log, io.ErrUnexpectedEOF when it is incomplete.
func (r *logReader) record() (Transaction, error) {
	var head [12]byte
	if err := r.read(head[:]); err != nil {
		return Transaction{}, err
	}
	sum, size := binary.BigEndian.Uint64(head[:]), int64(int32(binary.BigEndian.Uint32(head[8:])))
	switch {
	case size == 0 && sum == 0:
		return Transaction{}, io.EOF
	case size == 0 || size == -1 || size >= r.left:
		return Transaction{}, io.ErrUnexpectedEOF
	case size < txnHeaderSize:
		return Transaction{}, fmt.Errorf("a transaction of %d bytes", size)
	}
	var header [txnHeaderSize]byte
	if err := r.read(header[:]); err != nil {
		return Transaction{}, err
	}
	actual := adler32.New()
	actual.Write(header[:])
	n, err := io.CopyN(actual, r.r, size-txnHeaderSize)
	if r.left -= n; err != nil {
		return Transaction{}, io.ErrUnexpectedEOF
	}
	var end [1]byte
	if err := r.read(end[:]); err != nil || end[0] != recordEnd {
		return Transaction{}, io.ErrUnexpectedEOF
	}
	t := readTransaction(header)
	if sum != uint64(actual.Sum32()) {
		return Transaction{}, fmt.Errorf("a transaction (zxid %s, it says) has the checksum %#x and says %#x", t.zxid, actual.Sum32(), sum)
	}
	return t, nil
}

func readTransaction(b [txnHeaderSize]byte) Transaction {
	zxid := quorum.Zxid(binary.BigEndian.Uint64(b[12:]))
	return Transaction{
		zxid: zxid, Zxid: zxid.String(),
		Session: "0x" + strconv.FormatUint(binary.BigEndian.Uint64(b[:]), 16),
		Time:    time.UnixMilli(int64(binary.BigEndian.Uint64(b[20:]))).UTC(),
		Type:    typeName(int32(binary.BigEndian.Uint32(b[28:]))),
	}
}

// typeName is the name of a transaction's type. Rule: ZooDefs.OpCode.
func typeName(code int32) string {
	switch code {
	case -11:
		return "closeSession"
	case -10:
		return "createSession"
	case -1:
		return "error"
	case 1:
		return "create"
	case 2:
		return "delete"
	case 5:
		return "setData"
	case 7:
		return "setACL"
	case 13:
		return "check"
	case 14:
		return "multi"
	case 15:
		return "create2"
	case 16:
		return "reconfig"
	case 19:
		return "createContainer"
	case 20:
		return "deleteContainer"
	case 21:
		return "createTTL"
	default:
		return strconv.Itoa(int(code))
	}
}
