package lab

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

// Action is one thing that the laboratory did, one line of actions.jsonl.
type Action struct {
	Time   time.Time `json:"time"`
	Action string    `json:"action"`
	Seed   uint64    `json:"seed,omitempty"` // of the first one
	SID    int       `json:"sid,omitempty"`
	Peer   int       `json:"peer,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// actions is the file of what was done, each line written at once.
type actions struct {
	t    testing.TB
	file *os.File
}

func newActions(t testing.TB, path string) *actions {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return &actions{t: t, file: file}
}

func (a *actions) write(did Action) error {
	if did.Time.IsZero() {
		did.Time = time.Now().UTC()
	}
	line, err := json.Marshal(did)
	if err != nil {
		return err
	}
	_, err = a.file.Write(append(line, '\n'))
	return err
}

func (a *actions) close() {
	if err := a.file.Close(); err != nil {
		a.t.Error(err)
	}
}
