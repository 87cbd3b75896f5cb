// Package recorder keeps the last elections of a node with all their events in the form of event.AppendJSON,
// apart from them the last that went badly, and the last events of all for those who listen; bounded in bytes.
//
// It must not know who emits events, nor the other sinks. A Recorder and a Stream own one goroutine each, ended
// by Close; who asks copies under a short lock and never delays those who record.
package recorder
