// Package tracing makes OpenTelemetry spans of events
//
//  one trace an election, across all nodes, without a trace context on
// the wire.:It must not know who emits events, nor the other sinks. It owns the exporter's goroutines, ended by its Close.
package tracing
