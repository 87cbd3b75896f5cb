package system

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// busy is the time that all threads of a process have spent on a processor.
func busy(t testing.TB, pid int) time.Duration {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("threads of %d: %v, %v", pid, threads, err)
	}
	var sum time.Duration
	for _, thread := range threads {
		raw, err := os.ReadFile(thread)
		if err != nil {
			t.Fatal(err)
		}
		ns, err := strconv.ParseInt(strings.Fields(string(raw))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

// TestSettledCosts takes what a settled server uses while nobody asks it anything: less than half a percent
// of a processor, less than 30 MiB.
func TestSettledCosts(t *testing.T) {
	const during, share, mib = 6 * time.Second, 0.005, 30
	e := newEnsemble(t, 3, "tickTime=2000\ninitLimit=10\nsyncLimit=5\n")
	leader, _ := e.start()
	pids := make([]int, len(e.servers))
	before := make([]time.Duration, len(e.servers))
	for i, s := range e.servers {
		pids[i] = s.pid(t)
		before[i] = busy(t, pids[i])
	}
	begun := time.Now()
	timer := time.NewTimer(during)
	defer timer.Stop()
	<-timer.C // nothing is waited for: this is the time in which nothing happens
	passed := time.Since(begun)
	for i, s := range e.servers {
		used := float64(busy(t, pids[i])-before[i]) / float64(passed)
		rss := s.memory(t, "VmRSS")
		t.Logf("server %d (leader is %d): %.3f %% of a processor, %.1f MiB", s.SID, leader.SID, 100*used, float64(rss)/1024)
		if used >= share {
			t.Errorf("server %d uses %.3f %% of a processor, want less than %.1f %%", s.SID, 100*used, 100*share)
		}
		if rss >= mib<<10 {
			t.Errorf("server %d has %d KiB, want less than %d MiB", s.SID, rss, mib)
		}
	}
}
