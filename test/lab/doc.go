// Package lab is the fault laboratory: real `electnode run` processes, each on a host of its own (a network
// namespace), joined by a wire that the test holds in its hands, with the events of every life of every node
// in one history that is judged. host.go is a host, wire.go what the wire does to packets, node.go and
// ensemble.go the processes, stream.go and history.go what they said, record.go its file. internal/invariant judges it.
// The hosts share one machine and its clock, so the times of all servers can be compared; what a process that was killed
// did after its last word is waived for it alone, and counted. The file of a test that failed is judged again by
// go test ./test/lab -v -judge FILE, without root. A test that is ended from outside has its file too, as things came.
//
// Everything random comes from a seed, which is random itself unless -seed says otherwise. A seed repeats what was done and in which order, not the instants at which
// the kernel let it happen: a failure is found again by its kind of trouble, and explained by its history.
//
// It must not know what a test wants to show. Each host has one goroutine on a thread of its own and one that reads its
// device, a wire one that delivers, each life of a node one that reads its events; the end of the test ends them.
package lab
