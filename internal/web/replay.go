package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/recorder"
	"electnode/internal/traceid"
)

// Limits of a recording.
const (
	maxLine   = 4 << 20   // of one event
	maxReplay = 256 << 20 // of all of them
)

// Recording is what was recorded, as the page shows it: the lines of one node or of several.
type Recording struct {
	lines   [][]byte
	members map[quorum.SID]*recordedMember
	skipped int
	size    int
}

// NewRecording is empty.
func NewRecording() *Recording { return &Recording{members: map[quorum.SID]*recordedMember{}} }

// Read adds the events of JSON lines, or of one election as /api/v1/elections/{id} gives it. name is for errors,
// which name the line. Events of later releases are skipped and counted.
func (r *Recording) Read(in io.Reader, name string) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 64<<10), maxReplay)
	before := len(r.lines)
	for n := 1; lines.Scan(); n++ {
		if err := r.add(lines.Bytes(), true); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if r.size > maxReplay {
			return fmt.Errorf("%s: more than %d MiB", name, maxReplay>>20)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(r.lines) == before {
		return fmt.Errorf("%s: no events in it", name)
	}
	return nil
}

// add takes one line: an event or, if list may be, an object with many. Those have no lists in them: to look for some, again
// and again, would take time without end.
func (r *Recording) add(line []byte, list bool) error {
	var head struct {
		Event    string            `json:"event"`
		Election json.RawMessage   `json:"election"`
		Events   []json.RawMessage `json:"events"`
	}
	if len(line) == 0 {
		return nil
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return fmt.Errorf("no JSON object: %w", err)
	}
	if head.Event == "" && len(head.Events) > 0 && list {
		for _, ev := range head.Events {
			if err := r.add(ev, false); err != nil {
				return err
			}
		}
		return nil
	}
	if len(line) > maxLine {
		return fmt.Errorf("an event of %d bytes", len(line))
	}
	if head.Event != actionEvent {
		s, err := event.ParseJSON(line)
		if errors.Is(err, event.ErrUnknown) {
			r.skipped++
			return nil
		}
		if err != nil {
			return err
		}
		r.member(s.Node).take(s)
	}
	r.size += len(line)
	r.lines = append(r.lines, slices.Clone(line))
	return nil
}

func (r *Recording) member(sid quorum.SID) *recordedMember {
	if r.members[sid] == nil {
		r.members[sid] = &recordedMember{}
	}
	return r.members[sid]
}

// Skipped is how many lines were events of later releases.
func (r *Recording) Skipped() int { return r.skipped }

// Ensemble is the recording as the page shows it.
func (r *Recording) Ensemble(token string, files []string) *Ensemble {
	e := &Ensemble{Kind: KindRecording, Events: &recordedLines{token: token, lines: r.lines}, Files: files}
	for _, sid := range slices.Sorted(maps.Keys(r.members)) {
		e.Members = append(e.Members, r.members[sid])
	}
	return e
}

// recordedLines is a stream to which nothing is added any more.
type recordedLines struct {
	token string
	lines [][]byte
}

// Token implements Events.
func (s *recordedLines) Token() string { return s.token }

// Read implements Events.
func (s *recordedLines) Read(from uint64, limit int) recorder.Batch {
	end := uint64(len(s.lines)) + 1
	if from == 0 || from >= end {
		return recorder.Batch{First: end, Next: end}
	}
	b := recorder.Batch{First: from, Next: from}
	for size := 0; b.Next < end && (size < limit || size == 0); b.Next++ {
		line := s.lines[b.Next-1]
		b.Lines = append(b.Lines, line)
		size += len(line)
	}
	return b
}

// recordedMember is one server of a recording. The page makes all of its elections but the ids of their traces.
type recordedMember struct {
	tracker   traceid.Tracker
	elections []recorder.Summary
}

func (m *recordedMember) take(s event.Stamped) {
	info := m.tracker.Observe(s)
	switch ev := s.Event.(type) {
	case event.ElectionStarted:
		m.elections = append(m.elections, recorder.Summary{ID: fmt.Sprint(len(m.elections) + 1), SID: s.Node,
			Election: s.Election, Ensemble: info.Ensemble, Start: s.Time.UTC(), Reason: ev.Reason, Bad: []string{}})
	case event.LeaderEstablished:
	default:
		return
	}
	// Without the configuration, which a part of a recording lacks, nobody can tell the trace.
	if n := len(m.elections); n > 0 && info.Ensemble != "" {
		m.elections[n-1].TraceID = info.Trace().String()
	}
}

// errRecording is the error of whoever asks a recording how it is now.
var errRecording = errors.New("this is a recording")

// Address implements Member.
func (*recordedMember) Address() string { return "" }

// Status implements Member.
func (*recordedMember) Status(context.Context) (Status, error) { return Status{}, errRecording }

// Elections implements Member.
func (m *recordedMember) Elections(context.Context) ([]recorder.Summary, error) {
	return m.elections, nil
}

// Election implements Member: all that there is of it is in the stream.
func (*recordedMember) Election(context.Context, string) ([][]byte, error) { return nil, ErrNoElection }
