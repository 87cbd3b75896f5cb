package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"
)

// What one server of three may hold at its worst, by the bounds of docs/limits.md.
const (
	// memoryBound is resident memory, in bytes. A server that does nothing has 26 MiB. At its worst these are live besides,
	// by the bounds of docs/limits.md: 8 MiB of recordings; 4 of streams (32 clients, 2 batches of 64 KiB each); 12 of
	// connections of HTTP (512, with 16 KiB of header and 8 of buffers); 4 of links of strangers (two times 64, with 32 KiB
	// of frame); 3 of the quorum port (172 connections with 4 KiB of buffer, 4 of packet and two stacks); and 4 of what
	// waits for learners (16 strangers, 256 KiB each). The collector lets those 35 MiB grow to twice as much.
	memoryBound = 96 << 20
	// descriptorBound: half-open connections and links of strangers, either two that change hands; dials to them; the
	// quorum port with those that leave; the client port; HTTP; and what a server has by itself.
	descriptorBound = (64 + 3) + 2*64 + 64 + (96 + 4*3 + 64) + 60 + 512 + ownBound
	// goroutineBound: one for each half-open connection and dial, two for each link and each connection of the quorum
	// port, one for a client, two for each connection of HTTP.
	goroutineBound = (64 + 3) + 2*2*64 + 64 + 2*(96+4*3+64) + 60 + 2*512 + ownBound

	ownBound   = 64
	settleTime = 30 * time.Second
	slack      = 8 // goroutines and descriptors that may come and go by themselves
)

// use is what a process holds; memory is the most it ever did.
type use struct{ goroutines, descriptors, memory int }

// atLeast raises each to that of o.
func (u *use) atLeast(o use) {
	u.goroutines, u.descriptors = max(u.goroutines, o.goroutines), max(u.descriptors, o.descriptors)
	u.memory = max(u.memory, o.memory)
}

// account is what was seen of a server over all its lives.
type account struct {
	before use // the attack
	peak   use
	ended  map[string]int // series of lives that have ended
	now    map[string]int // of the present one
}

func newAccount() *account { return &account{ended: map[string]int{}, now: map[string]int{}} }

// String prints the peaks for people.
func (a *account) String() string {
	return fmt.Sprintf("at its worst %.1f MiB, %d goroutines, %d descriptors", float64(a.peak.memory)/(1<<20),
		a.peak.goroutines, a.peak.descriptors)
}

// look sees what a server holds and has counted.
func (a *account) look(t testing.TB, n *Node) {
	t.Helper()
	text := n.exposition(t)
	a.peak.atLeast(n.useIn(t, text))
	clear(a.now)
	for line := range strings.Lines(text) {
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			if v, err := strconv.ParseFloat(strings.TrimSpace(line[i:]), 64); err == nil {
				a.now[line[:i]] = int(v)
			}
		}
	}
}

// lifeEnds keeps what was counted in a life that ends.
func (a *account) lifeEnds() {
	for series, v := range a.now {
		a.ended[series] += v
	}
	clear(a.now)
}

// count is what a series has come to over all lives, up to the last look at each.
func (a *account) count(series string) int { return a.ended[series] + a.now[series] }

// within fails the test when a server held more than it may.
func (a *account) within(t *testing.T, n *Node) {
	t.Helper()
	t.Logf("server %d: %s", n.SID, a)
	if a.peak.memory > memoryBound || a.peak.goroutines > goroutineBound || a.peak.descriptors > descriptorBound {
		t.Errorf("server %d: %s; the bounds are %d MiB, %d, %d", n.SID, a, memoryBound>>20, goroutineBound, descriptorBound)
	}
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

// wordy fails the test when the log of a server grew faster than it may: of each kind of line 20 at once in each life,
// and then one a second.
func wordy(t *testing.T, n *Node, lives int, lasted time.Duration) {
	t.Helper()
	const burst, spareLines = 20, 10
	most := lives*burst + int(lasted/time.Second) + spareLines
	kinds, lines := map[string]int{}, 0
	for text := range strings.Lines(n.Log()) {
		var l proc.Line
		if json.Unmarshal([]byte(text), &l) != nil {
			continue
		}
		lines++
		kinds[kindOf(l)]++
	}
	loudest := slices.MaxFunc(slices.Collect(maps.Keys(kinds)), func(a, b string) int { return kinds[a] - kinds[b] })
	t.Logf("server %d wrote %d lines of %d kinds in %s and %d lives, %d of the kind %s", n.SID, lines, len(kinds),
		lasted.Round(time.Second), lives, kinds[loudest], loudest)
	for kind, count := range kinds {
		if count > most {
			t.Errorf("server %d wrote %d lines of the kind %s in %s and %d lives, at most %d are allowed", n.SID, count, kind,
				lasted, lives, most)
		}
	}
}

// kindOf is what lines are counted by, see docs/limits.md: all strangers are one.
func kindOf(l proc.Line) string {
	var kind strings.Builder
	fmt.Fprint(&kind, l["msg"])
	for _, key := range []string{"port", "reason", "result", "outcome", "type", "line"} {
		if v, ok := l[key]; ok {
			fmt.Fprintf(&kind, " %s=%v", key, v)
		}
	}
	if peer, ok := l["peer"].(float64); ok && peer >= 1 && peer <= 3 {
		fmt.Fprintf(&kind, " peer=%v", peer)
	}
	return kind.String()
}

// use asks a node and the kernel what it holds.
func (n *Node) use(t testing.TB) use {
	t.Helper()
	return n.useIn(t, n.exposition(t))
}

// useIn is use with what /metrics said.
func (n *Node) useIn(t testing.TB, text string) use {
	t.Helper()
	var u use
	var err error
	if u.goroutines, err = exposed(text, "go_goroutines "); err == nil {
		u.descriptors, err = exposed(text, "process_open_fds ")
	}
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.PID()))
	if err == nil {
		u.memory, err = exposed(string(status), "VmHWM:")
	}
	if err != nil {
		t.Fatal(err)
	}
	u.memory *= 1 << 10
	return u
}

// exposition is what /metrics says.
func (n *Node) exposition(t testing.TB) string {
	t.Helper()
	var text []byte
	proc.Eventually(t, patience, fmt.Sprintf("server %d tells what it holds", n.SID), func() error {
		resp, err := n.Client.Get("http://" + n.HTTP + "/metrics")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err = io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = errors.New(resp.Status)
		}
		return err
	})
	return string(text)
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
