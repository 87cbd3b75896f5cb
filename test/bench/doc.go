// Package bench holds electnode, ZooKeeper and etcd side by side: real processes on loopback, killed, paused and
// started while the same loop asks all of them, in one run, one after the other in turns. With -samples FILE every single
// measurement is written down, of which report makes the tables and the plot of docs/benchmarks.md; with -base PROGRAM
// another electnode is measured beside this one instead.
//
// It must not know how any of them elects. A cluster owns its processes, ended with the benchmark.
package bench
