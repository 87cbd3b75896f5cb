// Command electnode elects a leader the way Apache ZooKeeper does, and shows how.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"electnode/internal/logging"
)

// version is set by the linker.
var version = "devel"

func main() { os.Exit(run(os.Args[1:])) }

// Exit statuses.
const (
	exitFailed = 1 // a failure while running
	exitUsage  = 2 // a bad flag, file or setting
	exitDiffer = 3 // status: no agreement; inspect: something is wrong
)

// exitError is an error with the exit status that it means.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage makes err one that exits with status 2.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, err}
}

// failed makes err one that exits with status 1.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitFailed, err}
}

// run is main without the exit. The first SIGINT or SIGTERM ends the command cleanly, the second at once.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on a signal has its usual effect
	return execute(ctx, args, os.Stdout, os.Stderr)
}

// execute runs one command until it is done or ctx ends, and gives its exit status.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c common
	cmd := root(&c)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if c.pipe != nil {
		c.pipe.Close(flushTime) // what the command itself has to say comes behind its lines
	}
	if err == nil {
		return 0
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{exitUsage, err} // cobra's own: unknown commands, flags and arguments
	}
	if text := err.Error(); text != "" {
		last := logging.NewPipe(stderr) // which perhaps nobody reads
		fmt.Fprintln(last, "electnode: "+text)
		last.Close(flushTime)
	}
	return exit.code
}
