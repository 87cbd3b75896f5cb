//go:build !race

package tracing

// How many worlds are simulated of each kind.
const calmSeeds, faultySeeds = 400, 100
