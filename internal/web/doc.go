// Package web is what others may ask a node over HTTP and by four-letter words: health, readiness, role,
// status. It only reads; it asks the node for a copy of its state, with a deadline.
//
// It must not know how anything is elected. A Server owns the goroutines of its listener and requests,
// ended by Close; Words likewise.
package web
