package durable

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"electnode/internal/quorum"
)

// Inspect reads the data directory of a ZooKeeper server or of an electnode; dataLogDir, empty for the
// same, is where the logs are. It writes nothing, and its memory does not grow with the files. The error
// means that the directory cannot be read; everything else that is wrong is in the report.
// Rules: FileTxnSnapLog, QuorumPeer.loadDataBase.
func Inspect(dataDir, dataLogDir string) (Report, error) {
	if dataLogDir == "" {
		dataLogDir = dataDir
	}
	r := Report{DataDir: dataDir, DataLogDir: dataLogDir, Snapshots: []SnapshotFile{}, Logs: []LogFile{},
		Problems: []string{}, Notes: []string{}}
	i := inspection{Report: &r, snapDir: filepath.Join(dataDir, versionDir), logDir: filepath.Join(dataLogDir, versionDir)}
	if _, err := os.ReadDir(dataDir); err != nil {
		return r, fmt.Errorf("%s: %w", dataDir, bare(err))
	}
	if err := i.list(); err != nil {
		return r, err
	}
	i.identity()
	i.snapshots()
	i.logs()
	i.vote()
	return r, nil
}

// inspection is the state of one Inspect.
type inspection struct {
	*Report
	snapDir, logDir string
	tmpEpoch        *quorum.Epoch // of currentEpoch.tmp
	unusable        bool          // the server would not start
}

// refuse notes a problem with which the server does not start.
func (i *inspection) refuse(format string, args ...any) {
	i.problem(format, args...)
	i.unusable = true
}

// list finds the files.
func (i *inspection) list() error {
	seen := map[string]bool{}
	for _, dir := range []string{i.snapDir, i.logDir} {
		if seen[dir] {
			continue
		}
		seen[dir] = true
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			i.note("%s does not exist: no server has started here yet", dir)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", dir, bare(err))
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil {
				i.file(dir, e.Name(), info.Size())
			}
		}
	}
	slices.SortFunc(i.Snapshots, func(a, b SnapshotFile) int { return cmp.Compare(b.zxid, a.zxid) })
	slices.SortFunc(i.Logs, func(a, b LogFile) int { return cmp.Compare(b.zxid, a.zxid) })
	return nil
}

// file sorts one file by its name.
func (i *inspection) file(dir, name string, size int64) {
	kind, zxid, ok := parseName(name)
	switch {
	case ok && kind == "snapshot" && dir == i.snapDir:
		i.Snapshots = append(i.Snapshots, SnapshotFile{Name: name, Zxid: quorum.Zxid(zxid).String(), Bytes: size, zxid: zxid})
	case ok && kind == "log" && dir == i.logDir:
		i.Logs = append(i.Logs, LogFile{Name: name, Zxid: quorum.Zxid(zxid).String(), Bytes: size, zxid: zxid})
	case ok:
		i.problem("%s is in the wrong directory, %s", name, dir)
	case name == acceptedName || name == currentName:
	case name == currentName+tmpSuffix:
		if e, found, err := readEpoch(OS{}, filepath.Join(dir, name)); found && err == nil {
			i.tmpEpoch = &e
		}
	case strings.HasSuffix(name, tmpSuffix):
		i.note("%s is left over from a write that did not end", name)
	default:
		i.note("%s is no file of a ZooKeeper server", name)
	}
}

// parseName reads the zxid in a file name: lower-case hex after the first dot, and for snapshots perhaps
// a compression behind.
func parseName(name string) (kind string, zxid int64, ok bool) {
	kind, rest, _ := strings.Cut(name, ".")
	switch kind {
	case "log":
	case "snapshot":
		rest = strings.TrimSuffix(strings.TrimSuffix(rest, ".gz"), ".snappy")
	default:
		return "", 0, false
	}
	zxid, err := strconv.ParseInt(rest, 16, 64)
	return kind, zxid, err == nil
}

