package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"electnode/internal/crowd"
	"electnode/internal/quorum"
	"electnode/internal/recorder"
)

// Kinds of what the page shows.
const (
	KindDemo      = "demo"      // an ensemble in one process
	KindNode      = "node"      // one node, and its peers where their addresses are configured
	KindRecording = "recording" // what was recorded
	KindWatch     = "watch"     // a foreign ensemble, seen from outside
)

// Ensemble is what the page shows, and where it takes it from.
type Ensemble struct {
	Kind    string // one of the Kind constants
	Members []Member
	// Events are those of all members in one stream.
	Events Events
	Faults Faults   // nil: none may be asked for
	Acted  *Actions // the faults that were asked for; nil: none are shown
	// TraceURL is where a trace can be looked at, with {trace_id} in the place of its id; empty: nowhere.
	TraceURL string
	// Files are the names of what was recorded.
	Files []string
	// Watched is the ensemble of KindWatch: its servers, as they are discovered, take the place of Members.
	Watched *Watched
}

// Costly is a stream of events that costs something while somebody looks. Watch says that somebody does, until
// the function that it returns is called.
type Costly interface{ Watch() func() }

// Member is one server that the page shows: in this process, at an address, or in a recording.
type Member interface {
	// Address is where the server is asked by HTTP; empty: in this process.
	Address() string
	Status(ctx context.Context) (Status, error)
	Elections(ctx context.Context) ([]recorder.Summary, error)
	// Election gives the lines of one of these.
	Election(ctx context.Context, id string) ([][]byte, error)
}

// Named is a member that knows which server it is also when that does not answer; nil: it never did.
type Named interface{ SID() *quorum.SID }

// ErrNoElection says that an election is not kept, or never was.
var ErrNoElection = errors.New("no such election")

// Local is a server in this process.
type Local struct {
	Node    Source
	History History
}

// Address implements Member.
func (Local) Address() string { return "" }

// Status implements Member.
func (l Local) Status(ctx context.Context) (Status, error) {
	s, err := ask(ctx, l.Node)
	if err != nil {
		return Status{}, err
	}
	return NewStatus(s), nil
}

// Elections implements Member.
func (l Local) Elections(context.Context) ([]recorder.Summary, error) {
	return l.History.Elections(), nil
}

// Election implements Member.
func (l Local) Election(_ context.Context, id string) ([][]byte, error) {
	rec, ok := l.History.Election(id)
	if !ok {
		return nil, fmt.Errorf("%w: %.20q", ErrNoElection, id)
	}
	return rec.Lines, nil
}

// memberAnswer is what the page is told of one member.
type memberAnswer struct {
	Address string      `json:"address"` // empty: in this process
	SID     *quorum.SID `json:"sid"`     // null: not known, it never answered
	Status  *Status     `json:"status"`  // null: it does not answer
	Error   string      `json:"error"`   // why
}

// ensembleAnswer is the body of /api/v1/ensemble.
type ensembleAnswer struct {
	Kind     string         `json:"kind"`
	Now      time.Time      `json:"now"`
	Members  []memberAnswer `json:"members"`
	Faults   []string       `json:"faults"` // that may be asked for; empty: none
	TraceURL string         `json:"trace_url"`
	Files    []string       `json:"files"`
	Stream   string         `json:"stream"` // another one when the process was restarted
	Watch    *WatchStatus   `json:"watch,omitempty"`
}

// addEnsemble serves the page, and what it asks for.
func addEnsemble(mux *http.ServeMux, e *Ensemble) {
	addPage(mux)
	look := &glance{ensemble: e}
	mux.HandleFunc("GET /api/v1/ensemble", func(w http.ResponseWriter, r *http.Request) {
		defer limitTime(w, answerTime)()
		writeJSON(w, http.StatusOK, look.answer(r.Context()))
	})
	mux.Handle("GET /api/v1/ensemble/events", streamHandler(e.Events, e.Acted, crowd.Bounds{All: maxPages, PerHost: maxPagesPerHost}))
	asking := make(turns, maxAsking)
	mux.HandleFunc("GET /api/v1/ensemble/elections", func(w http.ResponseWriter, r *http.Request) {
		leave, ok := asking.take(w, r)
		if !ok {
			return
		}
		all := e.elections(r.Context())
		leave()
		defer limitTime(w, answerTime)()
		writeJSON(w, http.StatusOK, ElectionList{all})
	})
	mux.HandleFunc("GET /api/v1/ensemble/elections/{sid}/{id}", func(w http.ResponseWriter, r *http.Request) {
		leave, ok := asking.take(w, r)
		if !ok {
			return
		}
		lines := e.election(r.Context(), r.PathValue("sid"), r.PathValue("id"))
		leave()
		defer limitTime(w, answerTime)()
		if lines == nil {
			writeError(w, http.StatusNotFound, fmt.Sprintf("no election %.20q of server %.20q is kept", r.PathValue("id"), r.PathValue("sid")))
			return
		}
		writeLines(w, lines)
	})
	mux.Handle("POST /api/v1/faults", faultHandler(e.Faults, e.Acted))
}

