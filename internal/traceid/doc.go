// Package traceid says which trace an election belongs to, and under which ids its spans stand, from what
// every node knows without being told: ensemble, epoch, node and start of the election.
//
// It must not know OpenTelemetry, nor what is done with an id: traces, exemplars, log lines, page and
// recordings agree because each of them asks a Tracker of its own with the same events. No goroutine.
package traceid