// identity reads myid and the epochs.
func (i *inspection) identity() {
	content, err := OS{}.ReadFile(filepath.Join(i.DataDir, "myid"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i.problem("myid is missing: the directory does not say whose it is")
	case err != nil:
		i.problem("myid cannot be read: %v", bare(err))
	default:
		n, err := parseNumber(content)
		if err != nil {
			i.refuse("myid %v", err)
			break
		}
		sid := quorum.SID(n)
		i.SID = &sid
	}
	i.AcceptedEpoch = i.epoch(acceptedName)
	i.CurrentEpoch = i.epoch(currentName)
	if a, c := i.AcceptedEpoch, i.CurrentEpoch; a != nil && c != nil && *a < *c {
		i.refuse("acceptedEpoch %d is below currentEpoch %d: a promise was lost, the server refuses to start", *a, *c)
	}
}

func (i *inspection) epoch(name string) *quorum.Epoch {
	e, found, err := readEpoch(OS{}, filepath.Join(i.snapDir, name))
	switch {
	case err != nil:
		i.refuse("%v; the server refuses to start", err)
	case !found:
		i.note("%s is missing: the server will make it of its last zxid", name)
	case e == -1:
		i.note("%s is -1: the server may have lost its data and waits to be told", name)
		return &e
	default:
		return &e
	}
	return nil
}

// snapshots looks into the snapshots from the newest on, until one is complete.
func (i *inspection) snapshots() {
	for n := range i.Snapshots {
		f := &i.Snapshots[n]
		err := checkSnapshot(filepath.Join(i.snapDir, f.Name))
		valid := err == nil
		if err != nil && !errors.Is(err, errNotChecked) {
			f.Valid, f.Problem = &valid, err.Error()
			i.problem("%s %s", f.Name, f.Problem)
			continue
		}
		if valid {
			f.Valid = &valid
		}
		i.NewestSnapshot = f.Name
		i.lastZxid = quorum.Zxid(f.zxid)
		return
	}
	switch {
	case len(i.Snapshots) > 0:
		i.refuse("no snapshot is complete: the server refuses to start")
	case len(i.Logs) > 0:
		i.refuse("there are logs without any snapshot: the server refuses to start (unless zookeeper.snapshot.trust.empty is true)")
	}
}

// logs reads the logs from the newest on, until one has a complete transaction.
func (i *inspection) logs() {
	for n := range i.Logs {
		f := &i.Logs[n]
		scan := scanLog(filepath.Join(i.logDir, f.Name), f.Name)
		f.Transactions, f.TornTail, f.Problem = &scan.count, scan.torn, scan.problem
		if f.Problem != "" {
			i.refuse("%s %s", f.Name, f.Problem)
		}
		if f.TornTail {
			i.note("%s ends with an incomplete transaction, which the server drops", f.Name)
		}
		if scan.count == 0 {
			continue
		}
		i.LastTransaction = &scan.last
		i.lastZxid = max(i.lastZxid, scan.last.zxid)
		return
	}
}

// vote works out what the server would propose.
func (i *inspection) vote() {
	if i.CurrentEpoch != nil && *i.CurrentEpoch == -1 && len(i.Snapshots)+len(i.Logs) == 0 {
		i.lastZxid = quorum.NoZxid // what a server reports that may have lost its data
	}
	i.LastZxid = i.lastZxid.String()
	of := i.lastZxid.Epoch()
	epoch := of
	if i.CurrentEpoch != nil {
		epoch = *i.CurrentEpoch
		if of > epoch {
			if i.tmpEpoch != nil && *i.tmpEpoch >= of {
				i.note("currentEpoch is behind the last zxid %s; the server takes %d from currentEpoch.tmp", i.lastZxid, *i.tmpEpoch)
				epoch = *i.tmpEpoch
			} else {
				i.refuse("the last zxid %s is of epoch %d, above currentEpoch %d: the server refuses to start", i.lastZxid, of, epoch)
			}
		}
	}
	if i.AcceptedEpoch == nil && i.CurrentEpoch != nil && *i.CurrentEpoch > of {
		i.refuse("acceptedEpoch is missing and would be made %d, below currentEpoch %d: the server refuses to start", of, *i.CurrentEpoch)
	}
	if i.SID == nil || i.unusable {
		return
	}
	i.Vote = &ReportedVote{Leader: *i.SID, Zxid: i.lastZxid.String(), PeerEpoch: epoch}
}
