package durable_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"electnode/internal/durable"
	"electnode/internal/durable/crashfs"
	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
)

func TestOpenReadsStrictly(t *testing.T) {
	for _, c := range []struct {
		name              string
		accepted, current string // "-" is no file
		want              durable.Epochs
		mention           string // of the error
	}{
		{"fresh", "-", "-", durable.Epochs{}, ""},
		{"plain", "7", "6", durable.Epochs{Accepted: 7, Current: 6}, ""},
		{"a line end and more lines", "7\nx", "+06\r\n", durable.Epochs{Accepted: 7, Current: 6}, ""},
		{"no currentEpoch", "6", "-", durable.Epochs{Accepted: 6}, ""},
		{"a server that may have lost its data", "-1", "-1", durable.Epochs{}, ""},
		{"no acceptedEpoch", "-", "6", durable.Epochs{}, "acceptedEpoch 0 is below currentEpoch 6"},
		{"a lost promise", "5", "6", durable.Epochs{}, "acceptedEpoch 5 is below currentEpoch 6"},
		{"empty", "", "6", durable.Epochs{}, "acceptedEpoch: is empty"},
		{"empty first line", "7", "\n6", durable.Epochs{}, "currentEpoch: is empty"},
		{"a blank", "7 ", "6", durable.Epochs{}, `acceptedEpoch: "7 " is not a number`},
		{"zeros", "7", "\x00", durable.Epochs{}, `currentEpoch: "\x00" is not a number`},
		{"too large", "2147483648", "6", durable.Epochs{}, "is no epoch"},
		{"below -1", "-2", "-2", durable.Epochs{}, "is no epoch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := crashfs.New()
			for name, content := range map[string]string{"acceptedEpoch": c.accepted, "currentEpoch": c.current} {
				if content == "-" {
					continue
				}
				if err := f.WriteFile("/z/version-2/"+name, content); err != nil {
					t.Fatal(err)
				}
			}
			s, got, err := durable.Open(f, "/z", "")
			if c.mention != "" {
				if err == nil || !strings.Contains(err.Error(), c.mention) || !strings.Contains(err.Error(), "/z/version-2") {
					t.Errorf("%v, want %q", err, c.mention)
				}
				if _, err := f.Lock("/z/electnode.lock"); err != nil { // what was locked must be free again
					t.Errorf("the lock was kept: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(got, s.Epochs()); diff != "" {
				t.Errorf("(-opened +kept)\n%s", diff)
			}
		})
	}
}

func TestOpenRefusesHistory(t *testing.T) {
	for name, refused := range map[string]bool{
		"version-2/snapshot.0": false, "version-2/acceptedEpoch.tmp": false, "version-2/currentEpoch.tmp": false, "initialize": false,
		"version-2/snapshot.100000000": true, "version-2/log.1": true, "version-2/snapshot.0.gz": true, "version-2/snapshot.0.tmp": true,
	} {
		f := crashfs.New()
		for path, content := range map[string]string{"/z/myid": "3\n", "/z/" + name: "x"} {
			if err := f.WriteFile(path, content); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err := durable.Open(f, "/z", "/z")
		if errors.Is(err, durable.ErrHistory) != refused || (err != nil) != refused {
			t.Errorf("%s: %v", name, err)
		}
		if refused && (!strings.Contains(err.Error(), "with the id 3") || !strings.Contains(err.Error(), "another dataDir")) {
			t.Error(err)
		}
	}
	f := crashfs.New()
	if err := f.WriteFile("/logs/version-2/log.1", "x"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := durable.Open(f, "/z", "/logs"); !errors.Is(err, durable.ErrHistory) {
		t.Errorf("history in dataLogDir: %v", err)
	}
	if _, _, err := durable.Open(f, "/z", "/none"); err != nil {
		t.Error(err)
	}
}

func TestWriteRefusesToGoDown(t *testing.T) {
	s, _, err := durable.Open(crashfs.New(), "/z", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		write func(quorum.Epoch) error
		epoch quorum.Epoch
		ok    bool
	}{
		{s.WriteAccepted, 5, true},
		{s.WriteAccepted, 5, true},
		{s.WriteAccepted, 4, false},
		{s.WriteCurrent, 6, false},
		{s.WriteCurrent, 5, true},
		{s.WriteCurrent, 0, false},
		{s.WriteAccepted, quorum.MaxEpoch + 1, false},
		{s.WriteAccepted, quorum.MaxEpoch, true},
	} {
		if err := c.write(c.epoch); (err == nil) != c.ok {
			t.Errorf("%d: %v", c.epoch, err)
		}
	}
	if err := s.WriteAccepted(1); !errors.Is(err, durable.ErrLower) {
		t.Error(err)
	}
	if diff := cmp.Diff(durable.Epochs{Accepted: quorum.MaxEpoch, Current: 5}, s.Epochs()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAFailedWriteBreaksTheStore(t *testing.T) {
	for _, op := range []string{"create", "write", "sync", "rename", "syncdir"} {
		f := crashfs.New()
		s, _, err := durable.Open(f, "/z", "")
		if err != nil {
			t.Fatal(err)
		}
		full := errors.New("no space left")
		f.FailOn(func(o, _ string) error {
			if o == op {
				return full
			}
			return nil
		})
		if err := s.WriteAccepted(1); !errors.Is(err, full) || !strings.Contains(err.Error(), "acceptedEpoch") {
			t.Errorf("%s: %v", op, err)
		}
		f.FailOn(nil)
		if err := s.WriteAccepted(2); !errors.Is(err, durable.ErrBroken) || !errors.Is(err, full) {
			t.Errorf("%s, then: %v", op, err)
		}
		if got := s.Epochs(); got != (durable.Epochs{}) {
			t.Errorf("%s: %+v", op, got)
		}
		f.Crash(rand.New(rand.NewPCG(1, 2)))
		_, got, err := durable.Open(f, "/z", "")
		if err != nil || got.Accepted > 1 {
			t.Errorf("%s, after a crash: %+v, %v", op, got, err)
		}
	}
}

// life is a node that promises and follows until its machine stops; acked is what it was told is on disk,
// tried what it asked for last.
func life(f *crashfs.FS, r *rand.Rand, acked durable.Epochs) (durable.Epochs, durable.Epochs, error) {
	tried := acked
	s, epochs, err := durable.Open(f, "/data/z", "")
	if err != nil {
		return acked, tried, err
	}
	acked = epochs
	for {
		tried = acked
		if r.IntN(2) == 0 || acked.Current == acked.Accepted {
			tried.Accepted += quorum.Epoch(1 + r.IntN(3)*50)
			err = s.WriteAccepted(tried.Accepted)
		} else {
			tried.Current = acked.Accepted
			err = s.WriteCurrent(tried.Current)
		}
		if err != nil {
			return acked, tried, err
		}
		acked = tried
	}
}

// TestCrashAtEveryStep: wherever the machine stops, what is read afterwards is what was acknowledged or
// what was being written, never anything else; and no crash ever makes the directory unusable. So on file systems that can
// exchange files and on those that cannot.
func TestCrashAtEveryStep(t *testing.T) {
	for stop := range 60 {
		for seed := range uint64(80) {
			r := rand.New(rand.NewPCG(seed, uint64(stop)))
			f := crashfs.New()
			if seed%2 == 0 {
				f.Plain()
			}
			acked := durable.Epochs{}
			for range 4 {
				f.StopAfter(stop)
				got, tried, err := life(f, r, acked)
				if !errors.Is(err, crashfs.ErrCrashed) {
					t.Fatalf("stop %d seed %d: %v", stop, seed, err)
				}
				if got.Accepted < acked.Accepted || got.Current < acked.Current {
					t.Fatalf("stop %d seed %d: %+v after %+v", stop, seed, got, acked)
				}
				acked = got
				if r.IntN(3) == 0 {
					f.Kill()
				} else {
					f.Crash(r)
				}
				s, epochs, err := durable.Open(f, "/data/z", "")
				if err != nil {
					t.Fatalf("stop %d seed %d: after a crash: %v", stop, seed, err)
				}
				if epochs != acked && epochs != tried {
					t.Fatalf("stop %d seed %d: %+v, acknowledged %+v, tried %+v", stop, seed, epochs, acked, tried)
				}
				if epochs.Current > epochs.Accepted {
					t.Fatalf("stop %d seed %d: %+v", stop, seed, epochs)
				}
				acked = epochs
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestOnARealDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	s, got, err := durable.Open(durable.OS{}, dir, "")
	if err != nil || got != (durable.Epochs{}) {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, _, err := durable.Open(durable.OS{}, dir, ""); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	if err := errors.Join(s.WriteAccepted(12), s.WriteCurrent(12), s.WriteAccepted(13), s.Close()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"acceptedEpoch": "13", "currentEpoch": "12", "acceptedEpoch.tmp": "12"} {
		content, err := os.ReadFile(filepath.Join(dir, "version-2", name))
		if err != nil || string(content) != want {
			t.Errorf("%s: %q, %v", name, content, err)
		}
	}
	s, got, err = durable.Open(durable.OS{}, dir, "")
	if err != nil || got != (durable.Epochs{Accepted: 13, Current: 12}) {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "version-2", "currentEpoch")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "version-2", "currentEpoch"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := durable.Open(durable.OS{}, dir, ""); err == nil || !strings.Contains(err.Error(), "currentEpoch: cannot be read") {
		t.Error(err)
	}
}

// TestLengths: a file that becomes shorter keeps nothing of what it held, nor does one that becomes longer.
func TestLengths(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	for _, content := range []string{"1000", "7", "", "12", "345"} {
		f, err := durable.OS{}.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(f, content)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); string(got) != content || err != nil {
			t.Errorf("%q, %v, want %q", got, err, content)
		}
	}
}

func BenchmarkWriteAccepted(b *testing.B) {
	s, _, err := durable.Open(durable.OS{}, b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	e := quorum.Epoch(0)
	for b.Loop() {
		e++
		if err := s.WriteAccepted(e); err != nil {
			b.Fatal(err)
		}
	}
}
