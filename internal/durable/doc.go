// Package durable keeps the two promises of a node, acceptedEpoch and currentEpoch, on disk in
// ZooKeeper's own form, and reads what a ZooKeeper data directory tells: epochs, snapshots, logs, and the
// vote its server would cast.
//
// It must not know the protocol that the epochs come from. It starts no goroutine; one goroutine owns a
// Store.
package durable
