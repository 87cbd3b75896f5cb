// Package growth is an ensemble of any size in one process, for the question what an election costs as there are more voters:
// real nodes, real TCP over loopback, real files, no HTTP and no views. It counts what they send and waits for what they tell.
//
// It must not know how a leader is elected. An Ensemble owns its nodes and their directory, ended by Close.
package growth
