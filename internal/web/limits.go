package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"electnode/internal/crowd"
)

// Limits of HTTP. A host is who stands behind an address, see crowd.HostOf; behind a proxy all clients are one.
const (
	maxConns           = 512 // connections at a time
	maxConnsPerHost    = 256
	maxRequests        = 512 // requests that are being answered; HTTP/2 has many on one connection
	maxRequestsPerHost = 256
	maxConnRequests    = 16 // on one connection of HTTP/2, those whose password is being looked at included
	maxStreams         = 32 // clients of a stream of events; each costs a connection, a goroutine and a batch
	maxStreamsPerHost  = 16
	maxPages           = 128 // the same of the page, which people leave open
	maxPagesPerHost    = 112
	maxAsking          = 4                // requests for which all members are asked for their elections; the others wait
	maxHeader          = 16 << 10         // bytes before the body
	maxBody            = 64 << 10         // bytes of the body
	headerTime         = 5 * time.Second  // from the connection or the first byte to the end of the header
	requestTime        = 10 * time.Second // the same to the end of the body
	idleTime           = time.Minute      // without a request
	connAge            = 30 * time.Second // of a connection: what is answered after it is the last on it
	retryAfter         = "5"              // seconds, told to those who are turned away
)

// gate bounds what goes on at a time, in all and for each host.
type gate struct {
	bounds crowd.Bounds
	what   string // for whoever is turned away

	mu    sync.Mutex
	all   int
	hosts map[string]int // never 0
}

func newGate(bounds crowd.Bounds, what string) *gate {
	return &gate{bounds: bounds, what: what, hosts: map[string]int{}}
}

// enter lets a request in, until leave is called, or answers that there are too many: 429 when they are its own
// host's, 503 otherwise.
func (g *gate) enter(w http.ResponseWriter, r *http.Request) (leave func(), ok bool) {
	host := crowd.HostOf(r.RemoteAddr)
	g.mu.Lock()
	code, n := 0, 0
	switch {
	case g.hosts[host] >= g.bounds.PerHost:
		code, n = http.StatusTooManyRequests, g.bounds.PerHost
	case g.all >= g.bounds.All:
		code, n = http.StatusServiceUnavailable, g.bounds.All
	default:
		g.all++
		g.hosts[host]++
	}
	g.mu.Unlock()
	if code != 0 {
		text := fmt.Sprintf("%d %s already", n, g.what)
		if code == http.StatusTooManyRequests {
			text += ", all of this address"
		}
		w.Header().Set("Retry-After", retryAfter)
		writeError(w, code, text)
		tellRefused(r.Context(), r.RemoteAddr, text)
		return nil, false
	}
	return func() { g.leave(host) }, true
}

func (g *gate) leave(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.hosts[host]--; g.hosts[host] == 0 {
		delete(g.hosts, host)
	}
}

// bounded answers with h as many requests at a time as there may be, with bodies as long as they may be.
func bounded(h http.Handler) http.Handler {
	requests := newGate(crowd.Bounds{All: maxRequests, PerHost: maxRequestsPerHost}, "requests are being answered")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leave, ok := requests.enter(w, r)
		if !ok {
			return
		}
		defer leave()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		h.ServeHTTP(w, r)
	})
}

// acceptedKey is where a connection's context has the time at which it came in.
type acceptedKey struct{}

// accepted is the ConnContext of the server.
func accepted(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, acceptedKey{}, time.Now())
}

// aging makes what h answers on a connection older than age the last on it: whoever asks regularly, as Prometheus does, is
// to look the name up again. Without it a connection lasts for ever, also one that was dialled to an address that
// has a new owner since, and the node is taken for another.
func aging(h http.Handler, age time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at, ok := r.Context().Value(acceptedKey{}).(time.Time); ok && time.Since(at) > age {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// turns let some requests at a time ask the members; the others wait, as long as a member may.
type turns chan struct{}

// take waits for a turn, which ends with leave and is over before the answer is written: slow clients hold nobody
// up. Without one it has answered.
func (t turns) take(w http.ResponseWriter, r *http.Request) (leave func(), ok bool) {
	timer := time.NewTimer(listTime)
	defer timer.Stop()
	select {
	case t <- struct{}{}:
		return func() { <-t }, true
	case <-timer.C:
		w.Header().Set("Retry-After", retryAfter)
		writeError(w, http.StatusServiceUnavailable, fmt.Sprintf("%d requests ask the members already", cap(t)))
		tellRefused(r.Context(), r.RemoteAddr, "no turn to ask the members")
	case <-r.Context().Done():
	}
	return nil, false
}

// refusedKey is where a request's context has the function that is told of clients that are turned away.
type refusedKey struct{}

func withRefused(ctx context.Context, refused func(remote, detail string)) context.Context {
	return context.WithValue(ctx, refusedKey{}, refused)
}

// tellRefused tells that a client was turned away, if somebody wants to know.
func tellRefused(ctx context.Context, remote, detail string) {
	if refused, _ := ctx.Value(refusedKey{}).(func(remote, detail string)); refused != nil {
		refused(remote, detail)
	}
}
