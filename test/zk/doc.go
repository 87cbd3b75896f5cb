// Package zk starts real ZooKeeper servers for tests: processes of this machine, on loopback, killed with the
// test. It asks them with their own four-letter words, with their own client, and as a stranger on their
// election port. The package of Debian or Ubuntu named zookeeper is all that it needs.
//
// It must not know what a test wants to show.
package zk
