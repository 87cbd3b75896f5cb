package observe

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"electnode/test/proc"
)

// atOnce is how many tests run at once unless -parallel says otherwise: each waits more than it works.
const atOnce = "3"

// root is the way to the top of the repository.
const root = "../.."

// electnode is the program under test, built once.
var electnode string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	dir, err := os.MkdirTemp("", "electnode-observe-")
	if err == nil && !chosen {
		err = flag.Set("test.parallel", atOnce)
	}
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
