package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"electnode/internal/config"
	"electnode/internal/qcm"
	"electnode/internal/quorumtls"
)

// keeperOf reads the stores of TLS between servers; nil: no connection is TLS. The error names the file and the key.
func keeperOf(cfg *config.Config) (*quorumtls.Keeper, error) {
	if !cfg.TLS.On() {
		return nil, nil
	}
	keeper, err := quorumtls.NewKeeper(cfg.TLS, time.Now())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.File, err)
	}
	return keeper, nil
}

// storeDoubts lists what is wrong with the stores of TLS between servers, for who only looks at the configuration: as
// for a real server, whose loader does not read them, it may be meant for another machine.
func storeDoubts(cfg *config.Config) []string {
	keeper, err := keeperOf(cfg)
	switch {
	case err != nil:
		return []string{err.Error() + " (run would end with this)"}
	case keeper == nil:
		return nil
	}
	return keeper.Doubts()
}

// secureNetwork is the network of both ports: inner, with TLS if the configuration wants it.
func secureNetwork(cfg *config.Config, inner qcm.Network, log *slog.Logger) (qcm.Network, *quorumtls.Keeper, error) {
	keeper, err := keeperOf(cfg)
	if keeper == nil || err != nil {
		return inner, nil, err
	}
	for _, doubt := range keeper.Doubts() {
		log.Warn(doubt)
	}
	return keeper.Server(inner), keeper, nil
}

// renewing takes up renewed stores until ctx ends, if the configuration wants it. The function it returns waits for
// the end of that.
func renewing(ctx context.Context, keeper *quorumtls.Keeper, cfg *config.Config, log *slog.Logger) (wait func()) {
	if keeper == nil || !cfg.TLS.Reload {
		return func() {}
	}
	done := make(chan struct{})
	// Owned by the caller, who waits for it; ends when ctx does.
	go func() {
		defer close(done)
		keeper.Run(ctx, func(err error) {
			if err != nil {
				log.Warn("the renewed stores of TLS are not taken up, the former stay in force", "detail", err.Error())
				return
			}
			log.Info("the renewed stores of TLS are in force")
			for _, doubt := range keeper.Doubts() {
				log.Warn(doubt)
			}
		})
	}()
	return func() { <-done }
}
