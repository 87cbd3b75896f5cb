// Package style holds the house to its rules, as far as a machine can: which package may import which,
// what the election core must not touch, how long a function may be. It has no code of its own.
package style
