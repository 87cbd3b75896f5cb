// Package recorder keeps the last elections with all their events, bounded in bytes, and apart from them
// the last that went badly.
//
// It must not know who emits events, nor the other sinks. It starts no goroutine.
package recorder
