//go:build race

package sim

// defaultSeeds is how many seeds run unless -seeds says otherwise. The race detector makes them ten times
// slower and has little to find on one goroutine; make test runs the full number without it as well.
const defaultSeeds = 200
