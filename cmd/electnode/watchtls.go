package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"electnode/internal/config"
	"electnode/internal/qcm"
	"electnode/internal/quorumtls"
)

// tlsSource says how election ports are dialled: over a network that stands before inner, nil for plain TCP. The keeper
// is what takes up renewed stores; nil: they are read once.
type tlsSource interface {
	secure(inner qcm.Network) (qcm.Network, *quorumtls.Keeper, error)
}

// secure implements tlsSource.
func (t tlsFiles) secure(inner qcm.Network) (qcm.Network, *quorumtls.Keeper, error) {
	if t == (tlsFiles{}) {
		return nil, nil, nil
	}
	stores, err := quorumtls.Files{Cert: t.cert, Key: t.key, CA: t.ca, ServerName: t.serverName}.Load()
	if err != nil {
		return nil, nil, err
	}
	return stores.Client(inner), nil, nil
}

// tlsKeys are what a zoo.cfg says.
type tlsKeys config.TLS

// secure implements tlsSource.
func (t tlsKeys) secure(inner qcm.Network) (qcm.Network, *quorumtls.Keeper, error) {
	switch {
	case !t.Quorum:
		return nil, nil, nil
	case t.Reload:
		keeper, err := quorumtls.NewKeeper(config.TLS(t), time.Now())
		if err != nil {
			return nil, nil, err
		}
		return keeper.Client(inner), keeper, nil
	}
	stores, err := quorumtls.Load(config.TLS(t))
	if err != nil {
		return nil, nil, err
	}
	return stores.Client(inner), nil, nil
}

// keepStores takes up renewed stores of p in a goroutine of group, until ctx ends, if its zoo.cfg wants that.
func (p watchPlan) keepStores(ctx context.Context, group *sync.WaitGroup, log *slog.Logger) {
	if p.keeper == nil {
		return
	}
	// Ends with ctx; the owner of group waits for it.
	group.Go(func() {
		p.keeper.Run(ctx, func(err error) {
			if err != nil {
				log.Warn("renewed stores are not taken up", "ensemble", p.name, "err", err)
				return
			}
			log.Info("renewed stores are in force", "ensemble", p.name)
		})
	})
}
