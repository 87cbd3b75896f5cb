package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"electnode/internal/event"
	"electnode/internal/invariant"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// entryKind says what an entry tells.
type entryKind uint8

const (
	kindEvent   entryKind = iota
	kindMissing           // what a server did until then may not be on record
	kindDisk              // what its disk holds
	kindEnd               // all is over, and all of it is here
)

// entry is one thing that happened.
type entry struct {
	at     time.Time
	kind   entryKind
	sid    quorum.SID
	until  time.Time     // kindMissing
	looked bool          // kindMissing: epochs is what the disk held afterwards
	epochs zab.Epochs    // kindDisk, and see looked
	event  event.Stamped // kindEvent
	raw    []byte        // kindEvent: as the node wrote it
}

// tell has the checker judge it.
func (e entry) tell(c *invariant.Checker) error {
	var err error
	switch e.kind {
	case kindMissing:
		hole := invariant.Hole{From: e.at, Until: e.until}
		if e.looked {
			hole.Disk = &e.epochs
		}
		err = c.Missing(e.sid, hole)
	case kindDisk:
		err = c.Durable(e.at, e.sid, e.epochs)
	case kindEnd:
		err = c.Settle()
	default:
		err = c.Event(e.event)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e.at.UTC().Format(time.RFC3339Nano), err)
	}
	return nil
}

func sortEntries(all []entry) {
	slices.SortStableFunc(all, func(a, b entry) int { return a.at.Compare(b.at) })
}

// note is a line that is no node's event. To those who read events it is one of a later release, which they skip.
type note struct {
	Time     time.Time    `json:"time"`
	SID      quorum.SID   `json:"sid"`
	Election int          `json:"election"`
	Event    string       `json:"event"`
	Until    *time.Time   `json:"until,omitempty"`
	Looked   bool         `json:"looked,omitempty"`
	Config   string       `json:"config,omitempty"`
	Accepted quorum.Epoch `json:"accepted_epoch,omitempty"`
	Current  quorum.Epoch `json:"current_epoch,omitempty"`
}

// The names of notes.
const (
	noteConfig  = "LabConfig" // the first line
	noteMissing = "LabMissing"
	noteDisk    = "LabDisk"
	noteEnd     = "LabEnd"
)

func (n note) line() []byte {
	line, err := json.Marshal(n)
	if err != nil {
		panic(err) // it has nothing that cannot be written
	}
	return line
}

func configLine(v *quorum.View) []byte {
	return note{Time: now(), Event: noteConfig, Config: v.Text()}.line()
}

// line is the entry as the file has it.
func (e entry) line() []byte {
	switch e.kind {
	case kindMissing:
		return note{Time: e.at, SID: e.sid, Event: noteMissing, Until: &e.until, Looked: e.looked,
			Accepted: e.epochs.Accepted, Current: e.epochs.Current}.line()
	case kindDisk:
		return note{Time: e.at, SID: e.sid, Event: noteDisk, Accepted: e.epochs.Accepted, Current: e.epochs.Current}.line()
	case kindEnd:
		return note{Time: e.at, Event: noteEnd}.line()
	}
	return e.raw
}

// parseEntry reads a line.
func parseEntry(line []byte) (entry, error) {
	st, err := event.ParseJSON(line)
	if err == nil {
		return entry{at: st.Time, kind: kindEvent, sid: st.Node, event: st, raw: line}, nil
	}
	if !errors.Is(err, event.ErrUnknown) {
		return entry{}, err
	}
	var n note
	if jsonErr := json.Unmarshal(line, &n); jsonErr != nil {
		return entry{}, jsonErr
	}
	e := entry{at: n.Time, kind: kindDisk, sid: n.SID, looked: n.Looked, epochs: zab.Epochs{Accepted: n.Accepted, Current: n.Current}}
	switch {
	case n.Event == noteMissing && n.Until != nil:
		e.kind, e.until = kindMissing, *n.Until
		return e, nil
	case n.Event == noteEnd:
		return entry{at: n.Time, kind: kindEnd}, nil
	case n.Event == noteDisk:
		return e, nil
	}
	return entry{}, err
}

// readHistory reads what a History wrote, and puts it in order of time. The last line may be cut off.
func readHistory(path string) (*quorum.View, []entry, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))
	var first note
	if err := json.Unmarshal(lines[0], &first); err != nil || first.Event != noteConfig {
		return nil, nil, fmt.Errorf("%s: it does not begin with %s", path, noteConfig)
	}
	view, err := quorum.ParseText(first.Config, quorum.ParseOptions{})
	if err != nil {
		return nil, nil, fmt.Errorf("%s:1: %w", path, err)
	}
	var all []entry
	for i, line := range lines[1:] {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		e, err := parseEntry(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			return nil, nil, fmt.Errorf("%s:%d: %w", path, i+2, err)
		}
		all = append(all, e)
	}
	sortEntries(all)
	return view, all, nil
}

// JudgeAgain judges a history from its file. What the tests themselves wanted of it is not in there. Of one without an end,
// whose test was ended from outside, the claims of the last moments stay open.
func JudgeAgain(path string) (invariant.Counts, error) {
	view, all, err := readHistory(path)
	if err != nil {
		return invariant.Counts{}, err
	}
	c := invariant.New(view, grace)
	for _, e := range all {
		if err := e.tell(c); err != nil {
			return c.Counts(), err
		}
	}
	return c.Counts(), nil
}

// arrange puts a history's file in order of time, for those who look at it: it was written as things came.
func arrange(path string) error {
	view, all, err := readHistory(path)
	if err != nil {
		return err
	}
	var text strings.Builder
	text.Write(append(configLine(view), '\n'))
	for _, e := range all {
		text.Write(append(e.line(), '\n'))
	}
	ordered := path + ".new" // whatever happens, one of them is whole
	if err := os.WriteFile(ordered, []byte(text.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(ordered, path)
}
