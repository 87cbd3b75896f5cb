//go:build !race

package browser

// slack is how much longer anything may take that is measured.
const slack = 1
