package browser

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"electnode/test/proc"
)

// shots is where the screenshots go; empty: they are made and thrown away.
var shots = flag.String("shots", "", "directory that gets the screenshots")

// electnode is the program under test, built once.
var electnode string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "electnode-browser-")
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
