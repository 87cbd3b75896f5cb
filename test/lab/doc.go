// Package lab is the fault laboratory: real `electnode run` processes, each on a host of its own (a network
// namespace), joined by a wire that the test holds in its hands, with the events of every life of every node
// in one history that is judged. host.go is a host, wire.go what the wire does to packets, node.go and
// ensemble.go the processes, stream.go and history.go what they said. internal/invariant judges it.
//
// Everything random comes from a seed. A seed repeats what was done and in which order, not the instants at which
// the kernel let it happen: a failure is found again by its kind of trouble, and explained by its history.
//
// It must not know what a test wants to show. Each host has one goroutine on a thread of its own and one that reads its
// device, a wire one that delivers, each life of a node one that reads its events; the end of the test ends them.
package lab
