package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"

	"golang.org/x/sys/unix"
)

// failed is what a node said at the ends of its lives.
func failed(log string) (said []string) {
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "electnode: ") {
			said = append(said, strings.TrimSpace(line))
		}
	}
	return said
}

// forget removes the files that the node would write over, so that its next promise needs room.
func forget(t *testing.T, n *Node) {
	t.Helper()
	n.Host.must(t, "remove what would be written over", func() error {
		files, err := filepath.Glob(filepath.Join(n.DataDir(), "version-2", "*.tmp"))
		if err == nil && len(files) == 0 {
			err = errors.New("there is nothing")
		}
		for _, name := range files {
			err = errors.Join(err, os.Remove(name))
		}
		return err
	})
}

// TestBadDisk: a server whose disk is full, read-only, or does not take an fsync, keeps no promise: it ends with status
// 1 and one line that says which file and why, and the others elect without it. When the disk is well again it starts
// with the epochs that it had, and joins.
func TestBadDisk(t *testing.T) {
	t.Parallel()
	e := NewEnsemble(t, Options{Program: program, Servers: 3, Seed: *seed, Settings: settings,
		Dir: directory(*seed, "bad-disk"), Again: "go test ./test/lab -run TestBadDisk"})
	sick := e.Node(1)
	disk := sick.Host.NewDisk(t, sick.DataDir(), 64<<10)
	syncs := sick.Host.TakeSyncs(t)
	e.Boot()
	e.electWithFullDisk(t, sick, disk)
	for i, c := range []struct {
		name         string
		sicken, heal func()
		says         string
	}{
		{"full", func() { forget(t, sick); disk.Fill() }, disk.Free, "no space left on device"},
		{"read-only", func() { disk.ReadOnly(true) }, func() { disk.ReadOnly(false) }, "read-only file system"},
		{"fsync fails", func() { syncs.Fail(unix.EIO) }, func() { syncs.Fail(0) }, "input/output error"},
	} {
		before := e.AwaitAgreement(patience)
		held := sick.Epochs()
		c.sicken()
		e.act(Action{Action: "disk", SID: sick.SID, Detail: c.name})
		before.Leader.Kill() // an election: there is a promise to write
		before.Leader.Boot()
		if status := sick.Wait(patience); status != 1 {
			t.Fatalf("%s: exit status %d, want 1", c.name, status)
		}
		said := failed(sick.Log())
		if len(said) != i+1 { // one an end
			t.Fatalf("%s: the lines are %q", c.name, said)
		}
		if last := said[i]; !strings.Contains(last, c.says) || !strings.Contains(last, filepath.Join(sick.DataDir(), "version-2", "acceptedEpoch")) {
			t.Errorf("%s: the line is %q, want one with the file and %q", c.name, last, c.says)
		}
		sick.Kill() // it has ended: what is left is to read its disk
		if now := sick.Epochs(); now != held {
			t.Errorf("%s: the disk has %+v, had %+v before", c.name, now, held)
		}
		after := e.AwaitAgreement(patience, e.Node(2), e.Node(3))
		c.heal()
		e.act(Action{Action: "disk", SID: sick.SID, Detail: "well"})
		sick.Boot()
		if back := e.AwaitAgreement(patience); back != after {
			t.Logf("%s: another leader after the server is back: %+v, before %+v", c.name, back, after)
		}
	}
	e.Judge()
}

