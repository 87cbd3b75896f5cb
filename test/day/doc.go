// Package day runs real nodes over a network in memory for a day of virtual time, under random faults, and
// compares what /metrics shows with the recorded events, and those with what was seen on the wire.
package day
