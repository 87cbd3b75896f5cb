//go:build !race

package day

// defaultHours is a whole day.
const defaultHours = 24
