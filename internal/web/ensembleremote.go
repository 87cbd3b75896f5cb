package web

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/recorder"
)

// remote is a member at an address.
type remote struct {
	base   string
	self   quorum.SID // who asks: what it hears of itself does not count
	client *http.Client
	sid    atomic.Pointer[quorum.SID] // of its last good answer
	// These belong to the goroutine that listens.
	last string // id of the last event
	told bool   // an event of it was handed on: one that is missed behind it leaves a hole
}

// errSelf is the answer of the node that asks.
var errSelf = errors.New("this node itself")

// Address implements Member. It has no password.
func (r *remote) Address() string {
	u, err := url.Parse(r.base)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// SID implements Named.
func (r *remote) SID() *quorum.SID { return r.sid.Load() }

// get asks a path; the caller closes the body.
func (r *remote) get(ctx context.Context, path string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+path, nil)
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header
	}
	resp, err := r.client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // without the address, which may have a password
		}
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("%s: %s", path, resp.Status)
	}
	return resp, nil
}

func (r *remote) read(ctx context.Context, path string, most int64) ([]byte, error) {
	resp, err := r.get(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err == nil && int64(len(raw)) > most {
		err = fmt.Errorf("%s: more than %d bytes", path, most)
	}
	return raw, err
}

// Status implements Member.
func (r *remote) Status(ctx context.Context) (Status, error) {
	raw, err := r.read(ctx, "/api/v1/status", peerLine)
	if err != nil {
		return Status{}, err
	}
	var s Status
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("status: %w", err)
	}
	if s.SID == r.self {
		return Status{}, errSelf
	}
	if s.Peers == nil {
		s.Peers = []PeerStatus{}
	}
	r.sid.Store(&s.SID)
	return s, nil
}

// Elections implements Member.
func (r *remote) Elections(ctx context.Context) ([]recorder.Summary, error) {
	raw, err := r.read(ctx, "/api/v1/elections", peerAnswer)
	if err != nil {
		return nil, err
	}
	var list ElectionList
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("elections: %w", err)
	}
	if len(list.Elections) > 0 && list.Elections[0].SID == r.self {
		return nil, errSelf
	}
	return list.Elections, nil
}

// Election implements Member.
func (r *remote) Election(ctx context.Context, id string) ([][]byte, error) {
	raw, err := r.read(ctx, "/api/v1/elections/"+url.PathEscape(id)+"?format=jsonl", peerAnswer)
	if err != nil {
		return nil, err
	}
	lines := [][]byte{}
	for line := range bytes.Lines(raw) {
		if line = bytes.TrimSpace(line); json.Valid(line) {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// stream reads the peer's events behind the last one until the connection ends or is silent for too long. gap is told
// how many are gone.
func (r *remote) stream(ctx context.Context, add func(line []byte), gap func(missed uint64)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := r.get(ctx, "/api/v1/events?from=kept", http.Header{"Last-Event-Id": {r.last}, "Accept": {"text/event-stream"}})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	silence := time.AfterFunc(peerSilence, cancel)
	defer silence.Stop()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 16<<10), peerLine)
	var id, name string
	for lines.Scan() {
		silence.Reset(peerSilence)
		field, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "id":
			id = string(value)
		case "event":
			name = string(value)
		case "data":
			switch {
			case name == "" && r.others(value):
				r.told = true
				add(bytes.Clone(value))
			case name == "gap" && r.told:
				if n := missedOf(value); n > 0 {
					gap(n)
				}
			}
		case "": // the end of a message, or a comment
			name = ""
			r.last = cmp.Or(id, r.last)
		}
	}
	return lines.Err()
}

// peerMissed is how many events a peer can say are gone at once: numbers do not run out.
const peerMissed = 1 << 32

// missedOf is the number in a gap. That of a restart has none and leaves no hole in what is known of the peer: the new
// process begins with its start, or with another gap.
func missedOf(data []byte) uint64 {
	var gap struct {
		Missed uint64 `json:"missed"`
	}
	if json.Unmarshal(data, &gap) != nil {
		return 0
	}
	return min(gap.Missed, peerMissed)
}

// others reports whether a line is an event of another node than the one that asks.
func (r *remote) others(line []byte) bool {
	var head struct {
		SID *quorum.SID `json:"sid"`
	}
	return json.Unmarshal(line, &head) == nil && head.SID != nil && *head.SID != r.self
}
