//go:build race

package tracing

// How many worlds are simulated of each kind: the race detector is slow, and there is one goroutine.
const calmSeeds, faultySeeds = 400, 20
