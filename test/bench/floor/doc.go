// Package floor measures what no implementation of ZooKeeper's fail-over can be faster than, on this machine: the
// death of a process as its peer sees it, the messages that wait for each other, and the durable writes that messages wait for,
// one after the other, with nothing between them. The messages are 64 bytes over loopback TCP between two processes,
// the writes those of package durable.
//
// It must not know how an election works, only what waits for what (Path). A Floor owns a process that answers and one that
// dies, ended by Close and in any case with the program that started them.
package floor
