// Package invariant knows what must always hold of an ensemble, and judges a history by it: the events of all
// servers, what their disks held, who was killed when. The simulation and the laboratory with real processes are
// judged by the same Checker.
//
// It must not know where a history comes from: virtual time or a real machine's. It starts no goroutine.
package invariant
