// Package system tests electnode as a whole and from outside: real processes on loopback, killed, attacked and
// looked at, and ensembles in this process where goroutines, descriptors and memory are to be counted.
//
// It must not know how anything works inside; it knows the wire, the files, HTTP, the words, the log lines
// and the exit statuses. Its processes end with the test that started them.
package system
