// Package logging makes lines of events: slog through tint on a terminal, JSON elsewhere.
//
// The lines of an election wait, for a second at most, until its trace id is known.
//
// It must not know who emits events, nor the other sinks. A Sink and a Pipe own one goroutine
// each, ended by Close; where nobody reads the lines the Pipe's blocks, and nothing else.
package logging
