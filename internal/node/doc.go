// Package node is QuorumPeer: LOOKING, then LEADING, FOLLOWING or OBSERVING, then LOOKING again. Core is
// that as a pure machine over fle and zab; Node wires it to qcm, to the quorum port and to the epoch files.
//
// It must not know HTTP, Prometheus or OpenTelemetry. Run owns one goroutine for the core and ends all
// others it starts (the connection manager's and the transport's) before it returns.
// Rules: QuorumPeer.run.
package node
