package durable

import "io"

// FS is the file system that a Store writes to: the operating system's (OS), or one in memory that loses
// what was not synced (package crashfs).
type FS interface {
	// MkdirAll makes dir and its missing parents, and syncs the parent of each that it makes.
	MkdirAll(dir string) error
	// ReadDir lists the names in dir.
	ReadDir(dir string) ([]string, error)
	// ReadFile gives the first 4096 bytes of a file; fs.ErrNotExist when there is none.
	ReadFile(name string) ([]byte, error)
	// Create opens a file for writing from its beginning and makes it if need be. The room of what it held is used again.
	Create(name string) (File, error)
	// Rename replaces newName by oldName in one step. It lasts once their directory was synced.
	Rename(oldName, newName string) error
	// Exchange swaps two files in one step, as Rename does with one. errors.ErrUnsupported: it cannot;
	// fs.ErrNotExist: one of them does not exist.
	Exchange(a, b string) error
	// SyncDir makes what happened to the names in dir last.
	SyncDir(dir string) error
	// Lock makes name if need be and locks it until the closer is closed or the process ends; ErrLocked
	// when somebody else has it.
	Lock(name string) (io.Closer, error)
}

// File is a file being written.
type File interface {
	io.Writer
	// Sync cuts off what the file held behind that which was written, and makes its content last.
	Sync() error
	Close() error
}

// maxSmallFile is how much of an epoch file or of myid is read, in bytes.
const maxSmallFile = 4096
