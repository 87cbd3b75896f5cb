// Package zk starts real ZooKeeper servers for tests, asks them with their own four-letter words, and
// kills them: processes of this machine, on loopback, ended with the test.
package zk
