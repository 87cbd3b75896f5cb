package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"electnode/internal/node"
)

// Source is a node that can be asked; *node.Node is one.
type Source interface {
	Status(ctx context.Context) (node.Status, error)
}

// askTime is how long a node may take to answer: one that is paused or stuck does not hold requests.
const askTime = time.Second

// Server serves HTTP on some addresses.
type Server struct {
	http      *http.Server
	listeners []net.Listener
	done      chan struct{}
}

// Listen binds the addresses, host:port, and serves h on them until Close. When one cannot be bound
// nothing is served and the error names it.
func Listen(addrs []string, h http.Handler) (*Server, error) {
	s := &Server{done: make(chan struct{}), http: &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}}
	for _, addr := range addrs {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			for _, open := range s.listeners {
				_ = open.Close() // nothing was served on it
			}
			return nil, fmt.Errorf("HTTP on %s: %w", addr, err)
		}
		s.listeners = append(s.listeners, ln)
	}
	ended := make(chan struct{}, len(s.listeners))
	for _, ln := range s.listeners {
		// Owned by the server: ends when Close closes the listener.
		go func() {
			_ = s.http.Serve(ln) // always ErrServerClosed after Close
			ended <- struct{}{}
		}()
	}
	// Owned by the server: ends with the last listener.
	go func() {
		for range s.listeners {
			<-ended
		}
		close(s.done)
	}()
	return s, nil
}

// Addrs lists the bound addresses.
func (s *Server) Addrs() []string {
	var addrs []string
	for _, ln := range s.listeners {
		addrs = append(addrs, ln.Addr().String())
	}
	return addrs
}

// Close answers the running requests, for half a second at most, and returns when all has ended.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	if len(s.listeners) > 0 {
		<-s.done
	}
	return err
}

// Handler answers for one node. metrics answers /metrics; nil: there is no such path.
func Handler(src Source, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	if metrics != nil {
		mux.Handle("GET /metrics", metrics)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, src) })
	for _, role := range []string{"leader", "follower", "observer"} {
		mux.HandleFunc("GET /"+role, func(w http.ResponseWriter, r *http.Request) { isRole(w, r, src, role) })
	}
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, r *http.Request) {
		s, err := ask(r.Context(), src)
		if err != nil {
			writeError(w, http.StatusServiceUnavailable, "the node does not answer: "+err.Error())
			return
		}
		writeJSON(w, http.StatusOK, NewStatus(s))
	})
	return mux
}

func ask(ctx context.Context, src Source) (node.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	return src.Status(ctx)
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client has gone; there is nobody to tell
}

func writeError(w http.ResponseWriter, code int, text string) {
	writeJSON(w, code, map[string]string{"error": text})
}
