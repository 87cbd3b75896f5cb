// Package watch is the non-voting observer of a foreign ensemble: it asks the election ports of real
// servers and emits the same events as a node.
//
// It must not know package node: a watcher is no member. One goroutine a server, ended by its context.
package watch
