//go:build race

package recorder

// many is how many events a storm or a month has; they all come from one goroutine.
const many = 200_000
