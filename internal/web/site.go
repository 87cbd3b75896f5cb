package web

import "net/http"

// Site is what there is to see of one node over HTTP.
type Site struct {
	Node Source
	// Metrics answers /metrics; nil: there is no such path.
	Metrics http.Handler
	// History answers /api/v1/elections and /api/v1/events; nil: there are no such paths.
	History History
	// Profiles answers /debug/pprof/; nil: there is no such path.
	Profiles http.Handler
	// Ensemble is what the page shows; nil: there is no page.
	Ensemble *Ensemble
}

// Handler answers for one node.
func Handler(site Site) http.Handler {
	mux := http.NewServeMux()
	if site.Metrics != nil {
		mux.Handle("GET /metrics", site.Metrics)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, site.Node) })
	for _, role := range []string{"leader", "follower", "observer"} {
		mux.HandleFunc("GET /"+role, func(w http.ResponseWriter, r *http.Request) { isRole(w, r, site.Node, role) })
	}
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, r *http.Request) {
		s, err := ask(r.Context(), site.Node)
		if err != nil {
			writeError(w, http.StatusServiceUnavailable, "the node does not answer: "+err.Error())
			return
		}
		writeJSON(w, http.StatusOK, NewStatus(s))
	})
	if site.Profiles != nil {
		mux.Handle("/debug/pprof/", site.Profiles)
	}
	if site.History != nil {
		addElections(mux, site.History)
		mux.Handle("GET /api/v1/events", EventStream(site.History))
	}
	if site.Ensemble != nil {
		addEnsemble(mux, site.Ensemble)
	}
	return mux
}
