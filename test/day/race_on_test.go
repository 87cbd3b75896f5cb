//go:build race

package day

// defaultHours is a part of a day under the race detector, which makes everything several times slower.
const defaultHours = 2
