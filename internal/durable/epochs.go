package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"electnode/internal/quorum"
)

// Names in a data directory.
const (
	versionDir   = "version-2"
	acceptedName = "acceptedEpoch"
	currentName  = "currentEpoch"
	tmpSuffix    = ".tmp"
	lockName     = "electnode.lock"
)

// Epochs are the two promises of a node; Current never is above Accepted.
type Epochs struct {
	Accepted quorum.Epoch // the newest epoch a leader was promised
	Current  quorum.Epoch // the newest epoch whose leader's history was taken
}

// parseNumber reads a file that holds one number, as Java does: the first line, which must be exactly a
// decimal 64-bit number. The error is what follows the name of the file.
func parseNumber(content []byte) (int64, error) {
	line := string(content)
	if i := strings.IndexAny(line, "\r\n"); i >= 0 {
		line = line[:i]
	}
	if line == "" {
		return 0, errors.New("is empty, or its first line is: it may have been torn by a crash")
	}
	n, err := strconv.ParseInt(line, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not a number", quorum.Quote(line))
	}
	return n, nil
}

// parseEpoch reads an epoch file. -1 is legal: a ZooKeeper server writes it that may have lost its data.
func parseEpoch(content []byte) (quorum.Epoch, error) {
	n, err := parseNumber(content)
	switch {
	case err != nil:
		return 0, err
	case n < -1 || n > int64(quorum.MaxEpoch):
		return 0, fmt.Errorf("%d is no epoch (0 to %d)", n, quorum.MaxEpoch)
	}
	return quorum.Epoch(n), nil
}

// readEpoch reads the epoch file at path; missing is no error.
func readEpoch(f FS, path string) (e quorum.Epoch, found bool, err error) {
	content, err := f.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("%s: cannot be read: %w", path, bare(err))
	}
	e, err = parseEpoch(content)
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w", path, err)
	}
	return e, true, nil
}

// bare drops the file name from an error; the message around it has one already.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
