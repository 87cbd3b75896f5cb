// Package config turns zoo.cfg, the dynamic file, its pending successor, myid and the environment of the
// official ZooKeeper image into one checked Config, or into all the reasons why there is none. It refuses
// what ZooKeeper 3.8 refuses and accepts what it accepts, save the differences that are marked.
//
// It must not know how a setting is used. It writes no file and starts no goroutine.
// Rules: QuorumPeerConfig.java; the numbers D1 to D12 are those of docs/configuration.md.
package config
