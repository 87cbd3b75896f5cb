package crashfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"testing"

	"electnode/internal/durable"
)

// outcomes crashes after prepare under many seeds and counts what /d/f then holds; "-" is no file.
func outcomes(t *testing.T, prepare func(*FS)) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for seed := range uint64(200) {
		f := New()
		if err := f.WriteFile("/d/f", "old"); err != nil {
			t.Fatal(err)
		}
		prepare(f)
		f.Crash(rand.New(rand.NewPCG(seed, 0)))
		content, err := f.ReadFile("/d/f")
		switch {
		case errors.Is(err, fs.ErrNotExist):
			content = []byte("-")
		case err != nil:
			t.Fatal(err)
		}
		seen[string(content)]++
	}
	return seen
}

// replace writes "new!" to a new file and renames it over /d/f, with the syncs that are asked for.
func replace(f *FS, syncFile, syncDir bool) {
	file, err := f.Create("/d/f.tmp")
	if err == nil {
		_, err = io.WriteString(file, "new!")
	}
	if err == nil && syncFile {
		err = file.Sync()
	}
	if err == nil {
		err = f.Rename("/d/f.tmp", "/d/f")
	}
	if err == nil && syncDir {
		err = f.SyncDir("/d")
	}
	if err != nil {
		panic(err)
	}
}

// over writes over the beginning of /d/f.
func over(f *FS, content string, sync bool) {
	file, err := f.Create("/d/f")
	if err == nil {
		_, err = io.WriteString(file, content)
	}
	if err == nil && sync {
		err = file.Sync()
	}
	if err != nil {
		panic(err)
	}
}

// swap exchanges /d/f for a file that is on disk.
func swap(f *FS, syncDir bool) {
	err := errors.Join(f.WriteFile("/d/f.tmp", "new!"), f.Exchange("/d/f.tmp", "/d/f"))
	if syncDir {
		err = errors.Join(err, f.SyncDir("/d"))
	}
	if old, rerr := f.ReadFile("/d/f.tmp"); err != nil || rerr != nil || string(old) != "old" {
		panic(fmt.Sprintf("%q, %v, %v", old, rerr, err))
	}
}

func TestWhatACrashLeaves(t *testing.T) {
	only := func(seen map[string]int, want ...string) {
		t.Helper()
		if len(seen) != len(want) {
			t.Errorf("%v, want %q", seen, want)
		}
		for _, w := range want {
			if seen[w] == 0 {
				t.Errorf("%v, %q is missing", seen, w)
			}
		}
	}
	only(outcomes(t, func(f *FS) {}), "old")
	only(outcomes(t, func(f *FS) { replace(f, true, true) }), "new!")
	only(outcomes(t, func(f *FS) { replace(f, true, false) }), "old", "new!")
	only(outcomes(t, func(f *FS) { replace(f, false, true) }), "", "n", "ne", "new", "new!", "\x00\x00\x00\x00")
	only(outcomes(t, func(f *FS) { over(f, "", false) }), "old")
	only(outcomes(t, func(f *FS) { over(f, "n", false) }), "old", "nld", "nl", "n", "", "\x00\x00\x00")
	only(outcomes(t, func(f *FS) { over(f, "n", true) }), "n")
	only(outcomes(t, func(f *FS) { swap(f, true) }), "new!")
	only(outcomes(t, func(f *FS) { swap(f, false) }), "old", "new!")
}

func TestStopAndFault(t *testing.T) {
	f := New()
	if err := f.WriteFile("/d/f", "old"); err != nil {
		t.Fatal(err)
	}
	f.StopAfter(1)
	file, err := f.Create("/d/g")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.WriteString(file, "abcd"); n != 2 || !errors.Is(err, ErrCrashed) {
		t.Errorf("%d, %v", n, err)
	}
	f.Crash(rand.New(rand.NewPCG(1, 1)))
	if err := file.Sync(); !errors.Is(err, ErrCrashed) {
		t.Errorf("a file of the life before: %v", err)
	}
	full := errors.New("no space")
	f.FailOn(func(op, name string) error {
		if op == "sync" && name == "/d/h" {
			return full
		}
		return nil
	})
	if err := f.WriteFile("/d/h", "x"); !errors.Is(err, full) {
		t.Error(err)
	}
}

func TestLocksEndWithTheProcess(t *testing.T) {
	f := New()
	first, err := f.Lock("/l")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Lock("/l"); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("locked twice: %v", err)
	}
	f.Kill()
	second, err := f.Lock("/l")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Lock("/l"); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("a dead lock unlocked a living one: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Lock("/l"); err != nil {
		t.Error(err)
	}
}
