package floor

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestMain makes this binary the program that answers, when it is asked to.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == Argument {
		if err := Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestWalk walks along the path a few times: each kind of step takes some time, the total is the sum, and the epochs
// are on disk.
func TestWalk(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	f, err := New(program, dir)
	if err != nil {
		t.Fatal(err)
	}
	const walks = 3
	for range walks {
		took, err := f.Walk()
		if err != nil {
			t.Fatal(err)
		}
		var sum time.Duration
		for _, k := range Kinds() {
			if took.Parts[k] <= 0 {
				t.Errorf("%s took %s", k, took.Parts[k])
			}
			sum += took.Parts[k]
		}
		if sum != took.Total {
			t.Errorf("the parts are %s, the whole is %s", sum, took.Total)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"acceptedEpoch", "currentEpoch"} {
		raw, err := os.ReadFile(filepath.Join(dir, "version-2", name))
		if err != nil || string(raw) != fmt.Sprint(walks) {
			t.Errorf("%s: %q, %v", name, raw, err)
		}
	}
}

// TestPath: the kinds are those of the path, and what is said of it elsewhere is true.
func TestPath(t *testing.T) {
	n := 0
	for _, k := range Kinds() {
		n += Count(k)
	}
	if n != len(Path()) {
		t.Errorf("%d steps are of a kind, %d are there", n, len(Path()))
	}
	if Count(Write) != 2 || Count(Trip) != 3 || Count(Connect) != 1 || Count(Death) != 1 {
		t.Errorf("the path is %v", Path())
	}
}
