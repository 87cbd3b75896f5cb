// Package fle is fast leader election: a pure state machine that turns notifications, links that come and
// go, and the passing of time into messages to send and, in the end, a decision; and the codec of the
// notification. tally.go says which votes make a quorum, looking.go where a round and a vote change,
// decide.go when an election ends, settled.go what is answered afterwards.
//
// It must not know connections, clocks, files, metrics or traces. It starts no goroutine; one goroutine
// owns an Election and calls it.
// Rules: FastLeaderElection.java.
package fle
