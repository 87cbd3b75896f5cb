package web

import (
	"net/http"
	"net/http/pprof"
)

// Profiles answers GET at /debug/pprof/ and below. Importing net/http/pprof also enters these paths into the
// default mux of net/http, which Listen never serves.
func Profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index) // all others by their names
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
