package lab

import (
	"os"
	"path/filepath"
	"testing"
)

// TestKeepOld: the directory of a failure gets a name that is free, however often the same fails.
func TestKeepOld(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kills-3")
	if err := keepOld(dir); err != nil { // there is none yet
		t.Fatal(err)
	}
	for _, what := range []string{"first", "second"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "events.jsonl"), []byte(what), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := keepOld(dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"-old-1": "first", "-old-2": "second"} {
		if got, err := os.ReadFile(filepath.Join(dir+name, "events.jsonl")); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}
