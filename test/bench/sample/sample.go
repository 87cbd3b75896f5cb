// Package sample is what the benchmarks write down and the report reads: sets of measured times.
package sample

import (
	"slices"
	"time"
)

// Set is all measurements of one thing with one kind of servers.
type Set struct {
	What         string    `json:"what"`    // failover, paused, coldstart
	Servers      int       `json:"servers"` // how many a cluster had
	Who          string    `json:"who"`     // the kind of servers
	Milliseconds []float64 `json:"ms"`      // in the order of measuring
}

// Quantile is the q quantile of values, 0 to 1, by the nearest rank; 0 of none.
func Quantile[T time.Duration | float64](values []T, q float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