// TestBadPromise: no promise is kept that the disk does not take, be it acceptedEpoch or currentEpoch, of a learner or of
// the leader itself: the server ends with status 1 and one line, and the others have a leader without it.
func TestBadPromise(t *testing.T) {
	t.Parallel()
	e := NewEnsemble(t, Options{Program: program, Servers: 3, Seed: *seed, Settings: settings,
		Dir: directory(*seed, "bad-promise"), Again: "go test ./test/lab -run TestBadPromise"})
	learner, leader := e.Node(1), e.Node(3) // who wins when all begin anew
	syncs := map[*Node]*Syncs{learner: learner.Host.TakeSyncs(t), leader: leader.Host.TakeSyncs(t)}
	e.Boot()
	ends := map[*Node]int{}
	for _, c := range []struct {
		sick *Node
		file string
	}{{learner, "currentEpoch"}, {leader, "acceptedEpoch"}, {leader, "currentEpoch"}} {
		name := fmt.Sprintf("%s of server %d", c.file, c.sick.SID)
		e.AwaitAgreement(patience)
		for _, n := range e.Nodes {
			n.Kill()
		}
		held := c.sick.Epochs()
		syncs[c.sick].FailOf(c.file, unix.EIO)
		e.act(Action{Action: "disk", SID: c.sick.SID, Detail: "fsync fails: " + c.file})
		leader.Boot()
		proc.Eventually(t, patience, "server 3 looks before the others begin", func() error {
			_, err := leader.Status()
			return err
		})
		e.Boot()
		if status := c.sick.Wait(patience); status != 1 {
			t.Fatalf("%s: exit status %d, want 1", name, status)
		}
		ends[c.sick]++
		said := failed(c.sick.Log())
		if len(said) != ends[c.sick] {
			t.Fatalf("%s: the lines are %q", name, said)
		}
		if last := said[len(said)-1]; !strings.Contains(last, filepath.Join(c.sick.DataDir(), "version-2", c.file)) ||
			!strings.Contains(last, "input/output error") {
			t.Errorf("%s: the line is %q", name, last)
		}
		if state := lastState(c.sick); (state == "LEADING") != (c.sick == leader) {
			t.Errorf("%s: it was %s", name, state)
		}
		c.sick.Kill() // it has ended: what is left is to read its disk
		now := c.sick.Epochs()
		if now.Current != held.Current || c.file == "acceptedEpoch" && now.Accepted != held.Accepted {
			t.Errorf("%s: the disk has %+v, had %+v before", name, now, held)
		}
		others := slices.DeleteFunc(slices.Clone(e.Nodes), func(n *Node) bool { return n == c.sick })
		e.AwaitAgreement(patience, others...)
		syncs[c.sick].Fail(0)
		e.act(Action{Action: "disk", SID: c.sick.SID, Detail: "well"})
		c.sick.Boot()
	}
	e.AwaitAgreement(patience)
	e.Judge()
}

// lastState is the state that a node last said to be in, but for that of looking.
func lastState(n *Node) string {
	last := ""
	for _, l := range n.Lines("state") {
		if to, _ := l["to"].(string); to != "LOOKING" {
			last = to
		}
	}
	return last
}

// electWithFullDisk: a server that has written its epochs before needs no room to write them again.
func (e *Ensemble) electWithFullDisk(t *testing.T, n *Node, disk *Disk) {
	t.Helper()
	for range 2 {
		before := e.AwaitAgreement(patience)
		before.Leader.Kill()
		before.Leader.Boot()
	}
	before := e.AwaitAgreement(patience)
	disk.Fill()
	e.act(Action{Action: "disk", SID: n.SID, Detail: "full, with files to be written over"})
	before.Leader.Kill()
	before.Leader.Boot()
	if after := e.AwaitAgreement(patience); after.Epoch == before.Epoch {
		t.Errorf("epoch %s still", after.Epoch)
	}
	disk.Free()
}

// TestSlowDisk: a server whose fsync hangs does not keep the others from electing, and is no leader that others wait
// for; when the disk takes its fsync at last, the server joins. A disk that is slow, not stuck, only costs its time.
func TestSlowDisk(t *testing.T) {
	t.Parallel()
	e := NewEnsemble(t, Options{Program: program, Servers: 3, Seed: *seed, Settings: settings,
		Dir: directory(*seed, "slow-disk"), Again: "go test ./test/lab -run TestSlowDisk"})
	stuck := e.Node(3) // who would win
	syncs := stuck.Host.TakeSyncs(t)
	e.Boot()
	before := e.AwaitAgreement(patience)
	syncs.Slow(time.Hour)
	e.act(Action{Action: "disk", SID: stuck.SID, Detail: "stuck"})
	asked := syncs.Count()
	for _, n := range []*Node{before.Leader, e.Node(1)} { // both others look again at some time, and with them the stuck one
		n.Kill()
		n.Boot()
	}
	others := []*Node{e.Node(1), e.Node(2)}
	proc.Eventually(t, longestLeaderless(never)+inVain+spare, "the others have a leader without the stuck one", func() error {
		agreed, err := e.Agreement(others...)
		if err == nil && agreed.Leader == stuck {
			err = errors.New("they still follow it")
		}
		if err == nil && syncs.Count() == asked {
			err = errors.New("it had nothing to write")
		}
		return err
	})
	begun := time.Now()
	syncs.Slow(0)
	e.act(Action{Action: "disk", SID: stuck.SID, Detail: "well"})
	e.AwaitAgreement(longestConvergence + spare)
	t.Logf("all agree %s after the disk is well", time.Since(begun).Round(time.Millisecond))

	syncs.Slow(200 * time.Millisecond)
	now := e.AwaitAgreement(patience)
	now.Leader.Kill()
	now.Leader.Boot()
	agreed := e.AwaitAgreement(election + 3*handshake + spare)
	e.act(Action{Action: "agreed", Detail: fmt.Sprintf("server %d in epoch %s", agreed.Leader.SID, agreed.Epoch)})
	e.Judge()
}
