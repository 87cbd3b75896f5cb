//go:build !race

package sim

// defaultSeeds is how many seeds run unless -seeds says otherwise.
const defaultSeeds = 2000
