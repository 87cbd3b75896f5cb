// Package proc starts real processes for tests, above all `electnode run`: it writes zoo.cfg and myid, waits
// for what the process says of itself, kills it as kill -9 does, and shows the ends of all logs when the test
// fails. Its processes end with the test, and with the test's process whatever becomes of that.
//
// It must not know what a test wants to show.
package proc
