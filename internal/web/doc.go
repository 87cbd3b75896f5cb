// Package web is what others may ask a node over HTTP and by four-letter words, and a watcher over HTTP: health, readiness,
// role, status, recorded elections, the stream of events, and the live page. It asks for a copy of the state, with a deadline.
//
// It must not know how anything is elected. A Server owns the goroutines of its listener and requests,
// ended by Close; Words and Peers likewise.
package web
