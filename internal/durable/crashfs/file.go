package crashfs

import "slices"

// file is an open file.
type file struct {
	fs   *FS
	name string
	node *node
	life int
	at   int // bytes written
}

// begin takes the lock and counts an operation; the caller gives the lock back.
func (f *file) begin(op string) error {
	f.fs.mu.Lock()
	if f.life != f.fs.life {
		return ErrCrashed
	}
	return f.fs.step(op, f.name)
}

// Write implements durable.File.
func (f *file) Write(b []byte) (int, error) {
	err := f.begin("write")
	defer f.fs.mu.Unlock()
	if err != nil {
		b = b[:len(b)/2]
	}
	if f.life == f.fs.life {
		var rest []byte // of what is written over
		if behind := f.at + len(b); behind < len(f.node.data) {
			rest = f.node.data[behind:]
		}
		f.node.data = slices.Concat(f.node.data[:f.at], b, rest)
		f.at += len(b)
	}
	return len(b), err
}

// Sync implements durable.File.
func (f *file) Sync() error {
	err := f.begin("sync")
	defer f.fs.mu.Unlock()
	if err == nil {
		f.node.data = f.node.data[:f.at]
		f.node.synced = append([]byte(nil), f.node.data...)
	}
	return err
}

// Close implements durable.File.
func (f *file) Close() error { return nil }

// lock is a lock that is held.
type lock struct {
	fs   *FS
	name string
	life int
}

// Close gives the lock back, if no crash has done so.
func (l *lock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	if l.life == l.fs.life {
		delete(l.fs.locks, l.name)
	}
	return nil
}
