package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/watch"
)

// Watched is one foreign ensemble. Its functions are safe from any goroutine and do not wait.
type Watched struct {
	Name     string        // letters, digits and any of . _ : -, which a path can have
	SID      quorum.SID    // its watcher's
	Interval time.Duration // between two questions to one server
	Enriched bool          // client ports are asked, too
	Status   func() watch.Status
	// Histories are the recordings of its servers, those that left the configuration included.
	Histories func() map[quorum.SID]History
	// Events are those of all its servers and its watcher, in one stream, without questions and answers.
	Events Events
}

// members are the servers that are known now.
func (w *Watched) members() []Member {
	var all []Member
	for _, o := range w.Status().Servers {
		all = append(all, watchedMember{*w, o.SID})
	}
	return all
}

// WatchSite is what there is to see of a process that watches.
type WatchSite struct {
	Ensembles []Watched
	// Events are those of all ensembles in one stream. Nil: there is one ensemble, and its stream is meant.
	Events Events
	// Metrics answers /metrics; nil: there is no such path.
	Metrics http.Handler
	// Profiles answers /debug/pprof/; nil: there is no such path.
	Profiles http.Handler
	// TraceURL is that of Ensemble.
	TraceURL string
}

// EnsemblePath is where an ensemble has its page and its part of the API.
func EnsemblePath(name string) string { return "/ensembles/" + name + "/" }

// WatchHandler answers for all ensembles, and for each by itself below its EnsemblePath. At / is the page of the only
// ensemble, or a list of them.
func WatchHandler(site WatchSite) http.Handler {
	mux := http.NewServeMux()
	if site.Metrics != nil {
		mux.Handle("GET /metrics", site.Metrics)
	}
	if site.Profiles != nil {
		mux.Handle("/debug/pprof/", site.Profiles)
	}
	if len(site.Ensembles) == 1 {
		site.addOne(mux, site.Ensembles[0])
	} else {
		addWatched(mux, site.Ensembles, site.Events)
		addWatchList(mux, site.Ensembles)
	}
	for _, one := range site.Ensembles {
		below := http.NewServeMux()
		site.addOne(below, one)
		mux.Handle(EnsemblePath(one.Name), belowName(below))
	}
	return mux
}

// belowName hands requests on without /ensembles/NAME, however the name was escaped: some clients write %3A for a
// colon.
func belowName(h http.Handler) http.Handler {
	cut := func(path string) string {
		parts := strings.SplitN(path, "/", 4) // "", "ensembles", NAME, the rest
		if len(parts) < 4 {
			return path
		}
		return "/" + parts[3]
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner := new(http.Request)
		*inner = *r
		inner.URL = new(url.URL)
		*inner.URL = *r.URL
		inner.URL.Path, inner.URL.RawPath = cut(r.URL.Path), cut(r.URL.RawPath)
		h.ServeHTTP(w, inner)
	})
}

// addOne serves one ensemble, with its page at /.
func (site WatchSite) addOne(mux *http.ServeMux, one Watched) {
	addWatched(mux, []Watched{one}, one.Events)
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, r *http.Request) { watchedStatus(w, r, one) })
	e := &Ensemble{Kind: KindWatch, Events: one.Events, TraceURL: site.TraceURL, Watched: &one}
	e.AddTo(mux)
}

// addWatched serves the part of the API that one and several ensembles share.
func addWatched(mux *http.ServeMux, all []Watched, events Events) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { readyWatch(w, all) })
	mux.HandleFunc("GET /api/v1/watch", func(w http.ResponseWriter, _ *http.Request) {
		defer limitTime(w, answerTime)()
		list := WatchList{Ensembles: make([]WatchStatus, 0, len(all))}
		for _, one := range all {
			list.Ensembles = append(list.Ensembles, NewWatchStatus(one))
		}
		writeJSON(w, http.StatusOK, list)
	})
	history := watchedHistory{Events: events, all: all}
	addElections(mux, history)
	mux.Handle("GET /api/v1/events", EventStream(history))
}

// addWatchList serves the list of several ensembles at /.
func addWatchList(mux *http.ServeMux, all []Watched) {
	var paths []string
	for _, one := range all {
		paths = append(paths, strings.TrimSuffix(EnsemblePath(one.Name), "/"))
	}
	mux.Handle("GET /{$}", asset("list.html"))
	addAssets(mux)
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, "several ensembles are watched, ask one of them: "+strings.Join(paths, " "))
	})
}

// watchedStatus answers as a demo does: a list of what each server is, with ?format=text one for people.
func watchedStatus(w http.ResponseWriter, r *http.Request, one Watched) {
	s := one.Status()
	all := make([]nodeAnswer, 0, len(s.Servers))
	for _, o := range s.Servers {
		answer := nodeAnswer{SID: o.SID, Watched: true}
		if status, err := seenStatus(s, o); err != nil {
			answer.Error = err.Error()
		} else {
			answer.Status = &status
		}
		all = append(all, answer)
	}
	if r.URL.Query().Get("format") != "text" {
		writeJSON(w, http.StatusOK, all)
		return
	}
	var b strings.Builder
	_, reason := sight(s)
	fmt.Fprintf(&b, "%s, seen from outside: %s\n", one.Name, reason)
	for _, n := range all {
		fmt.Fprintf(&b, "server %-3d %s\n", n.SID, seenInWords(n))
	}
	writeText(w, b.String())
}

// seenInWords says what a server looks like from outside.
func seenInWords(n nodeAnswer) string {
	if n.Status == nil {
		return "out of sight: " + n.Error
	}
	if n.Status.Leader == nil {
		return inWords(n)
	}
	return fmt.Sprintf("%s, says that server %d leads", n.Status.State, *n.Status.Leader)
}
