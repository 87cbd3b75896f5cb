// Package crowd says who gives way when more come from outside than there are places for, and how often
// somebody may do something.
//
// It knows the hosts of addresses, places and instants; it must not know connections, ports or clocks. It
// starts no goroutine.
package crowd
