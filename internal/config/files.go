package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"electnode/internal/quorum"
)

// files is where configuration is read from: the operating system, or memory for the environment and in
// tests.
type files interface {
	// read gives the content of a file; fs.ErrNotExist when there is none.
	read(name string) ([]byte, error)
	// regular reports whether name is a regular file, or a link to one.
	regular(name string) bool
}

// maxFile bounds what is read of one file, in bytes.
const maxFile = 16 << 20

// osFiles reads the file system.
type osFiles struct{}

func (osFiles) read(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = errors.New("larger than 16 MiB")
	}
	return b, err
}

func (osFiles) regular(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// memFiles are files in memory, by cleaned path.
type memFiles map[string][]byte

func (m memFiles) read(name string) ([]byte, error) {
	if b, ok := m[filepath.Clean(name)]; ok && name != "" {
		return b, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (m memFiles) regular(name string) bool {
	_, err := m.read(name)
	return err == nil
}

// overlay adds files that are read where base has none.
type overlay struct {
	base  files
	extra memFiles
}

func (o overlay) read(name string) ([]byte, error) {
	b, err := o.base.read(name)
	if errors.Is(err, fs.ErrNotExist) && o.extra.regular(name) {
		return o.extra.read(name)
	}
	return b, err
}

func (o overlay) regular(name string) bool { return o.base.regular(name) || o.extra.regular(name) }

// reason is the error without the file name, which the message has already.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// source is one properties file.
type source struct {
	name   string   // for messages
	origin []string // of each line, when it was made from variables
	props  []quorum.Property
	bom    bool
}

// place is how a message names a line of the source.
func (s *source) place(line int) (string, int) {
	if line < 1 || line > len(s.origin) {
		return s.name, line
	}
	return s.name + " " + s.origin[line-1], 0
}

// open reads and parses a properties file. Problems of its syntax are noted, and then the result is nil.
func (l *loader) parse(name string, content []byte, origin []string) *source {
	const byteOrderMark = "\xef\xbb\xbf"
	src := &source{name: name, origin: origin}
	src.bom = len(content) >= 3 && string(content[:3]) == byteOrderMark
	props, bad := quorum.ParseProperties(quorum.DecodeLatin1(content))
	for _, p := range bad {
		l.fault(src, p.Line, p.Key, "%s", p.Text)
	}
	if len(bad) > 0 {
		return nil
	}
	src.props = props
	if src.bom {
		l.warn(WarnByteOrderMark, src, 1, "", "a byte order mark is part of the first key, which is therefore not known")
	}
	return src
}

// line finds the entry that a problem of a view means: its key is that of the id in plain decimal, the
// file may spell it otherwise.
func (s *source) line(key string) int {
	for _, p := range s.props {
		if p.Key == key || quorum.IsMemberKey(p.Key) && quorum.PlainKey(p.Key) == key {
			return p.Line
		}
	}
	return 0
}
