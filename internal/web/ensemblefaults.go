package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"electnode/internal/quorum"
)

// Fault is what is asked for by POST /api/v1/faults.
type Fault struct {
	Verb string      `json:"fault"`
	SID  *quorum.SID `json:"sid,omitempty"`  // the server that is meant, where the address stands for several
	Peer *quorum.SID `json:"peer,omitempty"` // the other end of a line
	For  string      `json:"for,omitempty"`  // undone after this time, "5s"; empty: not by itself
	Zxid string      `json:"zxid,omitempty"` // "0x500000001"
}

// String is the fault as a line of a script would say it.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.Verb)
	for _, sid := range []*quorum.SID{f.SID, f.Peer} {
		if sid != nil {
			b.WriteString(" " + sid.String())
		}
	}
	if f.Zxid != "" {
		b.WriteString(" " + f.Zxid)
	}
	if f.For != "" {
		b.WriteString(" for " + f.For)
	}
	return b.String()
}

// ErrBadFault is the error of a fault that makes no sense: 400. All others are 409: not now.
var ErrBadFault = errors.New("bad fault")

// Faults can be asked for faults. Its methods are safe from any goroutine.
type Faults interface {
	// Verbs lists the faults that may be asked for.
	Verbs() []string
	// Do carries a fault out and returns when that is done.
	Do(ctx context.Context, f Fault) error
}

// maxFault bounds the body of a request in bytes.
const maxFault = 4 << 10

// faultHandler answers POST /api/v1/faults. Only a page of this server may ask, and programs that are no
// browsers: a page of somebody else that is open in the same browser may not.
func faultHandler(faults Faults, actions *Actions) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if faults == nil {
			writeError(w, http.StatusForbidden, "faults are not enabled here")
			return
		}
		if err := origin.Check(r); err != nil {
			writeError(w, http.StatusForbidden, "faults are for pages of this server only: "+err.Error())
			return
		}
		if !ownName(r) {
			writeError(w, http.StatusForbidden, "faults on this computer are for http://localhost or an IP address, not for the name in the request")
			return
		}
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			writeError(w, http.StatusForbidden, "Content-Type: application/json is wanted")
			return
		}
		f, err := readFault(w, r)
		if err != nil {
			writeError(w, http.StatusBadRequest, err.Error())
			return
		}
		start := time.Now()
		err = faults.Do(r.Context(), f)
		actions.Note(start, f, err)
		switch {
		case errors.Is(err, ErrBadFault):
			writeError(w, http.StatusBadRequest, err.Error())
		case err != nil:
			writeError(w, http.StatusConflict, err.Error())
		default:
			writeJSON(w, http.StatusOK, map[string]string{"done": f.String()})
		}
	})
}

// ownName reports whether the name that a browser calls this server by is not one that a stranger may have led to
// the loopback address, to make his page one of the same origin.
func ownName(r *http.Request) bool {
	if r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" {
		return true // no browser
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return true
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	host = strings.Trim(host, "[]")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host) != nil
}

func readFault(w http.ResponseWriter, r *http.Request) (Fault, error) {
	var f Fault
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFault))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return f, fmt.Errorf("the body: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return f, errors.New("the body: more than one JSON object")
	}
	return f, nil
}

// maxActions is how many actions are kept.
const maxActions = 256

// Actions keeps what was asked for, for the time line of every page. Safe for use by many goroutines; nil keeps
// nothing.
type Actions struct {
	mu      sync.Mutex
	last    int // number of the newest
	lines   [][]byte
	changed chan struct{} // closed soon after the next one
	telling bool          // a timer runs that closes it
}

// actionPatience is how long those who show an action wait: what it causes, an election say, is not to share its
// processors with a hundred open pages.
const actionPatience = 100 * time.Millisecond

// NewActions keeps nothing yet.
func NewActions() *Actions { return &Actions{changed: make(chan struct{})} }

// actionEvent is the name of the line of an action.
const actionEvent = "Action"

// action is one line: the form of an event, so that it can stand in a recording. Readers of recordings skip
// events that they do not know.
type action struct {
	Time   time.Time  `json:"time"`
	SID    quorum.SID `json:"sid"` // of the fault; 0 when it means all
	Event  string     `json:"event"`
	Number int        `json:"number"`
	Text   string     `json:"text"`
	Fault  Fault      `json:"fault"`
	Detail string     `json:"detail"` // why it was not done; empty: it was
}

// Note keeps that f was asked for at a time, and what came of it.
func (a *Actions) Note(at time.Time, f Fault, err error) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last++
	line := action{Time: at.UTC(), Event: actionEvent, Number: a.last, Text: f.String(), Fault: f}
	if f.SID != nil {
		line.SID = *f.SID
	}
	if err != nil {
		line.Detail = err.Error()
	}
	raw, err := json.Marshal(line)
	if err != nil {
		panic(err) // a struct of texts and numbers
	}
	a.lines = append(a.lines, raw)
	if len(a.lines) > maxActions {
		a.lines = a.lines[1:]
	}
	if !a.telling {
		a.telling = true
		time.AfterFunc(actionPatience, a.tell)
	}
}

// tell wakes those who wait.
func (a *Actions) tell() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.telling = false
	close(a.changed)
	a.changed = make(chan struct{})
}

// after gives the actions after the number seen, the number of the newest, and what is closed soon after the next one.
func (a *Actions) after(seen int) (lines [][]byte, last int, more <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := min(len(a.lines), a.last-seen)
	return append([][]byte(nil), a.lines[len(a.lines)-n:]...), a.last, a.changed
}
