package durable_test

import (
	"strings"
	"testing"

	"electnode/internal/durable"
	"electnode/internal/durable/crashfs"
)

// FuzzOpen: whatever stands in the two epoch files, either the store does not open and says which file and why, or it opens
// with the same epochs each time and takes the next one.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("7"), []byte("6"))
	f.Add([]byte("+07\r\n"), []byte("-1"))
	f.Add([]byte("2147483646"), []byte("00"))
	f.Add([]byte(""), []byte("\x00"))
	f.Fuzz(func(t *testing.T, accepted, current []byte) {
		fs := crashfs.New()
		for name, content := range map[string][]byte{"acceptedEpoch": accepted, "currentEpoch": current} {
			if err := fs.WriteFile("/z/version-2/"+name, string(content)); err != nil {
				t.Fatal(err)
			}
		}
		s, got, err := durable.Open(fs, "/z", "")
		if err != nil {
			if !strings.Contains(err.Error(), "/z/version-2") || strings.ContainsAny(err.Error(), "\n\r\x00") {
				t.Errorf("%q", err)
			}
			return
		}
		if got.Accepted < got.Current || got.Current < 0 {
			t.Fatalf("%+v of %q and %q", got, accepted, current)
		}
		next := got.Accepted + 1
		if err := s.WriteAccepted(next); err != nil {
			if next > 1<<31-1 || strings.Contains(err.Error(), "does not fit") {
				return
			}
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		want := durable.Epochs{Accepted: next, Current: got.Current}
		if _, again, err := durable.Open(fs, "/z", ""); err != nil || again != want {
			t.Errorf("%+v became %+v, %v", want, again, err)
		}
	})
}
