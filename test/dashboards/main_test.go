package dashboards

import (
	"fmt"
	"os"
	"testing"

	"electnode/test/proc"
)

// electnode is the program whose metrics are shown, built once.
var electnode string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "electnode-dashboards-")
	if err == nil {
		electnode, err = proc.Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	return m.Run()
}
