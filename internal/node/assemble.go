package node

import (
	"errors"
	"fmt"

	"electnode/internal/config"
	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/identity"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// Parts is what a node is assembled from, besides its configuration.
type Parts struct {
	Network interface {
		qcm.Network
		zab.Network
	}
	Names  interface{ Keep(hosts []string) } // see Options.Names
	Store  EpochStore
	Epochs zab.Epochs // as the store has them
	Events *event.Emitter
	// MessageSeed starts the sequence of message ids; any value, different for each start.
	MessageSeed uint64
	// Opening is recorded behind the first event of the node.
	Opening []event.Event
}

// Assemble makes the options of a node from its configuration. The error names every setting that
// electnode cannot honour.
func Assemble(cfg *config.Config, p Parts) (Options, error) {
	if err := unable(cfg); err != nil {
		return Options{}, err
	}
	policy := zab.Strict
	if cfg.Own.Voter == config.VoterEcho {
		policy = zab.Echo
	}
	return Options{
		Core: CoreOptions{
			Election: fle.Options{Self: cfg.MyID, View: cfg.View, LastSeen: cfg.LastSeen,
				MinInterval: cfg.Network.MinNotification, MaxInterval: cfg.Network.MaxNotification,
				Strict:   policy == zab.Strict && cfg.Role == quorum.Participant && cfg.Own.LabZxid == 0,
				Reconfig: cfg.ReconfigEnabled, Parse: cfg.ParseOptions(), MessageSeed: p.MessageSeed},
			Role: zab.Options{Tick: cfg.Tick, InitLimit: cfg.InitTicks(), SyncLimit: cfg.SyncTicks(),
				ConnectLimit: cfg.ConnectLimit, ReconfigOn: cfg.ReconfigEnabled, Policy: policy,
				LastZxid: cfg.Own.LabZxid},
			Epochs: p.Epochs,
		},
		Links: qcm.Options{Listen: cfg.ElectionListen(), Network: p.Network, Announce: cfg.Announce(),
			MultiAddress: cfg.MultiAddress, HandshakeTimeout: cfg.HandshakeTimeout(),
			ConnectTimeout: cfg.Network.ConnectTimeout, BindRetry: cfg.Network.BindRetry,
			KeepAlive: cfg.Network.KeepAlive},
		Quorum: zab.TransportOptions{Network: p.Network,
			HandshakeTimeout: cfg.HandshakeTimeout(), KeepAlive: cfg.Network.KeepAlive,
			IsTLS: func(err error) bool { return errors.Is(err, qcm.ErrTLS) }},
		QuorumListen: cfg.QuorumListen(),
		Store:        p.Store,
		Events:       p.Events,
		Names:        p.Names,
		Guard:        guardOf(cfg, p),
		Opening:      p.Opening,
	}, nil
}

// guardOf is who judges others by the configuration; nil: nobody does.
func guardOf(cfg *config.Config, p Parts) *identity.Guard {
	if cfg.Own.PeerNames == nil && !cfg.Own.CheckPeerAddress {
		return nil
	}
	return identity.New(identity.Options{Names: cfg.Own.PeerNames, Addresses: cfg.Own.CheckPeerAddress, Resolver: p.Network})
}

// unable lists what the configuration asks for and electnode does not do.
func unable(cfg *config.Config) error {
	var errs []error
	if cfg.SASL.Enabled {
		errs = append(errs, fmt.Errorf("%s: quorum.auth.enableSasl: electnode speaks no SASL between servers", cfg.File))
	}
	if cfg.Own.Voter == config.VoterRefuse && cfg.Role == quorum.Participant {
		errs = append(errs, fmt.Errorf("%s: electnode.voter=refuse: server %d is a participant and would vote "+
			"without holding any data; make it an observer, or choose strict or echo", cfg.File, cfg.MyID))
	}
	return errors.Join(errs...)
}
