// Package metrics makes Prometheus series of events: one registry a node, every series there from the start.
//
// It must not know who emits events, nor the other sinks. It starts no goroutine.
package metrics
