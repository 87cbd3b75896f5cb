// Package bench holds electnode, ZooKeeper and etcd side by side: real processes on loopback, killed, paused and
// started while the same loop asks all of them, in one run, one after the other in turns. Benchmarks only; with
// -samples FILE every single measurement is written down as JSON lines, of which report makes tables and a plot.
//
// It must not know how any of them elects. A cluster owns its processes, ended with the benchmark.
package bench
