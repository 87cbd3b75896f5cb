// Package logging makes lines of events: slog through tint on a terminal, JSON elsewhere.
//
// It must not know who emits events, nor the other sinks. A Sink owns one goroutine, ended by Close; a
// pipe that nobody reads blocks that goroutine and nothing else.
package logging
