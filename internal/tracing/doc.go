// Package tracing makes OpenTelemetry spans of the events of one node: one trace an election, across all
// nodes, without a trace context on the wire. Its builder is a function of events and time.
//
// It must not know who emits events, nor the other sinks, and sets nothing global in OpenTelemetry. A Tracing
// owns one goroutine and those of its exporter; Close ends them.
package tracing
