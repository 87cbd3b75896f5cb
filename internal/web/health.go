package web

import (
	"fmt"
	"net/http"

	"electnode/internal/node"
	"electnode/internal/quorum"
)

// readiness is the body of /readyz and of the role paths.
type readiness struct {
	Ready  bool   `json:"ready"`
	State  string `json:"state,omitempty"`
	Reason string `json:"reason"`
}

func answer(w http.ResponseWriter, r readiness) {
	code := http.StatusOK
	if !r.Ready {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, r)
}

func ready(w http.ResponseWriter, r *http.Request, src Source) {
	s, err := ask(r.Context(), src)
	if err != nil {
		answer(w, readiness{Reason: "the node does not answer: " + err.Error()})
		return
	}
	answer(w, judge(s))
}

// judge says whether a node serves its role under an established leader.
func judge(s node.Status) readiness {
	r := readiness{State: s.State.String(), Ready: s.Established.Epoch > 0}
	switch {
	case r.Ready:
		r.Reason = fmt.Sprintf("server %d is established in epoch %d", s.Established.Leader, s.Established.Epoch)
	case s.State == quorum.Looking:
		r.Reason = fmt.Sprintf("looking for a leader in round %d", s.Election.Round)
	default:
		r.Reason = fmt.Sprintf("server %d is elected and not established yet", s.Election.Current.Leader)
	}
	return r
}

// roleOf is the role that a state serves.
func roleOf(s quorum.State) string {
	switch s {
	case quorum.Leading:
		return "leader"
	case quorum.Following:
		return "follower"
	case quorum.Observing:
		return "observer"
	default:
		return ""
	}
}

func isRole(w http.ResponseWriter, r *http.Request, src Source, role string) {
	s, err := ask(r.Context(), src)
	if err != nil {
		answer(w, readiness{Reason: "the node does not answer: " + err.Error()})
		return
	}
	got := judge(s)
	if have := roleOf(s.State); got.Ready && have != role {
		got.Ready, got.Reason = false, "this node is "+have
	}
	answer(w, got)
}
