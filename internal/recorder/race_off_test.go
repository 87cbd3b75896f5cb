//go:build !race

package recorder

// many is how many events a storm or a month has.
const many = 1_000_000
