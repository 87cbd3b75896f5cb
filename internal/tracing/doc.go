// Package tracing makes OpenTelemetry spans of events: one trace an election, across all nodes, without a
// trace context on the wire.
//
// It must not know who emits events, nor the other sinks. The goroutines of its exporter end with its Close.
package tracing
