// Package memnet is a network in memory for tests: hosts that listen, dial and look names up, connections
// with buffers and deadlines, and faults on request (links cut one way or both, hosts that refuse,
// addresses that swallow everything, crashes, slow names).
//
// It must not know what the bytes mean. It starts no goroutine and reads no clock but the time package's,
// so it works inside testing/synctest bubbles and outside of them. Nothing here is for production.
package memnet
