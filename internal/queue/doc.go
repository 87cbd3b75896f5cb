// Package queue stands between those who emit events and the one goroutine of a slower sink that shows them.
//
// It must not know what the events mean or what becomes of them. A Relay owns one goroutine, ended by
// Close; a Queue has none.
package queue
