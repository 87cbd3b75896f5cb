package lab

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"electnode/test/proc"

	"go.uber.org/goleak"
)

// ensembles is how many tests run at once unless -parallel says otherwise: each waits more than it works.
const ensembles = "9"

// program is the electnode under test, built once.
var program string

// judgeFile is a history to judge again, as a test that failed has left it.
var judgeFile = flag.String("judge", "", "judge this events.jsonl again, and run no test")

func TestMain(m *testing.M) {
	flag.Parse()
	if *judgeFile != "" {
		os.Exit(judgeAgain(*judgeFile))
	}
	if *seed == 0 || !given("seed") {
		*seed = 1 + rand.Uint64N(1_000_000)
	}
	fmt.Printf("seed %d\n", *seed)
	if !given("test.parallel") {
		if err := flag.Set("test.parallel", ensembles); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	dir, err := os.MkdirTemp("", "electnode-lab-")
	if err == nil {
		program, err = proc.Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		_ = os.Remove(filepath.Dir(directory(*seed, "any"))) // which it does only when no failure is kept there
		os.Exit(code)
	}))
}

// given reports whether a flag was given.
func given(name string) bool {
	is := false
	flag.Visit(func(f *flag.Flag) { is = is || f.Name == name })
	return is
}

// judgeAgain judges a history from its file, and gives the exit status.
func judgeAgain(path string) int {
	counts, err := JudgeAgain(path)
	fmt.Printf("%s: %+v\n", path, counts)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
