package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"electnode/internal/config"
	"electnode/internal/event"
	"electnode/internal/identity"
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
	return doubts(cfg, keeper)
}

// doubts lists what makes others turn this server away, as far as it can know: its certificate is looked at as theirs is.
func doubts(cfg *config.Config, keeper *quorumtls.Keeper) []string {
	all := keeper.Doubts()
	own := keeper.Own()
	if cfg.Own.PeerNames == nil || own == nil {
		return all
	}
	if err := identity.Names(cfg.Own.PeerNames).Judge(own, cfg.MyID); err != nil {
		all = append(all, fmt.Sprintf("electnode.peerNames: this server would refuse its own certificate for server %d: %v", cfg.MyID, err))
	}
	return all
}

// secureNetwork is the network of both ports: inner, with TLS if the configuration wants it.
func secureNetwork(cfg *config.Config, inner qcm.Network, log *slog.Logger) (qcm.Network, *quorumtls.Keeper, error) {
	keeper, err := keeperOf(cfg)
	if keeper == nil || err != nil {
		return inner, nil, err
	}
	for _, doubt := range doubts(cfg, keeper) {
		log.Warn(doubt)
	}
	return keeper.Server(inner), keeper, nil
}

// opening is what a node tells of its certificate at its start.
func opening(keeper *quorumtls.Keeper) []event.Event {
	if keeper == nil {
		return nil
	}
	ev := certificateRead(keeper, nil)
	ev.Start = true
	return []event.Event{ev}
}

// certificateRead tells of a reading of the stores; err says why the former ones stay.
func certificateRead(keeper *quorumtls.Keeper, err error) event.CertificateRenewed {
	ev := event.CertificateRenewed{OK: err == nil, Detail: "no certificate of its own"}
	if own := keeper.Own(); own != nil {
		ev.NotAfter = own.NotAfter
		ev.Detail = fmt.Sprintf("certificate of %s, issued by %s", own.Subject, own.Issuer)
	}
	if err != nil {
		ev.Detail = err.Error()
	}
	return ev
}

// renewing takes up renewed stores until ctx ends, if the configuration wants it. The function it returns waits for
// the end of that.
func renewing(ctx context.Context, keeper *quorumtls.Keeper, cfg *config.Config, log *slog.Logger, events *event.Emitter) (wait func()) {
	if keeper == nil || !cfg.TLS.Reload {
		return func() {}
	}
	done := make(chan struct{})
	// Owned by the caller, who waits for it; ends when ctx does.
	go func() {
		defer close(done)
		keeper.Run(ctx, func(err error) {
			events.Emit(certificateRead(keeper, err))
			if err != nil {
				return
			}
			for _, doubt := range doubts(cfg, keeper) {
				log.Warn(doubt)
			}
		})
	}()
	return func() { <-done }
}
