package bench

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"electnode/test/bench/floor"
	"electnode/test/proc"
)

// program is electnode, built for this run, without the race detector.
var program string

// What the command line says.
var (
	samplesFile = flag.String("samples", "", "append every measurement to this file, as JSON lines")
	base        = flag.String("base", "", "another electnode program, to be measured in turns with this one, and nothing else")
)

// TestMain builds electnode. The binary is also the program that the floor is measured with.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == floor.Argument {
		if err := floor.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	dir, err := os.MkdirTemp("", "electnode-bench-")
	if err == nil {
		program, err = proc.BuildPlain(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
