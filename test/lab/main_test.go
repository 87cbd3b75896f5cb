package lab

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"electnode/test/proc"

	"go.uber.org/goleak"
)

// ensembles is how many tests run at once unless -parallel says otherwise: each waits more than it works.
const ensembles = "9"

// program is the electnode under test, built once.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
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
		os.Exit(code)
	}))
}
