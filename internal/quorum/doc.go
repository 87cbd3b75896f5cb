// Package quorum holds the words an election is made of: server ids, zxids, epochs, rounds, states and
// votes with their order; the members of an ensemble, the views they form, and which sets of them are a
// quorum, by majority or by weighted groups; and the text form of a view.
//
// It must not know sockets, files or time. It starts no goroutine; every value is safe to share once made.
package quorum
