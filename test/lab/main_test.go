package lab

import (
	"fmt"
	"os"
	"testing"

	"electnode/test/proc"

	"go.uber.org/goleak"
)

// program is the electnode under test, built once.
var program string

func TestMain(m *testing.M) {
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
