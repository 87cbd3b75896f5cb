package observe

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"electnode/internal/metrics"
	"electnode/internal/quorum"
	"electnode/internal/watch"
	"electnode/test/proc"
	"electnode/test/zk"
)

// foreign is an ensemble of three real ZooKeeper servers, and somebody who watches it.
type foreign struct {
	t       testing.TB
	servers []*zk.Server
	clients []string // where four-letter words are answered
	watcher *watch.Watcher
	metrics string // where the watcher is scraped, host:port
}

// newForeign prepares the servers, and starts a watcher that knows the election port of one of them.
func newForeign(t testing.TB) *foreign {
	t.Helper()
	zk.Need(t)
	const servers = 3
	e := &foreign{t: t}
	ports := proc.Ports(t, 3*servers)
	var lines strings.Builder
	for i := range servers {
		fmt.Fprintf(&lines, "server.%d=127.0.0.1:%d:%d\n", i+1, ports[3*i], ports[3*i+1])
	}
	for i := range servers {
		client := ports[3*i+2]
		e.clients = append(e.clients, fmt.Sprintf("127.0.0.1:%d", client))
		e.servers = append(e.servers, zk.New(t, i+1, fmt.Sprintf("%sclientPort=%d\nclientPortAddress=127.0.0.1\n%s",
			"tickTime=500\ninitLimit=20\nsyncLimit=10\n", client, lines.String())))
	}
	e.watch(fmt.Sprintf("127.0.0.1:%d", ports[1]))
	return e
}

// watch starts a watcher, which ends with the test.
func (e *foreign) watch(seed string) {
	e.t.Helper()
	m := metrics.NewWatched(metrics.WatchedOptions{Runtime: true})
	target, err := watch.ParseTarget(seed)
	if err != nil {
		e.t.Fatal(err)
	}
	e.watcher, err = watch.New(watch.Options{Targets: []watch.Target{target}, SID: watch.SIDFor(e.t.Name()),
		OnProbe: func(p watch.Probe) { m.Probed("zoo", p) }})
	if err != nil {
		e.t.Fatal(err)
	}
	m.Add("zoo", e.watcher.Status)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	// Owned by the test: ends with ctx, which the end of the test cancels.
	running.Go(func() { e.watcher.Run(ctx) })
	page := httptest.NewServer(m.Handler())
	e.t.Cleanup(func() {
		page.Close()
		cancel()
		running.Wait()
	})
	e.metrics = page.Listener.Addr().String()
}

// start starts those servers that do not run.
func (e *foreign) start() {
	for _, s := range e.servers {
		if !s.Running() {
			s.Start()
		}
	}
}

// led waits until the watcher sees all servers and their leader, and gives its id.
func (e *foreign) led() int {
	e.t.Helper()
	var leader quorum.SID
	proc.Eventually(e.t, patience, "a leader, and all servers in sight", func() error {
		st := e.watcher.Status()
		for _, s := range st.Servers {
			if !s.Up || s.Stale {
				return fmt.Errorf("%+v", s)
			}
		}
		if leader = st.Leader; !st.HasLeader || len(st.Servers) != len(e.servers) {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
	return int(leader)
}

// serving waits until the servers themselves say that they serve, leader and followers.
func (e *foreign) serving() {
	e.t.Helper()
	proc.Eventually(e.t, patience, "every server serves", func() error {
		for i, addr := range e.clients {
			if zk.Mode(addr) == "" {
				return fmt.Errorf("server %d does not", i+1)
			}
		}
		return nil
	})
}

// shown is a series of the ensemble as a scrape of the watcher has it now.
func (e *foreign) shown(series string) (float64, error) {
	body, err := get("http://" + e.metrics + "/metrics")
	if err != nil {
		return 0, err
	}
	name := series + `{ensemble="zoo"} `
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("no %s", name)
}
