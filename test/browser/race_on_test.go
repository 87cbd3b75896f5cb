//go:build race

package browser

// slack is how much longer anything may take that is measured: the race detector makes the server's part of a
// hundred pages ten times dearer.
const slack = 4
