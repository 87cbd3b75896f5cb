package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// ownMounts gives the host mounts of its own from now on: what it mounts, nobody else sees, and it goes with the
// host. The calling test must not have started a process on the host before.
func (h *Host) ownMounts(t testing.TB) {
	t.Helper()
	if h.mounts {
		return
	}
	h.must(t, "mounts of its own", func() error {
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
			return err
		}
		return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	})
	h.mounts = true
}

// must does f on the host's thread; an error fails the test.
func (h *Host) must(t testing.TB, what string, f func() error) {
	t.Helper()
	err := ErrHostClosed
	if cerr := h.Do(func() { err = f() }); cerr != nil {
		err = cerr
	}
	if err != nil {
		t.Fatalf("host %d: %s: %v", h.Number, what, err)
	}
}

// Disk is a small file system that a host has at a directory. Only the host's processes see it, and Host.Do.
type Disk struct {
	t    testing.TB
	host *Host
	dir  string
	size int64
}

// filler takes all the room of a disk.
const filler = "filler"

// NewDisk puts a disk of so many bytes in place of dir, with what dir has in it, files only.
func (h *Host) NewDisk(t testing.TB, dir string, size int64) *Disk {
	t.Helper()
	h.ownMounts(t)
	d := &Disk{t: t, host: h, dir: dir, size: size}
	h.must(t, "a disk", func() error {
		files, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		kept := map[string][]byte{}
		for _, f := range files {
			if kept[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
				return err
			}
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=755", size)); err != nil {
			return err
		}
		for name, content := range kept {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				return err
			}
		}
		return nil
	})
	return d
}

// Fill leaves no room on the disk.
func (d *Disk) Fill() {
	d.t.Helper()
	d.host.must(d.t, "fill the disk", func() error {
		err := os.WriteFile(filepath.Join(d.dir, filler), make([]byte, d.size), 0o644)
		if !isFull(err) {
			return fmt.Errorf("the disk took %d bytes: %w", d.size, err)
		}
		return nil
	})
}

// Free gives the room back that Fill took.
func (d *Disk) Free() {
	d.t.Helper()
	d.host.must(d.t, "free the disk", func() error { return os.Remove(filepath.Join(d.dir, filler)) })
}

// ReadOnly makes the disk refuse to be written to, as after an error that a kernel met, or lets it take that again.
// What is open already stays open.
func (d *Disk) ReadOnly(on bool) {
	d.t.Helper()
	d.host.must(d.t, "remount the disk", func() error {
		if !on {
			return unix.Unmount(d.dir, unix.MNT_DETACH)
		}
		// A second mount of the same place: the first is in use.
		if err := unix.Mount(d.dir, d.dir, "", unix.MS_BIND, ""); err != nil {
			return err
		}
		return unix.Mount("", d.dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	})
}

// bindFile has the calling thread's mounts show one file in place of another.
func bindFile(what, where string) error { return unix.Mount(what, where, "", unix.MS_BIND, "") }
