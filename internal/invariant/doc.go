// Package invariant knows what must always hold of an ensemble, and judges a history by it: the events of all
// servers, what their disks held, and which parts of that are missing. The simulation and the laboratory with real
// processes are judged by the same Checker: checker.go follows what is told, claim.go and office.go judge what others'
// records must bear out, hole.go knows what cannot be judged.
//
// It must not know where a history comes from: virtual time or a real machine's. It starts no goroutine.
package invariant
