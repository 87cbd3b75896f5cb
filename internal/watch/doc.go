// Package watch is the non-voting observer of a foreign ensemble: it asks the election ports of real servers,
// always the same harmless question, and judges by a quorum of their answers whether they have a leader.
//
// It must not know package node: a watcher is no member, listens nowhere and has no vote. core is pure: it
// takes answers, failures and their times. Run owns it and one goroutine a link; all end with its context.
package watch
