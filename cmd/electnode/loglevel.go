package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// toggleLevel turns level debug on, and off again, at each SIGUSR1 until ctx ends. It returns at once; the
// returned function waits for the end.
func (c *common) toggleLevel(ctx context.Context, log *slog.Logger) (wait func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	asked := c.level.Level()
	done := make(chan struct{})
	// Owned by the caller: ends with ctx.
	go func() {
		defer close(done)
		defer signal.Stop(signals)
		for {
			select {
			case <-signals:
				next := slog.LevelDebug
				if c.level.Level() == slog.LevelDebug {
					next = asked
					if asked == slog.LevelDebug {
						next = slog.LevelInfo
					}
				}
				c.level.Set(next)
				log.Log(ctx, max(next, slog.LevelInfo), "log level changed by SIGUSR1", "to", next.String())
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { <-done }
}
