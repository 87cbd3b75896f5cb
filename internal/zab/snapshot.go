package zab

import (
	"bufio"
	"encoding/binary"
	"fmt"
)

// signature ends a snapshot stream. It cannot be searched for, because node data may contain it.
const signature = "BenWasHere"

// longestStandard is the length of the longest path of an empty tree, /zookeeper/config.
const longestStandard = 17

// DiscardSnapshot reads the stream that follows a SNAP packet up to and including its signature and keeps
// nothing but the summary; it needs no memory beyond r's buffer, which must be of 32 bytes or more. maxData
// bounds each buffer and string [DefaultMaxData]. progress, if not nil, is called after every record, and
// within a long one, with the bytes so far. Errors as for ReadPacket, but the end of the stream is never a
// good one.
// Rules: SerializeUtils.deserializeSnapshot, DataTree.deserialize, ReferenceCountedACLCache.deserialize.
func DiscardSnapshot(r *bufio.Reader, maxData int, progress func(bytes int64)) (SnapshotSummary, error) {
	if maxData <= 0 {
		maxData = DefaultMaxData
	}
	if progress == nil {
		progress = func(int64) {}
	}
	s := snapshotReader{juteReader: juteReader{r: r, max: maxData}, progress: progress}
	err := s.sessions()
	if err == nil {
		err = s.acls()
	}
	for more := true; more && err == nil; {
		more, err = s.node()
	}
	if err == nil {
		err = s.end()
	}
	s.sum.Bytes = s.read
	return s.sum, err
}

type snapshotReader struct {
	juteReader
	progress func(int64)
	sum      SnapshotSummary
}

// count reads a number of entries; what follows it is streamed, so that any number is harmless.
func (s *snapshotReader) count(field string) (int32, error) {
	n, err := s.int32(field)
	if err == nil && n < 0 {
		err = fmt.Errorf("%s: %d: %w", field, n, ErrMalformed)
	}
	return n, err
}

func (s *snapshotReader) sessions() error {
	n, err := s.count("snapshot session count")
	for i := int32(0); i < n && err == nil; i++ {
		_, err = s.fixed(12, "snapshot session")
		s.sum.Sessions++
		s.sum.History = true
		s.progress(s.read)
	}
	return err
}

func (s *snapshotReader) acls() error {
	n, err := s.count("snapshot acl count")
	for i := int32(0); i < n && err == nil; i++ {
		err = s.acl()
		s.progress(s.read)
	}
	return err
}

func (s *snapshotReader) acl() error {
	if _, err := s.fixed(8, "snapshot acl key"); err != nil {
		return err
	}
	n, err := s.count("snapshot acl length")
	for i := int32(0); i < n && err == nil; i++ {
		if _, err = s.fixed(4, "snapshot acl permissions"); err != nil {
			return err
		}
		if err = s.skipText("snapshot acl scheme"); err != nil {
			return err
		}
		err = s.skipText("snapshot acl id")
	}
	return err
}

func (s *snapshotReader) skipText(field string) error {
	n, err := s.length(field)
	if err != nil {
		return err
	}
	return s.skip(n, field, s.progress)
}

// node reads one path and what belongs to it; false after the path that ends the list.
func (s *snapshotReader) node() (more bool, err error) {
	n, err := s.length("snapshot path")
	if err != nil {
		return false, err
	}
	if n < 0 {
		return false, fmt.Errorf("snapshot path: null: %w", ErrMalformed)
	}
	standard := false
	if n <= longestStandard {
		path, err := s.text(n)
		if err != nil || string(path) == "/" {
			return false, err
		}
		standard = isStandard(path)
	} else if err := s.skip(n, "snapshot path", s.progress); err != nil {
		return false, err
	}
	touched, err := s.nodeBody()
	if err != nil {
		return false, err
	}
	s.sum.Nodes++
	s.sum.History = s.sum.History || touched || !standard
	s.progress(s.read)
	return true, nil
}

// text returns the next n bytes, at most longestStandard, valid until the next read.
func (s *snapshotReader) text(n int) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	return s.fixed(n, "snapshot path")
}

// nodeBody reads a node's data and status. touched says that a transaction changed the node or its
// children: an empty tree has only zxids without a counter.
func (s *snapshotReader) nodeBody() (touched bool, err error) {
	if err := s.skipText("snapshot node data"); err != nil {
		return false, err
	}
	if _, err := s.fixed(8, "snapshot node acl"); err != nil {
		return false, err
	}
	created, err := s.fixed(16, "snapshot node czxid and mzxid")
	if err != nil {
		return false, err
	}
	touched = binary.BigEndian.Uint32(created[4:]) != 0 || binary.BigEndian.Uint32(created[12:]) != 0
	if _, err := s.fixed(16, "snapshot node times"); err != nil {
		return false, err
	}
	if _, err := s.fixed(12, "snapshot node versions"); err != nil {
		return false, err
	}
	rest, err := s.fixed(16, "snapshot node owner and pzxid")
	if err != nil {
		return false, err
	}
	return touched || binary.BigEndian.Uint32(rest[12:]) != 0, nil
}

func (s *snapshotReader) end() error {
	n, err := s.length("snapshot signature")
	if err != nil {
		return err
	}
	if n != len(signature) {
		return fmt.Errorf("snapshot signature: length %d: %w", n, ErrMalformed)
	}
	got, err := s.fixed(n, "snapshot signature")
	if err == nil && string(got) != signature {
		err = fmt.Errorf("snapshot signature: %q: %w", got, ErrMalformed)
	}
	return err
}

// isStandard reports whether path is one of the four of an empty tree.
func isStandard(path []byte) bool {
	switch string(path) {
	case "", "/zookeeper", "/zookeeper/config", "/zookeeper/quota":
		return true
	}
	return false
}
