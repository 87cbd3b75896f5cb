package durable

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzInspect: whatever stands in the files of a data directory, the report is made, can be written, and changes none of
// them; whoever would vote has an epoch that is not below those of its files.
func FuzzInspect(f *testing.F) {
	f.Add([]byte("1\n"), []byte("2"), []byte("2"), []byte(log(txn(0x200000001, "a"))), []byte(snapshot("x")))
	f.Add([]byte("x"), []byte(""), []byte("-1"), []byte(log(txn(1, "a"))[:40]), []byte(snapshot("x"))[:30])
	real := filepath.Join("testdata", "zookeeper-3.8.0", versionDir)
	zkLog, err := os.ReadFile(filepath.Join(real, "log.200000001"))
	if err != nil {
		f.Fatal(err)
	}
	zkSnapshot, err := os.ReadFile(filepath.Join(real, "snapshot.100000004"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("1"), []byte("2"), []byte("2"), zkLog, zkSnapshot)
	dir := f.TempDir()
	if err := os.Mkdir(filepath.Join(dir, versionDir), 0o700); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, myid, accepted, current, log, snapshot []byte) {
		files := map[string][]byte{"myid": myid, versionDir + "/" + acceptedName: accepted, versionDir + "/" + currentName: current,
			versionDir + "/log.200000001": log, versionDir + "/snapshot.100000004": snapshot}
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r, err := Inspect(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := r.WriteText(io.Discard); err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		if r.Vote != nil && (r.CurrentEpoch != nil && r.Vote.PeerEpoch != *r.CurrentEpoch || r.AcceptedEpoch != nil && *r.AcceptedEpoch < r.Vote.PeerEpoch) {
			t.Errorf("it would vote %+v, and has the epochs %v and %v", *r.Vote, r.AcceptedEpoch, r.CurrentEpoch)
		}
		for name, content := range files {
			if now, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !slices.Equal(now, content) {
				t.Errorf("%s changed, %v", name, err)
			}
		}
	})
}
