package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"electnode/internal/crowd"

	"github.com/prometheus/exporter-toolkit/web"
)

// closeTime is how long the requests that run may take to end after Close was called.
const closeTime = 500 * time.Millisecond

// ListenOptions is where and how HTTP is served.
type ListenOptions struct {
	Addrs []string // host:port each; port 0 takes a free one
	// ConfigFile turns on TLS and basic auth for all addresses, in the format of the Prometheus exporter-toolkit.
	// It is read again for every connection and request: certificates and passwords may change. Empty: plain HTTP.
	ConfigFile string
	// Log gets what cannot be told to a client. [nowhere]
	Log *slog.Logger
	// Refused is told of each client that is turned away because there are too many, from any goroutine; it must
	// not wait. [nobody]
	Refused func(remote, detail string)

	age time.Duration // of a connection, after which it is not kept; tests give another [connAge]
}

// Server serves HTTP on some addresses.
type Server struct {
	listeners []net.Listener
	servers   []*http.Server // one for each listener: exporter-toolkit changes the server that it gets
	log       *slog.Logger
	cancel    context.CancelFunc // ends the context of every request
	serving   sync.WaitGroup
}

// Listen binds the addresses and serves h on them until Close. When the configuration is bad, or an address
// cannot be bound, nothing is served and the error names it; errors.Is(err, ErrConfigFile) tells which.
func Listen(opt ListenOptions, h http.Handler) (*Server, error) {
	if err := CheckConfigFile(opt.ConfigFile); err != nil {
		return nil, err
	}
	s := &Server{log: cmp.Or(opt.Log, slog.New(slog.DiscardHandler))}
	for _, addr := range opt.Addrs {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			for _, open := range s.listeners {
				_ = open.Close() // nothing was served on it
			}
			return nil, fmt.Errorf("HTTP on %s: %w", addr, err)
		}
		s.listeners = append(s.listeners, ln)
	}
	if h == nil {
		h = http.NotFoundHandler() // never the default mux, which any imported package may add to
	}
	s.start(opt, h)
	return s, nil
}

// start serves h on the listeners.
func (s *Server) start(opt ListenOptions, h http.Handler) {
	var requests context.Context
	requests, s.cancel = context.WithCancel(withRefused(context.Background(), opt.Refused))
	h = bounded(aging(h, cmp.Or(opt.age, connAge)))
	d := &door{bounds: crowd.Bounds{All: maxConns, PerHost: maxConnsPerHost}, refused: opt.Refused}
	for _, ln := range s.listeners {
		server := &http.Server{Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime,
			WriteTimeout: answerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader, ConnState: d.state,
			HTTP2:       &http.HTTP2Config{MaxConcurrentStreams: maxConnRequests},
			BaseContext: func(net.Listener) context.Context { return requests }, ConnContext: accepted,
			ErrorLog: errorLog(s.log)}
		s.servers = append(s.servers, server)
		// Owned by the server: ends when Close closes the listener.
		s.serving.Go(func() { s.serve(server, behind{ln, d}, opt.ConfigFile) })
	}
}

// serve serves one address until Close.
func (s *Server) serve(server *http.Server, ln net.Listener, configFile string) {
	var err error
	if configFile == "" {
		err = server.Serve(ln)
	} else {
		err = web.Serve(ln, server, &web.FlagConfig{WebConfigFile: &configFile}, s.log)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		s.log.Error("HTTP ended", "address", ln.Addr().String(), "error", err.Error())
		_ = ln.Close() // who connects is to be refused, not left waiting
	}
}

// Addrs lists the bound addresses.
func (s *Server) Addrs() []string {
	var addrs []string
	for _, ln := range s.listeners {
		addrs = append(addrs, ln.Addr().String())
	}
	return addrs
}

// Close ends the contexts of all requests, which is what streams wait for; lets what is being answered be
// answered, for half a second at most; and returns when nothing is served any more.
func (s *Server) Close() error {
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	errs := make([]error, len(s.servers))
	var closing sync.WaitGroup
	for i, server := range s.servers {
		// Owned by Close, which waits for it: ends with ctx at the latest.
		closing.Go(func() {
			errs[i] = server.Shutdown(ctx)
			if errors.Is(errs[i], context.DeadlineExceeded) {
				errs[i] = server.Close()
			}
		})
	}
	closing.Wait()
	s.serving.Wait()
	return errors.Join(errs...)
}
