// Package event is the vocabulary of everything that can happen to an election node: one struct for each
// thing, the Sink that takes them, and the Emitter that stamps them with node, time and election.
//
// It must not know what becomes of an event: metrics, traces, logs, page and recorder are made elsewhere.
// It starts no goroutine. Events are values: nobody changes one after it was recorded.
package event
