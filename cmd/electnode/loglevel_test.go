package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"syscall"
	"testing"
)

// TestToggleLevel: SIGUSR1 turns debug on, another one takes back what the flag said.
func TestToggleLevel(t *testing.T) {
	var c common
	c.level.Set(slog.LevelWarn)
	r, w := io.Pipe()
	log := slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: &c.level}))
	ctx, cancel := context.WithCancel(t.Context())
	wait := c.toggleLevel(ctx, log)
	buf := make([]byte, 1000)
	for _, want := range []slog.Level{slog.LevelDebug, slog.LevelWarn, slog.LevelDebug} {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		n, err := r.Read(buf) // the line comes when the level has changed
		if err != nil || !bytes.Contains(buf[:n], []byte("to="+want.String())) || c.level.Level() != want {
			t.Fatalf("level %s after %q, %v", c.level.Level(), buf[:n], err)
		}
	}
	cancel()
	wait()
	if !strings.Contains(root(&common{}).PersistentFlags().FlagUsages(), "SIGUSR1") {
		t.Error("no flag's help speaks of SIGUSR1")
	}
}
