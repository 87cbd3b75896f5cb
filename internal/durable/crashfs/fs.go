package crashfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"electnode/internal/durable"
)

// ErrCrashed is what every operation returns after the point that StopAfter set, and on files that were
// opened before a crash.
var ErrCrashed = errors.New("the machine has crashed")

// FS is the file system of one machine. Its root directory exists.
type FS struct {
	mu    sync.Mutex
	root  *node
	locks map[string]bool
	life  int // counts crashes: files and locks of an earlier life are dead
	steps int // changes made or tried so far
	stop  int // -1: never
	fault func(op, name string) error
	plain bool // no Exchange
}

// Plain makes f one of the file systems that cannot exchange files.
func (f *FS) Plain() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plain = true
}

// node is a file or a directory.
type node struct {
	data, synced []byte // of a file
	dir          bool
	names        map[string]*node // of a directory, as everybody sees it
	durable      map[string]*node // as it is on disk
	pending      []change         // from durable to names, in order
}

// change is one change of a directory that happens entirely or not at all; nil removes the name.
type change map[string]*node

// New makes an empty file system.
func New() *FS {
	return &FS{root: newDir(), locks: map[string]bool{}, stop: -1}
}

func newDir() *node {
	return &node{dir: true, names: map[string]*node{}, durable: map[string]*node{}}
}

// Steps is the number of changing operations so far; each is a point at which StopAfter can stop.
func (f *FS) Steps() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.steps
}

// StopAfter lets n more changing operations happen; what comes then fails with ErrCrashed. Negative takes
// the limit away.
func (f *FS) StopAfter(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stop = -1; n >= 0 {
		f.stop = f.steps + n
	}
}

// FailOn calls fault before each changing operation ("create", "write", "sync", "rename", "syncdir",
// "mkdir", "lock") and makes it fail with what it returns. A write that fails has written half.
func (f *FS) FailOn(fault func(op, name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (c change) apply(names map[string]*node) {
	for name, n := range c {
		if n == nil {
			delete(names, name)
		} else {
			names[name] = n
		}
	}
}

// change makes a change of a directory that is not on disk yet.
func (n *node) change(c change) {
	c.apply(n.names)
	n.pending = append(n.pending, c)
}

// step counts a changing operation and says whether it fails.
func (f *FS) step(op, name string) error {
	if f.stop >= 0 && f.steps >= f.stop {
		return ErrCrashed
	}
	f.steps++
	if f.fault != nil {
		return f.fault(op, name)
	}
	return nil
}

// find is the node at path, nil if there is none.
func (f *FS) find(path string) *node {
	n := f.root
	for _, name := range split(path) {
		if n == nil || !n.dir {
			return nil
		}
		n = n.names[name]
	}
	return n
}

// parent is the directory that path is in, and the last name of path.
func (f *FS) parent(path string) (*node, string, error) {
	dir := f.find(filepath.Dir(filepath.Clean("/" + path)))
	if dir == nil || !dir.dir {
		return nil, "", missing(path)
	}
	return dir, filepath.Base(path), nil
}

func split(path string) []string {
	return strings.FieldsFunc(filepath.ToSlash(filepath.Clean("/"+path)), func(r rune) bool { return r == '/' })
}

func missing(path string) error { return &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist} }

// MkdirAll implements durable.FS.
func (f *FS) MkdirAll(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.root
	for _, name := range split(dir) {
		child := n.names[name]
		if child == nil {
			if err := f.step("mkdir", dir); err != nil {
				return err
			}
			child = newDir()
			n.change(change{name: child})
			if err := f.step("syncdir", dir); err != nil {
				return err
			}
			n.sync()
		}
		if !child.dir {
			return fmt.Errorf("%s: %s is a file", dir, name)
		}
		n = child
	}
	return nil
}

func (n *node) sync() { n.durable, n.pending = maps.Clone(n.names), nil }

// ReadDir implements durable.FS.
func (f *FS) ReadDir(dir string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.find(dir)
	if n == nil || !n.dir {
		return nil, missing(dir)
	}
	return slices.Sorted(maps.Keys(n.names)), nil
}

// ReadFile implements durable.FS.
func (f *FS) ReadFile(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.find(name)
	if n == nil || n.dir {
		return nil, missing(name)
	}
	return slices.Clone(n.data), nil
}

// Create implements durable.FS.
func (f *FS) Create(name string) (durable.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, base, err := f.parent(name)
	if err != nil {
		return nil, err
	}
	if err := f.step("create", name); err != nil {
		return nil, err
	}
	n := dir.names[base]
	if n == nil {
		n = &node{}
		dir.change(change{base: n})
	}
	return &file{fs: f, name: name, node: n, life: f.life}, nil
}

// Rename implements durable.FS.
func (f *FS) Rename(oldName, newName string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, from, err := f.parent(oldName)
	if err != nil {
		return err
	}
	target, to, err := f.parent(newName)
	if err != nil {
		return err
	}
	if target != dir || dir.names[from] == nil {
		return fmt.Errorf("rename %s to %s: only within one directory", oldName, newName)
	}
	if err := f.step("rename", newName); err != nil {
		return err
	}
	dir.change(change{from: nil, to: dir.names[from]})
	return nil
}

// Exchange implements durable.FS.
func (f *FS) Exchange(a, b string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, nameA, err := f.parent(a)
	if err != nil {
		return err
	}
	target, nameB, err := f.parent(b)
	if err != nil {
		return err
	}
	switch {
	case target != dir:
		return fmt.Errorf("exchange %s and %s: only within one directory", a, b)
	case dir.names[nameA] == nil || dir.names[nameB] == nil:
		return missing(a + " or " + b)
	case f.plain:
		return errors.ErrUnsupported
	}
	if err := f.step("rename", b); err != nil {
		return err
	}
	dir.change(change{nameA: dir.names[nameB], nameB: dir.names[nameA]})
	return nil
}

// SyncDir implements durable.FS.
func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.find(dir)
	if n == nil || !n.dir {
		return missing(dir)
	}
	if err := f.step("syncdir", dir); err != nil {
		return err
	}
	n.sync()
	return nil
}

// Lock implements durable.FS.
func (f *FS) Lock(name string) (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, base, err := f.parent(name)
	if err != nil {
		return nil, err
	}
	if f.locks[name] {
		return nil, durable.ErrLocked
	}
	if err := f.step("lock", name); err != nil {
		return nil, err
	}
	if dir.names[base] == nil {
		dir.change(change{base: &node{}})
	}
	f.locks[name] = true
	return &lock{fs: f, name: name, life: f.life}, nil
}

// WriteFile makes a file with content that is on disk, and its directory with it: to prepare a test.
func (f *FS) WriteFile(name, content string) error {
	if err := f.MkdirAll(filepath.Dir(name)); err != nil {
		return err
	}
	file, err := f.Create(name)
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, content)
	return errors.Join(err, file.Sync(), file.Close(), f.SyncDir(filepath.Dir(name)))
}
