package observe

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"
)

// soon is within how long of the death of a majority a scrape of the watcher says that there is no leader.
const soon = time.Second

// tries is how often that is tried on a machine that had other things to do.
const tries = 3

// waits are the times that alerts wait in the committed rules.
var waits = regexp.MustCompile(`\b(for|keep_firing_for): \d+[smh]\n`)

// hasty writes the committed rules, with alerts that wait a second, and gives the files.
func hasty(t testing.TB) []string {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"rules.yml", "alerts.yml"} {
		raw, err := os.ReadFile(filepath.Join(root, "dashboards/prometheus", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "alerts.yml" && !waits.Match(raw) {
			t.Fatalf("%s has no alert that waits", name)
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, waits.ReplaceAll(raw, []byte("$1: 1s\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// scraped starts a Prometheus that scrapes the watcher and has the committed rules.
func (e *foreign) scraped() *Prometheus {
	e.t.Helper()
	config := ScrapeConfig(scrape, e.metrics)
	job := strings.Replace(config, "job_name: electnode\n", "job_name: electnode-watch\n", 1)
	if job == config {
		e.t.Fatalf("no job electnode in %s", config)
	}
	return StartPrometheus(e.t, root, fmt.Sprintf("rule_files: [%s]\n%s", strings.Join(hasty(e.t), ", "), job))
}

// firing lists the alerts that fire, the watchdog aside, ascending.
func firing(p *Prometheus) ([]string, error) {
	var data struct {
		Alerts []struct {
			State  string
			Labels map[string]string
		}
	}
	err := getJSON(p.URL+"/api/v1/alerts", &data)
	var names []string
	for _, a := range data.Alerts {
		name := a.Labels["alertname"]
		if a.State != "firing" || name == "ElectnodeWatchdog" {
			continue
		}
		names = append(names, strings.Trim(name+" "+a.Labels["server"], " "))
	}
	slices.Sort(names)
	return names, err
}

// fires waits until exactly these alerts fire.
func fires(t testing.TB, p *Prometheus, want ...string) {
	t.Helper()
	proc.Eventually(t, patience, fmt.Sprintf("%q fire", want), func() error {
		got, err := firing(p)
		if err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("%q do", got)
		}
		return err
	})
}

// TestWatchedEnsemble has a real Prometheus, with the committed rules, look at three real ZooKeeper servers through
// a watcher. Nothing fires while they are well; when a majority is killed there is no leader within a second, and
// who is on call is told so, and which servers are down; all is well when they are back.
func TestWatchedEnsemble(t *testing.T) {
	t.Parallel()
	e := newForeign(t)
	p := e.scraped()
	e.start()
	var took []time.Duration
	for range tries {
		leader := e.led()
		e.serving()
		fires(t, p)
		seenByPrometheus(t, p, map[string]float64{"electnode_watch_has_leader": 1, "electnode_watch_leader_sid": float64(leader),
			"sum(electnode_watch_up)": 3, "electnode_watch_voters": 3, "electnode_watch_blind": 0,
			`sum(electnode_watch_server_state{state="FOLLOWING"})`: 2})
		took = append(took, e.majorityDies(p, leader))
		if took[len(took)-1] <= soon {
			t.Logf("no leader seen %s after the majority was killed", took)
			return
		}
	}
	t.Errorf("no leader seen only %s after the majority was killed, limit %s", took, soon)
}

// majorityDies kills the leader and another server and brings them back; the answer is how long it took until a
// scrape of the watcher said that there is no leader.
func (e *foreign) majorityDies(p *Prometheus, leader int) time.Duration {
	e.t.Helper()
	other := leader%3 + 1
	killed := time.Now()
	e.servers[leader-1].Kill()
	e.servers[other-1].Kill()
	proc.Every(e.t, 10*time.Millisecond, patience, "a scrape says that there is no leader", func() error {
		n, err := e.shown("electnode_watch_has_leader")
		if err == nil && n != 0 {
			err = fmt.Errorf("has_leader is %g", n)
		}
		return err
	})
	took := time.Since(killed)

	down := []string{fmt.Sprintf("ElectnodeWatchServerDown %d", leader), fmt.Sprintf("ElectnodeWatchServerDown %d", other)}
	slices.Sort(down)
	fires(e.t, p, append([]string{"ElectnodeWatchBlind", "ElectnodeWatchNoLeader"}, down...)...)
	seenByPrometheus(e.t, p, map[string]float64{"electnode_watch_has_leader": 0, "electnode_watch_leader_sid": -1,
		"electnode_watch_leaderless": 1, "sum(electnode_watch_up)": 1, "electnode_watch_conflicting_leaders": 0,
		"increase(electnode_watch_leaderless_seconds_total[1m]) > bool 0":                    1,
		`sum(increase(electnode_watch_probe_failures_total{reason="refused"}[1m]) > bool 0)`: 2})
	e.start()
	e.led()
	e.serving()
	fires(e.t, p)
	seenByPrometheus(e.t, p, map[string]float64{"electnode_watch_has_leader": 1, "electnode_watch_leaderless": 0})
	return took
}

// seenByPrometheus waits until expressions have these values.
func seenByPrometheus(t testing.TB, p *Prometheus, want map[string]float64) {
	t.Helper()
	for expr, value := range want {
		proc.Eventually(t, patience, fmt.Sprintf("%s is %g", expr, value), func() error {
			n, err := p.Number(expr)
			if err == nil && n != value {
				err = fmt.Errorf("it is %g", n)
			}
			return err
		})
	}
}
