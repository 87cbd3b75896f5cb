// Package clock moves the wall clock under electnode processes: a build of the program whose time.Now adds what the
// test says, all else being as it is. The system's own clock, which belongs to others too, is not touched.
//
// It must not know how an election works.
package clock
