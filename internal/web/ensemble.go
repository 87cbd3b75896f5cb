package web

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"electnode/internal/quorum"
)

// nodeAnswer is one server's part of an ensemble's status.
type nodeAnswer struct {
	SID    quorum.SID `json:"sid"`
	Status *Status    `json:"status,omitempty"`
	Error  string     `json:"error,omitempty"`
	// Watched says that a watcher tells this, not the server.
	Watched bool `json:"watched,omitempty"`
}

// EnsembleHandler answers for several servers at once: /api/v1/status is a list, with ?format=text one for people.
func EnsembleHandler(sids []quorum.SID, sources map[quorum.SID]Source) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, r *http.Request) {
		all := askEach(r, sids, sources)
		if r.URL.Query().Get("format") != "text" {
			writeJSON(w, http.StatusOK, all)
			return
		}
		var b strings.Builder
		for _, n := range all {
			fmt.Fprintf(&b, "server %-3d %s   /nodes/%d/api/v1/status\n", n.SID, inWords(n), n.SID)
		}
		writeText(w, b.String())
	})
	return mux
}

func writeText(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(text)) // the client has gone; there is nobody to tell
}

func inWords(n nodeAnswer) string {
	if n.Status == nil {
		return "does not answer: " + n.Error
	}
	s := n.Status
	if s.Leader == nil {
		return fmt.Sprintf("%s in round %s, votes for %d", s.State, s.Round, s.Vote.Leader)
	}
	if !s.Established {
		return fmt.Sprintf("%s, leader %d is not established yet", s.State, *s.Leader)
	}
	return fmt.Sprintf("%s, leader %d is established in epoch %s", s.State, *s.Leader, s.CurrentEpoch)
}

func askEach(r *http.Request, sids []quorum.SID, sources map[quorum.SID]Source) []nodeAnswer {
	out := make([]nodeAnswer, len(sids))
	var group sync.WaitGroup
	for i, sid := range sids {
		// Ends with its question, which has a deadline; the group waits for it.
		group.Go(func() {
			out[i].SID = sid
			s, err := ask(r.Context(), sources[sid])
			if err != nil {
				out[i].Error = err.Error()
				return
			}
			status := NewStatus(s)
			out[i].Status = &status
		})
	}
	group.Wait()
	return out
}