// Handler serves the page and nothing else: for recordings.
func (e *Ensemble) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	e.AddTo(mux)
	return mux
}

// AddTo serves the page at / of mux, and what it asks for below /api/v1/ensemble.
func (e *Ensemble) AddTo(mux *http.ServeMux) { addEnsemble(mux, e) }

// glanceTime is how long one answer does for all pages.
const glanceTime = 500 * time.Millisecond

// glance asks all members, for however many pages, no more than twice a second.
type glance struct {
	ensemble *Ensemble

	mu   sync.Mutex // held while the members are asked, a second at most: others want the same answer
	last ensembleAnswer
}

func (g *glance) answer(ctx context.Context) ensembleAnswer {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.last.Now) < glanceTime {
		return g.last
	}
	e := g.ensemble
	members := e.members()
	out := ensembleAnswer{Kind: e.Kind, Members: make([]memberAnswer, len(members)), Faults: []string{},
		TraceURL: e.TraceURL, Files: append([]string{}, e.Files...), Stream: e.Events.Token()}
	if e.Faults != nil {
		out.Faults = e.Faults.Verbs()
	}
	// One who asked and went away does not spoil the answer for the others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	self := make([]bool, len(members))
	each(members, func(i int, m Member) {
		out.Members[i].Address = m.Address()
		s, err := m.Status(ctx)
		self[i] = errors.Is(err, errSelf)
		if err != nil {
			out.Members[i].Error = err.Error()
			if n, ok := m.(Named); ok {
				out.Members[i].SID = n.SID()
			}
			return
		}
		out.Members[i].Status, out.Members[i].SID = &s, &s.SID
	})
	for i := range slices.Backward(self) {
		if self[i] { // it is there already
			out.Members = slices.Delete(out.Members, i, i+1)
		}
	}
	if e.Watched != nil {
		out.Watch = new(NewWatchStatus(*e.Watched))
	}
	out.Now = time.Now()
	g.last = out
	return out
}

// members are those that there are now.
func (e *Ensemble) members() []Member {
	if e.Watched != nil {
		return e.Watched.members()
	}
	return e.Members
}

// each calls what for every member at the same time, and waits.
func each(members []Member, what func(i int, m Member)) {
	var group sync.WaitGroup
	for i, m := range members {
		// Ends with its question, which has a deadline; the group waits for it.
		group.Go(func() { what(i, m) })
	}
	group.Wait()
}

// elections lists those of all members that answer, one member after the other.
func (e *Ensemble) elections(ctx context.Context) []recorder.Summary {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	members := e.members()
	lists := make([][]recorder.Summary, len(members))
	each(members, func(i int, m Member) { lists[i], _ = m.Elections(ctx) }) // /api/v1/ensemble says who does not answer
	all := []recorder.Summary{}
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// listTime is how long the members may take to list their elections, or to give one.
const listTime = 5 * time.Second

// election gives the lines of an election of one member, the one that lists it; nil: none does.
func (e *Ensemble) election(ctx context.Context, sid, id string) [][]byte {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	members := e.members()
	found := make([][][]byte, len(members))
	each(members, func(i int, m Member) {
		all, err := m.Elections(ctx)
		if err != nil {
			return
		}
		for _, sum := range all {
			if sum.SID.String() == sid && sum.ID == id {
				found[i], _ = m.Election(ctx, id) // what is not there any more is not found
				return
			}
		}
	})
	for _, lines := range found {
		if lines != nil {
			return lines
		}
	}
	return nil
}
