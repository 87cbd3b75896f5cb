package durable

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"hash/adler32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
)

// snapshot makes the bytes of a snapshot: header, some content, checksum and end mark.
func snapshot(content string) string {
	b := binary.BigEndian.AppendUint32(nil, snapshotMagic)
	b = binary.BigEndian.AppendUint32(b, snapshotVersion)
	b = binary.BigEndian.AppendUint64(b, 1<<64-1)
	b = append(b, content...)
	b = binary.BigEndian.AppendUint64(b, uint64(adler32.Checksum(b)))
	return string(append(b, 0, 0, 0, 1, '/'))
}

// txn makes one record of a log.
func txn(zxid uint64, content string) string {
	body := binary.BigEndian.AppendUint64(nil, 0x1000) // session
	body = binary.BigEndian.AppendUint32(body, 7)
	body = binary.BigEndian.AppendUint64(body, zxid)
	body = binary.BigEndian.AppendUint64(body, 1700000000000)
	body = binary.BigEndian.AppendUint32(body, 5)
	body = append(body, content...)
	b := binary.BigEndian.AppendUint64(nil, uint64(adler32.Checksum(body)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return string(append(append(b, body...), recordEnd))
}

// log makes the bytes of a log with space allocated ahead.
func log(records ...string) string {
	b := binary.BigEndian.AppendUint32(nil, logMagic)
	b = binary.BigEndian.AppendUint32(b, logVersion)
	b = binary.BigEndian.AppendUint64(b, 0)
	return string(b) + strings.Join(records, "") + strings.Repeat("\x00", 4096)
}

func zipped(t *testing.T, content string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestInspect(t *testing.T) {
	type files map[string]string
	server := func(more files) files {
		f := files{"myid": "3\n", "version-2/acceptedEpoch": "6", "version-2/currentEpoch": "5", "version-2/snapshot.0": snapshot("x")}
		for name, content := range more {
			if f[name] = content; content == "-" {
				delete(f, name)
			}
		}
		return f
	}
	record := txn(0x500000001, "abc")
	flipped := strings.Replace(record, "abc", "abd", 1)
	for _, c := range []struct {
		name     string
		files    files
		vote     string
		problems []string // a part of each
		notes    []string
	}{
		{"fresh", server(nil), "(3 0x0 5)", nil, nil},
		{"an electnode", server(files{"version-2/snapshot.0": "-"}), "(3 0x0 5)", nil, nil},
		{"nothing yet", files{"myid": "3"}, "(3 0x0 0)", nil, []string{"no server has started", "acceptedEpoch is missing", "currentEpoch is missing"}},
		{"a log", server(files{"version-2/log.500000001": log(record, txn(0x500000002, ""))}), "(3 0x500000002 5)", nil, nil},
		{"a snapshot above the log", server(files{"version-2/log.400000001": log(txn(0x400000001, "")), "version-2/snapshot.500000000": snapshot("y")}),
			"(3 0x500000000 5)", nil, nil},
		{"a compressed snapshot", server(files{"version-2/snapshot.500000007.gz": zipped(t, snapshot("y"))}), "(3 0x500000007 5)", nil, nil},
		{"a snappy snapshot", server(files{"version-2/snapshot.500000008.snappy": "\x82SNAPPY\x00..."}), "(3 0x500000008 5)", nil, nil},
		{"the newest log has no transaction", server(files{"version-2/log.400000001": log(txn(0x400000001, "")), "version-2/log.400000009": log()}),
			"(3 0x400000001 5)", nil, nil},
		{"a torn tail", server(files{"version-2/log.500000001": log(record, record[:30])}), "(3 0x500000001 5)", nil, []string{"incomplete transaction"}},
		{"a tail without end", server(files{"version-2/log.500000001": strings.TrimRight(log(record, record[:30]), "\x00")}), "(3 0x500000001 5)", nil,
			[]string{"incomplete transaction"}},
		{"an empty log", server(files{"version-2/log.500000001": ""}), "(3 0x0 5)", nil, []string{"incomplete transaction"}},
		{"a wrong checksum", server(files{"version-2/log.500000001": log(record, flipped)}), "", []string{"log.500000001 a transaction (zxid 0x500000001"}, nil},
		{"zxids going down", server(files{"version-2/log.500000001": log(record, record)}), "", []string{"zxid 0x500000001 follows zxid 0x500000001"}, nil},
		{"no log at all", server(files{"version-2/log.500000001": strings.Repeat("x", 100)}), "", []string{"not with the mark of a log"}, nil},
		{"a log of the future", server(files{"version-2/log.500000001": "ZKLG\x00\x00\x00\x03" + strings.Repeat("\x00", 8)}), "", []string{"has version 3"}, nil},
		{"the newest snapshot is cut off", server(files{"version-2/snapshot.500000001": snapshot("abc")[:20]}), "(3 0x0 5)", []string{"snapshot.500000001 is cut off"}, nil},
		{"a snapshot with a wrong byte", server(files{"version-2/snapshot.500000001": strings.Replace(snapshot("abc"), "abc", "abd", 1)}), "(3 0x0 5)",
			[]string{"snapshot.500000001 has the checksum"}, nil},
		{"no snapshot is complete", server(files{"version-2/snapshot.0": ""}), "", []string{"too short", "no snapshot is complete"}, nil},
		{"logs without a snapshot", server(files{"version-2/snapshot.0": "-", "version-2/log.1": log(txn(1, ""))}), "", []string{"without any snapshot"}, nil},
		{"a lost promise", server(files{"version-2/acceptedEpoch": "4"}), "", []string{"a promise was lost"}, nil},
		{"no acceptedEpoch", server(files{"version-2/acceptedEpoch": "-"}), "", []string{"would be made 0, below currentEpoch 5"}, []string{"acceptedEpoch is missing"}},
		{"no epochs", server(files{"version-2/acceptedEpoch": "-", "version-2/currentEpoch": "-", "version-2/log.500000001": log(record)}),
			"(3 0x500000001 5)", nil, []string{"acceptedEpoch is missing", "currentEpoch is missing"}},
		{"an empty epoch", server(files{"version-2/currentEpoch": ""}), "", []string{"currentEpoch: is empty"}, nil},
		{"history above the epoch", server(files{"version-2/log.700000001": log(txn(0x700000001, ""))}), "", []string{"above currentEpoch 5"}, nil},
		{"an epoch not renamed", server(files{"version-2/log.600000001": log(txn(0x600000001, "")), "version-2/currentEpoch.tmp": "6"}),
			"(3 0x600000001 6)", nil, []string{"takes 6 from currentEpoch.tmp"}},
		{"a server that may have lost its data", files{"myid": "3", "version-2/acceptedEpoch": "-1", "version-2/currentEpoch": "-1"},
			"(3 0xffffffffffffffff -1)", nil, []string{"may have lost", "may have lost"}},
		{"no myid", server(files{"myid": "-"}), "", []string{"myid is missing"}, nil},
		{"a bad myid", server(files{"myid": "x"}), "", []string{`myid "x" is not a number`}, nil},
		{"other files", server(files{"version-2/core": "", "version-2/snapshot.5.tmp": "", "version-2/acceptedEpoch.tmp": "9"}), "(3 0x0 5)", nil,
			[]string{"left over", "core is no file", "left over"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range c.files {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r, err := Inspect(dir, "")
			if err != nil {
				t.Fatal(err)
			}
			vote := ""
			if r.Vote != nil {
				vote = "(" + r.Vote.Leader.String() + " " + r.Vote.Zxid + " " + r.Vote.PeerEpoch.String() + ")"
			}
			if vote != c.vote {
				t.Errorf("vote %s, want %s", vote, c.vote)
			}
			mentions(t, "problems", r.Problems, c.problems)
			mentions(t, "notes", r.Notes, c.notes)
			if r.Sound() != (len(c.problems) == 0) {
				t.Errorf("sound %t", r.Sound())
			}
			if _, err := json.Marshal(r); err != nil {
				t.Error(err)
			}
			var s strings.Builder
			if err := r.WriteText(&s); err != nil || strings.Contains(s.String(), "%!") {
				t.Errorf("%v\n%s", err, s.String())
			}
		})
	}
}

func mentions(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %q, want %q", what, got, want)
		return
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("%s: %q, want %q", what, got[i], want[i])
		}
	}
}

func TestInspectLogsElsewhere(t *testing.T) {
	data, logs := t.TempDir(), t.TempDir()
	for path, content := range map[string]string{
		data + "/version-2/snapshot.0": snapshot(""), data + "/version-2/log.1": log(), logs + "/version-2/log.100000001": log(txn(0x100000001, "")),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Inspect(data, logs)
	if err != nil {
		t.Fatal(err)
	}
	if r.LastZxid != "0x100000001" {
		t.Errorf("last zxid %s", r.LastZxid)
	}
	mentions(t, "problems", r.Problems, []string{"log.1 is in the wrong directory", "myid is missing"})
	if _, err := Inspect(filepath.Join(data, "none"), ""); err == nil {
		t.Error("no directory, no error")
	}
}

// TestInspectARealDirectory reads what ZooKeeper 3.8.0 left behind: two epochs, each with a log (only the
// space allocated ahead was cut), and killed with -9.
func TestInspectARealDirectory(t *testing.T) {
	dir := filepath.Join("testdata", "zookeeper-3.8.0")
	r, err := Inspect(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	if err := r.WriteText(&s); err != nil {
		t.Fatal(err)
	}
	want := `directory          testdata/zookeeper-3.8.0
server id          1
accepted epoch     2
current epoch      2
snapshot           snapshot.100000004, 639 bytes, complete
snapshot           snapshot.0, 525 bytes, not looked into
log                log.200000001, 638 bytes, 2 complete transactions
log                log.100000001, 826 bytes, not looked into
last transaction   0x200000002 error of session 0x100002b15470000 at 2026-11-22T17:57:38.632Z in log.200000001
last zxid          0x200000002
would vote         (1 0x200000002 2): leader, zxid, epoch
sound              nothing is wrong with it
`
	if diff := cmp.Diff(want, s.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, name := range []string{"snapshot.0", "snapshot.100000004"} {
		if err := checkSnapshot(filepath.Join(dir, versionDir, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	first := scanLog(filepath.Join(dir, versionDir, "log.100000001"), "")
	if first.count != 4 || first.last.zxid != 0x100000004 || first.torn || first.problem != "" {
		t.Errorf("%+v", first)
	}
	if _, _, err := Open(OS{}, dir, ""); err == nil || !strings.Contains(err.Error(), "with the id 1") {
		t.Errorf("opened a server's directory: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, lockName)); err == nil {
		t.Error("a file was left in a server's directory")
	}
}

// TestEveryCutOfALog: however much of a log is missing, what is complete is found, and nothing else.
func TestEveryCutOfALog(t *testing.T) {
	records := []string{txn(1, "a"), txn(2, "bc"), txn(3, "")}
	whole := strings.TrimRight(log(records...), "\x00")
	path := filepath.Join(t.TempDir(), "log.1")
	for cut := range len(whole) {
		if err := os.WriteFile(path, []byte(whole[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		want, end := 0, 16
		for _, r := range records {
			if end += len(r); cut >= end {
				want++
			}
		}
		if got := scanLog(path, ""); got.count != want || got.problem != "" || got.last.zxid != quorum.Zxid(want) {
			t.Fatalf("%d bytes: %+v, want %d", cut, got, want)
		}
	}
}
