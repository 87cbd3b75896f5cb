package web

import (
	"fmt"
	"net/http"
	"strings"

	"electnode/internal/watch"
)

// WatchReadiness is the body of /readyz of a watcher.
type WatchReadiness struct {
	Ready     bool                `json:"ready"`
	Reason    string              `json:"reason"`
	Ensembles []EnsembleReadiness `json:"ensembles"`
}

// EnsembleReadiness says whether a watcher can judge its ensemble. One without a leader that is well in sight is
// ready: the watcher is, and its metrics tell the rest.
type EnsembleReadiness struct {
	Name   string `json:"name"`
	Ready  bool   `json:"ready"`
	Reason string `json:"reason"`
}

// readyWatch answers /readyz: 200 when no ensemble is blind or unknown.
func readyWatch(w http.ResponseWriter, all []Watched) {
	body := WatchReadiness{Ready: true, Reason: "every watched ensemble is in sight"}
	for _, one := range all {
		ready, reason := sight(one.Status())
		body.Ensembles = append(body.Ensembles, EnsembleReadiness{one.Name, ready, reason})
		if !ready && body.Ready {
			body.Ready, body.Reason = false, one.Name+": "+reason
		}
	}
	code := http.StatusOK
	if !body.Ready {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, body)
}

// sight says whether a watcher can judge its ensemble, and in words what it sees.
func sight(s watch.Status) (ready bool, reason string) {
	switch {
	case s.View == nil:
		return false, "unknown: no server has told the configuration yet" + problems(s)
	case s.Blind:
		return false, "blind: too few voters are in sight to judge" + problems(s)
	case len(s.Conflicting) > 1:
		return true, fmt.Sprintf("in sight, and %d servers say LEADING: %v", len(s.Conflicting), s.Conflicting)
	case s.HasLeader:
		return true, fmt.Sprintf("server %d leads in epoch %d", s.Leader, s.Epoch)
	default:
		return true, "in sight, without a leader"
	}
}

// problems lists who is out of sight and why.
func problems(s watch.Status) string {
	var all []string
	for _, o := range s.Servers {
		if !o.Up && o.LastFailure != "" {
			all = append(all, fmt.Sprintf("server %d %s", o.SID, o.LastFailure))
		}
	}
	for _, d := range s.Seeds {
		if d.Reason != "" {
			all = append(all, fmt.Sprintf("%s %s", d.Address, d.Reason))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, ", ") + ")"
}
