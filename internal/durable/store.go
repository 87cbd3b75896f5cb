package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"electnode/internal/quorum"
)

// Errors that callers tell apart.
var (
	ErrLocked  = errors.New("another electnode uses this directory")
	ErrHistory = errors.New("the directory holds the history of a ZooKeeper server")
	ErrLower   = errors.New("an epoch must not go down")
	ErrBroken  = errors.New("the epochs can no longer be written")
)

// Store writes the epochs of one node. One goroutine owns it.
type Store struct {
	fs     FS
	dir    string // version-2
	epochs Epochs
	lock   io.Closer
	broken error // of the write that did not succeed
}

// Open locks dataDir and reads its epochs, strictly: an epoch file that cannot be read, is empty or is no
// number is an error, and the node must not take part in anything. Missing files are made, with 0; a
// missing acceptedEpoch beside a currentEpoch above 0 is an error. A directory with history is refused, be
// it here or in dataLogDir (empty: the same). Everything that Open returns is on disk.
// Rules: QuorumPeer.loadDataBase, AtomicFileWritingIdiom.
func Open(f FS, dataDir, dataLogDir string) (*Store, Epochs, error) {
	if err := refuseHistory(f, dataDir, dataLogDir); err != nil {
		return nil, Epochs{}, err // and nothing was touched
	}
	s := &Store{fs: f, dir: filepath.Join(dataDir, versionDir)}
	if err := f.MkdirAll(dataDir); err != nil {
		return nil, Epochs{}, fmt.Errorf("data directory %s: %w", dataDir, err)
	}
	lock, err := f.Lock(filepath.Join(dataDir, lockName))
	if err != nil {
		return nil, Epochs{}, fmt.Errorf("data directory %s: %w", dataDir, err)
	}
	s.lock = lock
	if err := s.load(dataDir); err != nil {
		return nil, Epochs{}, errors.Join(err, s.Close())
	}
	return s, s.epochs, nil
}

// Close gives the lock back. The store must not be used afterwards.
func (s *Store) Close() error { return s.lock.Close() }

// Epochs are those on disk.
func (s *Store) Epochs() Epochs { return s.epochs }

// load reads the epochs and makes what is missing.
func (s *Store) load(dataDir string) error {
	if err := s.fs.MkdirAll(s.dir); err != nil {
		return fmt.Errorf("data directory %s: %w", dataDir, err)
	}
	// A run that was killed may have left names that are not on disk yet; what is read must last.
	for _, dir := range []string{dataDir, s.dir} {
		if err := s.fs.SyncDir(dir); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	accepted, haveAccepted, err := readEpoch(s.fs, s.path(acceptedName))
	if err != nil {
		return err
	}
	current, haveCurrent, err := readEpoch(s.fs, s.path(currentName))
	if err != nil {
		return err
	}
	// -1 stands for "nothing was ever promised", which is 0 for a node that has no data to lose.
	accepted, current = max(accepted, 0), max(current, 0)
	if accepted < current {
		return fmt.Errorf("%s: acceptedEpoch %d is below currentEpoch %d: a promise was lost, so this node must not vote; "+
			"restore the file, or remove the server from the ensemble before it starts with an empty directory", s.dir, accepted, current)
	}
	s.epochs = Epochs{accepted, current}
	if !haveCurrent {
		if err := s.write(currentName, current); err != nil {
			return err
		}
	}
	if !haveAccepted {
		return s.write(acceptedName, accepted)
	}
	return nil
}

// WriteAccepted makes the promise for e durable; it lasts when nil comes back. The same epoch again is
// fine, a lower one is ErrLower and changes nothing. After a write that did not succeed nothing is known
// about the disk, and every further call is ErrBroken.
func (s *Store) WriteAccepted(e quorum.Epoch) error {
	if err := s.check(acceptedName, s.epochs.Accepted, e); err != nil || e == s.epochs.Accepted {
		return err
	}
	if err := s.write(acceptedName, e); err != nil {
		return err
	}
	s.epochs.Accepted = e
	return nil
}

// WriteCurrent makes e the epoch of this node's history, as WriteAccepted does. It must have been
// accepted before.
func (s *Store) WriteCurrent(e quorum.Epoch) error {
	if err := s.check(currentName, s.epochs.Current, e); err != nil || e == s.epochs.Current {
		return err
	}
	if e > s.epochs.Accepted {
		return fmt.Errorf("%s: %d was not accepted, acceptedEpoch is %d", currentName, e, s.epochs.Accepted)
	}
	if err := s.write(currentName, e); err != nil {
		return err
	}
	s.epochs.Current = e
	return nil
}

func (s *Store) check(name string, old, e quorum.Epoch) error {
	switch {
	case s.broken != nil:
		return fmt.Errorf("%w: %w", ErrBroken, s.broken)
	case e < old:
		return fmt.Errorf("%s: %w: from %d to %d", name, ErrLower, old, e)
	case e > quorum.MaxEpoch:
		return fmt.Errorf("%s: %d does not fit into a zxid", name, e)
	}
	return nil
}

// write replaces one file. What it replaces stays beside it, to be written over the next time: that is the faster way, and one that needs no
// room on a disk that is full. Differs from ZooKeeper: the directory is synced too.
func (s *Store) write(name string, e quorum.Epoch) error {
	path := s.path(name)
	err := writeFile(s.fs, path+tmpSuffix, e.String())
	if err == nil {
		err = s.fs.Exchange(path+tmpSuffix, path)
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrNotExist) {
			err = s.fs.Rename(path+tmpSuffix, path)
		}
	}
	if err == nil {
		err = s.fs.SyncDir(s.dir)
	}
	if err != nil {
		s.broken = fmt.Errorf("%s: %w", path, err)
		return s.broken
	}
	return nil
}

// writeFile makes a file with content, on disk but for its name.
func writeFile(f FS, path, content string) error {
	file, err := f.Create(path)
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, content)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

// refuseHistory refuses directories in which a ZooKeeper server has kept transactions: this node would
// vote with zxid 0 from there, which loses them. There is no way around it but another directory.
func refuseHistory(f FS, dataDir, dataLogDir string) error {
	dirs := []string{dataDir}
	if dataLogDir != "" && filepath.Clean(dataLogDir) != filepath.Clean(dataDir) {
		dirs = append(dirs, dataLogDir)
	}
	for _, dir := range dirs {
		names, err := f.ReadDir(filepath.Join(dir, versionDir))
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return fmt.Errorf("%s: %w", filepath.Join(dir, versionDir), bare(err))
		}
		if found := history(names); len(found) > 0 {
			return fmt.Errorf("%s: %w%s (%s): electnode keeps no data and would vote as if there were none; "+
				"give it another dataDir, and another dataLogDir", filepath.Join(dir, versionDir), ErrHistory, owner(f, dataDir), some(found))
		}
	}
	return nil
}

// history lists the names that a node without data never has.
func history(names []string) []string {
	var found []string
	for _, name := range names {
		switch strings.TrimSuffix(name, tmpSuffix) {
		case acceptedName, currentName:
		case "snapshot.0":
			if name != "snapshot.0" {
				found = append(found, name)
			}
		default:
			found = append(found, name)
		}
	}
	return found
}

// owner says which server the directory belongs to, by its myid.
func owner(f FS, dataDir string) string {
	content, err := f.ReadFile(filepath.Join(dataDir, "myid"))
	if err != nil {
		return ""
	}
	id, err := parseNumber(content)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" with the id %d", id)
}

// some names the first few of a list.
func some(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
