// Package sim runs whole ensembles of node cores on one goroutine from one seed: fake time, an in-memory
// network that loses, delays, reorders and duplicates, one-way partitions, crashes with torn writes. What
// must always hold is checked after every step, what must happen in the end after the faults stop.
//
// It must not know real clocks, sockets or files: the same seed always gives the same history.
package sim
