//go:build !race

package proc

// raceEnabled: programs are built with the race detector when the tests are.
const raceEnabled = false
