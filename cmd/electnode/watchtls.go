package main

import (
	"electnode/internal/config"
	"electnode/internal/qcm"
	"electnode/internal/quorumtls"
)

// tlsSource says how election ports are dialled: load is nil for plain TCP.
type tlsSource interface {
	load() (*quorumtls.Stores, error)
}

// load implements tlsSource.
func (t tlsFiles) load() (*quorumtls.Stores, error) {
	if t == (tlsFiles{}) {
		return nil, nil
	}
	return quorumtls.Files{Cert: t.cert, Key: t.key, CA: t.ca, ServerName: t.serverName}.Load()
}

// tlsKeys are what a zoo.cfg says.
type tlsKeys config.TLS

// load implements tlsSource.
func (t tlsKeys) load() (*quorumtls.Stores, error) {
	if !t.Quorum {
		return nil, nil
	}
	return quorumtls.Load(config.TLS(t))
}

// secured is the network with the TLS of a source; nil for none, which is plain TCP to a watcher.
func secured(source tlsSource) (qcm.Network, error) {
	stores, err := source.load()
	if stores == nil || err != nil {
		return nil, err
	}
	return stores.Client(qcm.TCP{KeepAlive: true}), nil
}
