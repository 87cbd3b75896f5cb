package durable

import (
	"fmt"
	"io"
	"strings"

	"electnode/internal/quorum"
)

// Report is what a data directory tells.
type Report struct {
	DataDir    string `json:"data_dir"`
	DataLogDir string `json:"data_log_dir"`

	SID           *quorum.SID   `json:"sid"`                   // of myid; null when it cannot be had
	AcceptedEpoch *quorum.Epoch `json:"accepted_epoch,string"` // null when it cannot be had
	CurrentEpoch  *quorum.Epoch `json:"current_epoch,string"`  // null when it cannot be had

	Snapshots      []SnapshotFile `json:"snapshots"` // newest first
	NewestSnapshot string         `json:"newest_snapshot,omitempty"`
	Logs           []LogFile      `json:"logs"` // newest first
	// LastTransaction is the last complete one of the newest log that has one.
	LastTransaction *Transaction `json:"last_transaction"`
	LastZxid        string       `json:"last_zxid"`

	// Vote is what this server would propose in an election; null when it would not start.
	Vote *ReportedVote `json:"vote"`

	Problems []string `json:"problems"` // what is wrong; none for a sound directory
	Notes    []string `json:"notes"`    // what is worth knowing and not wrong

	lastZxid quorum.Zxid
}

// ReportedVote is the vote of a server that starts from a directory.
type ReportedVote struct {
	Leader    quorum.SID   `json:"leader"`
	Zxid      string       `json:"zxid"`
	PeerEpoch quorum.Epoch `json:"peer_epoch,string"`
}

// Sound reports whether nothing is wrong with the directory.
func (r *Report) Sound() bool { return len(r.Problems) == 0 }

func (r *Report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// WriteText prints the report for people.
func (r *Report) WriteText(w io.Writer) error {
	var s strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&s, "%-18s %s\n", label, fmt.Sprintf(format, args...))
	}
	line("directory", "%s", r.DataDir)
	if r.DataLogDir != r.DataDir {
		line("logs in", "%s", r.DataLogDir)
	}
	line("server id", "%s", orUnknown(r.SID))
	line("accepted epoch", "%s", orUnknown(r.AcceptedEpoch))
	line("current epoch", "%s", orUnknown(r.CurrentEpoch))
	for _, f := range r.Snapshots {
		line("snapshot", "%s, %d bytes, %s", f.Name, f.Bytes, f.verdict())
	}
	for _, f := range r.Logs {
		line("log", "%s, %d bytes, %s", f.Name, f.Bytes, f.verdict())
	}
	if t := r.LastTransaction; t != nil {
		line("last transaction", "%s %s of session %s at %s in %s", t.Zxid, t.Type, t.Session,
			t.Time.Format("2006-01-02T15:04:05.000Z07:00"), t.Log)
	}
	line("last zxid", "%s", r.LastZxid)
	if v := r.Vote; v != nil {
		line("would vote", "(%s %s %s): leader, zxid, epoch", v.Leader, v.Zxid, v.PeerEpoch)
	} else {
		line("would vote", "not at all")
	}
	for _, n := range r.Notes {
		line("note", "%s", n)
	}
	for _, p := range r.Problems {
		line("problem", "%s", p)
	}
	if r.Sound() {
		line("sound", "nothing is wrong with it")
	}
	_, err := io.WriteString(w, s.String())
	return err
}

func orUnknown[T fmt.Stringer](v *T) string {
	if v == nil {
		return "-"
	}
	return (*v).String()
}

func (f *SnapshotFile) verdict() string {
	switch {
	case f.Problem != "":
		return f.Problem
	case f.Valid == nil:
		return "not looked into"
	default:
		return "complete"
	}
}

func (f *LogFile) verdict() string {
	verdict := "not looked into"
	if f.Transactions != nil {
		verdict = fmt.Sprintf("%d complete transactions", *f.Transactions)
	}
	if f.TornTail {
		verdict += ", the last one is incomplete"
	}
	if f.Problem != "" {
		verdict += ", " + f.Problem
	}
	return verdict
}
