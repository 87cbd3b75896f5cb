package dashboards

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"electnode/internal/metrics"
	"electnode/internal/quorum"
	"electnode/internal/watch"
)

// watched is the dashboard of ensembles that are seen from outside.
const watched = "watched.json"

// watching are the metrics of a watcher that has asked all members at both their ports.
func watching(view *quorum.View) *metrics.Watched {
	st := watch.Status{View: view}
	for _, m := range view.Members() {
		st.Servers = append(st.Servers, watch.Server{SID: m.SID, Role: m.Role, Client: &watch.ClientInfo{}})
	}
	m := metrics.NewWatched(metrics.WatchedOptions{Build: metrics.Build{Version: "of the watcher"}})
	m.Add("demo", func() watch.Status { return st })
	return m
}

// watcher watches the servers of a configuration until the test ends, as electnode watch does with their client
// ports; the answer is where it is scraped, host:port.
func watcher(t testing.TB, servers string) string {
	t.Helper()
	view, err := quorum.ParseText(servers+"version=0", quorum.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.NewWatched(metrics.WatchedOptions{Runtime: true})
	w, err := watch.New(watch.Options{View: view, SID: watch.SIDFor(t.Name()), Enrich: true,
		OnProbe: func(p watch.Probe) { m.Probed("demo", p) }})
	if err != nil {
		t.Fatal(err)
	}
	m.Add("demo", w.Status)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	// Owned by the test: ends with ctx, which the end of the test cancels.
	running.Go(func() { w.Run(ctx) })
	page := httptest.NewServer(m.Handler())
	t.Cleanup(func() {
		page.Close()
		cancel()
		running.Wait()
	})
	return page.Listener.Addr().String()
}

// watching is the scrape of the watcher, as the demo with real ZooKeeper servers has it.
func (l *live) watching() string {
	l.t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "deploy/prometheus/zookeeper.yml"))
	if err != nil {
		l.t.Fatal(err)
	}
	_, jobs, ok := strings.Cut(string(raw), "scrape_configs:")
	job, _, ok2 := strings.Cut(jobs, "\n  - job_name: prometheus")
	if !ok || !ok2 || !strings.Contains(job, "watch:7000") {
		l.t.Fatalf("the configuration for watchers has another order: %s", raw)
	}
	return strings.ReplaceAll(job, "watch:7000", l.watcher)
}

// watchedTruth checks that what is seen of the same nodes from outside is what happened.
func (l *live) watchedTruth(all []*Dashboard, first, second int) {
	l.t.Helper()
	for title, want := range map[string]float64{
		"Leader (server id)": float64(second), "Is there a leader?": 2, "Failures that can be survived": 1,
		"Is there more than one leader?": 0, "Is the ensemble in sight?": 0, "Alerts firing now": 0, "Leader changes": 1,
		"Servers out of sight": 0, "Servers with a stale leader": 0,
	} {
		l.stat(find(l.t, all, watched, title), want, want)
	}
	l.stat(find(l.t, all, watched, "Time without a leader"), 0.001, patience.Seconds())
	l.lines(find(l.t, all, watched, "What each server said"), first, second,
		func(sid int, labels map[string]string) bool { return labels["server"] == strconv.Itoa(sid) })
}
