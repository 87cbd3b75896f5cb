package system

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// program is the electnode that all tests run. It is built without the race detector, whatever the tests
// have: here it is measured, too.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "electnode-system-")
	if err == nil {
		program = filepath.Join(dir, "electnode")
		var out []byte
		if out, err = exec.Command("go", "build", "-o", program, "electnode/cmd/electnode").CombinedOutput(); err != nil {
			err = fmt.Errorf("go build: %w\n%s", err, out)
		}
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
