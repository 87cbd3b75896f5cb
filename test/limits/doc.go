// Package limits compares docs/limits.md with the code: the numbers that the page names, and that it names every
// bound there is.
//
// It must not know what the bounds are for. It starts no goroutine.
package limits
