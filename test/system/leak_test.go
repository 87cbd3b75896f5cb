package system

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"electnode/internal/demo"
	"electnode/internal/event"
	"electnode/internal/quorum"
)

// watcher is a sink that knows whom each server follows, and counts leaders.
type watcher struct {
	mu       sync.Mutex
	leader   map[quorum.SID]event.LeaderEstablished
	leaders  int           // leaders that were established
	starts   int           // elections that servers began
	changing chan struct{} // closed and renewed with every change
}

func newWatcher() *watcher {
	return &watcher{leader: map[quorum.SID]event.LeaderEstablished{}, changing: make(chan struct{})}
}

// Record implements event.Sink.
func (w *watcher) Record(s event.Stamped) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch ev := s.Event.(type) {
	case event.LeaderEstablished:
		w.leader[s.Node] = ev
		if ev.Leader == s.Node {
			w.leaders++
		}
	case event.ElectionStarted:
		w.starts++
		return
	case event.LeaderLost, event.NodeStopped:
		delete(w.leader, s.Node)
	default:
		return
	}
	close(w.changing)
	w.changing = make(chan struct{})
}

// after waits until n servers follow the same leader in an epoch above the given one.
func (w *watcher) after(t testing.TB, epoch quorum.Epoch, n int) (quorum.SID, quorum.Epoch) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		w.mu.Lock()
		votes := map[event.LeaderEstablished]int{}
		for _, ev := range w.leader {
			ev.After = 0
			votes[ev]++
		}
		changing := w.changing
		w.mu.Unlock()
		for ev, count := range votes {
			if count == n && ev.Epoch > epoch {
				return ev.Leader, ev.Epoch
			}
		}
		select {
		case <-changing:
		case <-limit.C:
			t.Fatalf("no leader of %d servers after epoch %d: %v", n, epoch, votes)
		}
	}
}

// counts are the leaders that were established and the elections that servers began.
func (w *watcher) counts() (leaders, starts int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.leaders, w.starts
}

// usage is what a process holds.
type usage struct {
	goroutines, descriptors int
	heap                    uint64
}

func (u usage) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, heap %.2f MiB", u.goroutines, u.descriptors, float64(u.heap)/(1<<20))
}

// take counts once nothing moves any more: the same goroutines and descriptors twenty times in a row.
func take(t testing.TB) usage {
	t.Helper()
	var u usage
	same := 0
	quick(t, "the process settles", func() error {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		now := usage{goroutines: runtime.NumGoroutine(), descriptors: len(fds)}
		if same++; now != u {
			u, same = now, 0
		}
		if same < 20 {
			return fmt.Errorf("%s", now)
		}
		return nil
	})
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.heap = m.HeapAlloc
	return u
}

func do(t testing.TB, e *demo.Ensemble, fault string, args ...any) {
	t.Helper()
	a, err := demo.ParseFault(fmt.Sprintf(fault, args...))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Do(context.Background(), a); err != nil {
		t.Fatal(err)
	}
}

// TestElectionsLeakNothing elects a thousand leaders in one process. The leader resigns or, every tenth
// time, is killed and comes back. What the process holds afterwards is what it held before.
func TestElectionsLeakNothing(t *testing.T) {
	const elections, servers, slack = 1000, 3, 2 << 20
	w := newWatcher()
	seed := uint64(0)
	e, err := demo.Start(demo.Options{Nodes: servers, Sink: w, Seed: func() uint64 { seed++; return seed << 32 }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	leader, epoch := w.after(t, 0, servers)
	elect := func(i int) {
		if i%10 != 0 {
			do(t, e, "resign %d", leader)
			leader, epoch = w.after(t, epoch, servers)
			return
		}
		dead := leader
		do(t, e, "kill %d", dead)
		_, now := w.after(t, epoch, servers-1)
		do(t, e, "restart %d", dead)
		leader, epoch = w.after(t, now-1, servers)
	}
	for i := range 30 {
		elect(i) // so that pools and buffers have their size
	}
	before, begun := take(t), time.Now()
	first, _ := w.counts()
	leaders, starts := first, 0
	for i := 0; leaders-first < elections; i++ {
		elect(i)
		leaders, starts = w.counts()
	}
	after := take(t)
	t.Logf("%d leaders, %d elections of servers, %s; before: %s; after: %s", leaders-first, starts,
		time.Since(begun).Round(time.Millisecond), before, after)
	if after.goroutines != before.goroutines || after.descriptors != before.descriptors || after.heap > before.heap+slack {
		t.Errorf("before: %s; after: %s", before, after)
	}
}
