package lab

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"
)

var attackTime = flag.Duration("attack", 15*time.Second, "how long TestAttack attacks")

// What one server may take at its worst, and how far it must come down again. docs/limits.md says where the first
// number comes from.
const (
	memoryBound = 64 << 20 // bytes, resident
	settleTime  = 30 * time.Second
	slack       = 8 // goroutines and descriptors that may come and go by themselves
)

// use is what a process holds.
type use struct{ goroutines, descriptors, peak int }

// TestAttack floods all ports of three servers at once, from a host of its own, for -attack: half-open connections,
// garbage, hand-shakes of foreign servers, frames of the largest length, clients that read nothing. Meanwhile the wire
// loses, delays and doubles packets, and a follower is killed and started again now and then. The leader stays in
// office; when it is killed at last, still under attack, another one is there as soon as ever; memory stays under a
// bound, and after the attack goroutines and descriptors are what they were.
func TestAttack(t *testing.T) {
	t.Parallel()
	e := NewEnsemble(t, Options{Program: plainProgram(t), Servers: 3, Seed: *seed,
		Settings: settings + "clientPort=2181\n4lw.commands.whitelist=*\n", Dir: directory(*seed, "attack"),
		Again: fmt.Sprintf("go test ./test/lab -run TestAttack -attack %s -seed %d", *attackTime, *seed)})
	flags := []string{"--web.listen-address", "0.0.0.0:7001", "--log.level", "info"}
	e.Boot(flags...)
	held := e.AwaitAgreement(patience)
	before := map[int]use{}
	for _, n := range e.Nodes {
		before[n.SID] = n.use(t)
	}
	attacker := NewHost(t, 100)
	e.Wire.Join(attacker)
	e.Noise(Fault{Loss: 0.01, Duplicate: 0.01, Delay: time.Millisecond, Jitter: 2 * time.Millisecond})
	var targets []netip.Addr
	for _, n := range e.Nodes {
		targets = append(targets, n.Host.Addr())
	}
	flood := StartFlood(t, attacker, *seed, targets...)
	e.act(Action{Action: "attack", Detail: attackTime.String()})
	peak := underAttack(t, e, held, flags)

	old := held.Leader
	others := slices.DeleteFunc(slices.Clone(e.Nodes), func(n *Node) bool { return n == old })
	begun := time.Now()
	old.Kill()
	e.AwaitAgreement(election+handshake+spare, others...)
	t.Logf("another leader %s after the kill, under attack", time.Since(begun).Round(time.Millisecond))
	old.Boot(flags...)
	e.AwaitAgreement(longestConvergence + spare)

	flood.Stop()
	e.act(Action{Action: "attack over"})
	for _, name := range slices.Sorted(maps.Keys(flood.Counts())) {
		t.Logf("%-36s %7d connections", name, flood.Counts()[name])
		if flood.Counts()[name] == 0 {
			t.Errorf("%s: nothing was done", name)
		}
	}
	for _, n := range e.Nodes {
		settles(t, n, before[n.SID])
		worst := max(peak[n.SID], n.use(t).peak)
		t.Logf("server %d: %.1f MiB at its worst", n.SID, float64(worst)/(1<<20))
		if worst > memoryBound {
			t.Errorf("server %d took %d bytes", n.SID, worst)
		}
	}
	e.Judge()
}

// underAttack lets the attack go on, with a follower killed now and then, and fails when the leader is not the same in
// the same epoch all the time. It gives the most that each server ever held.
func underAttack(t *testing.T, e *Ensemble, held Agreed, flags []string) map[int]int {
	t.Helper()
	const every = 10 * time.Second // between two kills of a follower
	peak := map[int]int{}
	next := time.Now().Add(every / 2)
	var down *Node
	for end := time.Now().Add(*attackTime); time.Now().Before(end); e.Pass(100 * time.Millisecond) {
		now, err := e.Agreement(held.Leader)
		if err != nil || now != held {
			t.Fatalf("server %d led in epoch %s; now: %+v, %v", held.Leader.SID, held.Epoch, now, err)
		}
		switch {
		case time.Now().Before(next):
			continue
		case down == nil:
			all := slices.DeleteFunc(slices.Clone(e.Nodes), func(n *Node) bool { return n == held.Leader })
			down = all[e.Rand.IntN(len(all))]
			peak[down.SID] = max(peak[down.SID], down.use(t).peak)
			down.Kill()
			next = time.Now().Add(time.Second)
		default:
			down.Boot(flags...)
			down = nil
			next = time.Now().Add(every)
		}
	}
	if down != nil {
		down.Boot(flags...)
	}
	if all := e.AwaitAgreement(patience); all != held {
		t.Errorf("server %d led in epoch %s; after the attack: server %d in %s", held.Leader.SID, held.Epoch, all.Leader.SID, all.Epoch)
	}
	for _, n := range e.Nodes {
		peak[n.SID] = max(peak[n.SID], n.use(t).peak)
	}
	return peak
}

// settles waits until a process holds no more than it did before.
func settles(t *testing.T, n *Node, before use) {
	t.Helper()
	proc.Eventually(t, settleTime, fmt.Sprintf("server %d lets go of what the attack made it hold", n.SID), func() error {
		now := n.use(t)
		if now.goroutines > before.goroutines+slack || now.descriptors > before.descriptors+slack {
			return fmt.Errorf("%d goroutines and %d descriptors, before %d and %d", now.goroutines, now.descriptors,
				before.goroutines, before.descriptors)
		}
		return nil
	})
}

// use asks a node and the kernel what it holds; peak is of this life.
func (n *Node) use(t testing.TB) use {
	t.Helper()
	var u use
	proc.Eventually(t, patience, fmt.Sprintf("server %d tells what it holds", n.SID), func() error {
		resp, err := n.Client.Get("http://" + n.HTTP + "/metrics")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = errors.New(resp.Status)
		}
		if err == nil {
			u.goroutines, err = exposed(string(body), "go_goroutines ")
		}
		if err == nil {
			u.descriptors, err = exposed(string(body), "process_open_fds ")
		}
		return err
	})
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.PID()))
	if err != nil {
		t.Fatal(err)
	}
	if u.peak, err = exposed(string(status), "VmHWM:"); err != nil {
		t.Fatal(err)
	}
	u.peak *= 1 << 10
	return u
}

// exposed is the whole number that follows a name at the beginning of a line.
func exposed(text, name string) (int, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	return 0, fmt.Errorf("no %s", name)
}

// plainProgram is electnode without the race detector, whatever the tests have: its memory is measured.
func plainProgram(t testing.TB) string {
	t.Helper()
	path, err := proc.BuildPlain(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}
