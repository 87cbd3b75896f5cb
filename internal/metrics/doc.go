// Package metrics makes Prometheus series of events: one registry a node, every series there from the
// start, at 0 or at the value that means "none". Names, types and labels are a contract with dashboards and
// alerts; no outsider can make a series.
//
// It must not know who emits events, nor the other sinks. It starts no goroutine; what grows with time is
// computed when somebody asks.
package metrics
