package system

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"electnode/internal/recorder"
	"electnode/internal/web"
	"electnode/test/proc"
	"electnode/test/zk"
)

// onlooker is one `electnode watch` process.
type onlooker struct {
	*proc.Process
	t    testing.TB
	url  string
	dirs []string // in which it must leave nothing
}

// startWatcher starts a watcher that has directories of its own, and waits until it answers.
func startWatcher(t testing.TB, args ...string) *onlooker {
	t.Helper()
	dir := t.TempDir()
	w := &onlooker{t: t, dirs: []string{filepath.Join(dir, "work"), filepath.Join(dir, "tmp")}}
	for _, d := range w.dirs {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	address := fmt.Sprintf("127.0.0.1:%d", proc.Ports(t, 1)[0])
	w.url = "http://" + address
	w.Process = proc.New(t, "watcher", filepath.Join(dir, "log"))
	cmd := command(append([]string{"watch", "--web.listen-address", address, "--log.format", "json"}, args...)...)
	cmd.Dir, cmd.Env = w.dirs[0], append(os.Environ(), "TMPDIR="+w.dirs[1])
	w.Start(cmd)
	quick(t, "the watcher answers", func() error { _, _, err := w.get("/healthz"); return err })
	return w
}

// get asks a path.
func (w *onlooker) get(path string) (code int, body []byte, err error) {
	resp, err := http.Get(w.url + path)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// status is what /api/v1/watch says of the only ensemble, or of the one below a path.
func (w *onlooker) status(path string) (web.WatchStatus, error) {
	var list web.WatchList
	_, body, err := w.get(path + "/api/v1/watch")
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	if err == nil && len(list.Ensembles) != 1 {
		err = fmt.Errorf("%d ensembles", len(list.Ensembles))
	}
	if err != nil {
		return web.WatchStatus{}, err
	}
	return list.Ensembles[0], nil
}

// sees waits until the watcher sees a leader that is none of those given, and so many servers.
func (w *onlooker) sees(path string, up int, but ...int) (leader int, s web.WatchStatus) {
	w.t.Helper()
	quick(w.t, fmt.Sprintf("a leader and %d servers are seen", up), func() (err error) {
		if s, err = w.status(path); err != nil {
			return err
		}
		n := 0
		for _, o := range s.Servers {
			if o.Up {
				n++
			}
		}
		if !s.HasLeader || n != up || slices.Contains(but, int(*s.Leader)) {
			return fmt.Errorf("%+v", s)
		}
		leader = int(*s.Leader)
		return nil
	})
	return leader, s
}

// series is the value of one series; empty: it is not there.
func (w *onlooker) series(name string) string {
	w.t.Helper()
	_, body, err := w.get("/metrics")
	if err != nil {
		w.t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (.+)$`).FindSubmatch(body)
	if m == nil {
		return ""
	}
	return string(m[1])
}

// leave ends the watcher, which must be quick, clean, and leave nothing behind.
func (w *onlooker) leave(sig os.Signal) {
	w.t.Helper()
	begun := time.Now()
	w.Signal(sig)
	code := w.Wait(patience)
	if took := time.Since(begun); code != 0 || took > 2*time.Second {
		w.t.Errorf("%s ended it after %s with exit status %d", sig, took, code)
	}
	for _, d := range w.dirs {
		if left, err := os.ReadDir(d); err != nil || len(left) != 0 {
			w.t.Errorf("it left %v in %s, %v", left, d, err)
		}
	}
}

// messages counts the log lines with these words.
func (w *onlooker) messages(words ...string) int {
	n := 0
	for line := range strings.Lines(w.Log()) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			n++
		}
	}
	return n
}

// startZooKeeper starts three real servers. Their ports are in threes: client, quorum, election.
func startZooKeeper(t *testing.T) (servers map[int]*zk.Server, ports []int) {
	t.Helper()
	zk.Need(t)
	ports = proc.Ports(t, 9)
	var lines strings.Builder
	for i := range 3 {
		fmt.Fprintf(&lines, "server.%d=127.0.0.1:%d:%d;127.0.0.1:%d\n", i+1, ports[3*i+1], ports[3*i+2], ports[3*i])
	}
	servers = map[int]*zk.Server{}
	for i := range 3 {
		servers[i+1] = zk.New(t, i+1, "tickTime=500\ninitLimit=20\nsyncLimit=10\n"+lines.String())
		servers[i+1].Start()
	}
	return servers, ports
}

// TestWatchRealServers watches three real ZooKeeper servers through the death of two leaders.
func TestWatchRealServers(t *testing.T) {
	t.Parallel()
	servers, ports := startZooKeeper(t)
	w := startWatcher(t, fmt.Sprintf("127.0.0.1:%d", ports[2]), "--name", "prod", "--client-port")
	leader, before := w.sees("", 3)
	if got := w.series(`electnode_watch_has_leader{ensemble="prod"}`); got != "1" {
		t.Errorf("has_leader %q", got)
	}
	if code, body, err := w.get("/readyz"); code != http.StatusOK || err != nil {
		t.Errorf("readyz: %d %s", code, body)
	}
	quick(t, "client ports are asked", func() error {
		s, err := w.status("")
		if err != nil || slices.ContainsFunc(s.Servers, func(o web.WatchedServer) bool { return o.Client == nil || o.Client.Zxid == nil }) {
			return fmt.Errorf("%+v, %w", s, err)
		}
		return nil
	})
	if o := run(t, "status", w.url); o.code != 0 || strings.Count(o.stdout, "FOLLOWING") != 2 || !strings.Contains(o.stdout, "seen from outside; one more voter may be lost") {
		t.Errorf("status: %+v", o)
	}

	servers[leader].Kill()
	second, s := w.sees("", 2, leader)
	if s.LeaderChanges <= before.LeaderChanges || s.LeaderlessTotal <= before.LeaderlessTotal ||
		w.series(`electnode_watch_leader_changes_total{ensemble="prod"}`) == "0" {
		t.Errorf("after the fail-over: %+v", s)
	}
	w.recorded(second)
	if o := run(t, "status", w.url); o.code != 3 || !strings.Contains(o.stdout, "refused") {
		t.Errorf("status with one out of sight: %+v", o)
	}

	servers[second].Kill()
	quick(t, "no leader, and blind", func() error {
		code, body, err := w.get("/readyz")
		if err != nil || code != http.StatusServiceUnavailable || !strings.Contains(string(body), "prod: blind") {
			return fmt.Errorf("%d %s %w", code, body, err)
		}
		if got := w.series(`electnode_watch_has_leader{ensemble="prod"}`); got != "0" {
			return fmt.Errorf("has_leader %q", got)
		}
		return nil
	})
	w.quiet(leader)
	for _, what := range []string{"leader seen", "leader lost", "server down", "blind: a quorum", "server state"} {
		if w.messages(`"ensemble":"prod"`, what) == 0 {
			t.Errorf("no line says %q", what)
		}
	}
	w.leave(syscall.SIGTERM)
	for sid, s := range servers {
		if s.Running() && zk.Word(fmt.Sprintf("127.0.0.1:%d", ports[3*(sid-1)]), "ruok") != "imok" {
			t.Errorf("server %d does not answer", sid)
		}
	}
}

// quiet checks that a server which goes on refusing connections makes no more lines, however often it is dialled.
func (w *onlooker) quiet(sid int) {
	w.t.Helper()
	refusals := func() string {
		return w.series(fmt.Sprintf(`electnode_watch_probe_failures_total{ensemble="prod",reason="refused",server="%d"}`, sid))
	}
	said := 0
	for range 3 {
		said = w.messages(`"reason":"refused"`, fmt.Sprintf(`"peer":%d`, sid))
		before := refusals()
		quick(w.t, "it dials again", func() error {
			if refusals() == before {
				return errors.New(before)
			}
			return nil
		})
	}
	if n := w.messages(`"reason":"refused"`, fmt.Sprintf(`"peer":%d`, sid)); n != said || n == 0 {
		w.t.Errorf("%d lines say that server %d refuses, %d a dial before", n, sid, said)
	}
}

// recorded waits until the election of a leader can be looked at: in the list, event by event, and by the command.
func (w *onlooker) recorded(leader int) {
	w.t.Helper()
	var id string
	quick(w.t, "the election is recorded", func() error {
		var list web.ElectionList
		_, body, err := w.get("/api/v1/elections")
		if err == nil {
			err = json.Unmarshal(body, &list)
		}
		i := slices.IndexFunc(list.Elections, func(e recorder.Summary) bool {
			return int(e.SID) == leader && e.Leader != nil && int(*e.Leader) == leader && e.Established != nil
		})
		if err != nil || i < 0 {
			return fmt.Errorf("%w %s", err, body)
		}
		id = list.Elections[i].ID
		return nil
	})
	if o := run(w.t, "elections", w.url, id); o.code != 0 || !strings.Contains(o.stdout, "LOOKING because of") || !strings.Contains(o.stdout, "ESTABLISHED") {
		w.t.Errorf("elections %s: %+v", id, o)
	}
}

// TestWatchElectnodes watches an ensemble of electnodes by its zoo.cfg, and beside it one that is not there.
func TestWatchElectnodes(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, defaults)
	leader, epoch := e.start()
	dir := t.TempDir()
	var cfg strings.Builder
	cfg.WriteString(defaults + "dataDir=/nowhere\n")
	for _, s := range e.servers {
		fmt.Fprintf(&cfg, "server.%d=127.0.0.1:%d:%d\n", s.SID, s.quorum, s.election)
	}
	file := filepath.Join(dir, "ensembles.yml")
	for name, text := range map[string]string{file: fmt.Sprintf("- name: prod\n  config: %s/zoo.cfg\n- name: lab\n  targets: [127.0.0.1:%d]\n  interval: 1s\n",
		dir, proc.Ports(t, 1)[0]), filepath.Join(dir, "zoo.cfg"): cfg.String()} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w := startWatcher(t, "--ensembles", file)
	const prod = "/ensembles/prod"
	seen, s := w.sees(prod, 3)
	if seen != leader.SID || *s.Epoch != epoch || slices.ContainsFunc(s.Servers, func(o web.WatchedServer) bool { return !o.Electnode }) {
		t.Errorf("server %d leads in epoch %s, seen is %+v", leader.SID, epoch, s)
	}
	for path, want := range map[string]int{"/": 200, prod + "/": 200, prod + "/readyz": 200, "/ensembles/lab/": 200, "/ensembles/lab/readyz": 503,
		"/readyz": 503, "/api/v1/status": 404, prod + "/api/v1/status": 200, "/api/v1/elections": 200, "/debug/pprof/": 404} {
		if code, body, err := w.get(path); code != want || err != nil {
			t.Errorf("%s: %d, %v, %.200s", path, code, err, body)
		}
	}
	if o := run(t, "status", w.url+prod); o.code != 0 || !strings.Contains(o.stdout, fmt.Sprintf("server %d leads in epoch %s", leader.SID, epoch)) {
		t.Errorf("status: %+v", o)
	}
	if o := run(t, "status", w.url); o.code != 1 || !strings.Contains(o.stdout, "several ensembles are watched, ask one of them: /ensembles/prod /ensembles/lab") {
		t.Errorf("status of several: %+v", o)
	}
	leader.Kill()
	second, _ := w.sees(prod, 2, leader.SID)
	if now, _ := e.established(e.others(leader)...); now.SID != second {
		t.Errorf("server %d leads, seen is %d", now.SID, second)
	}
	w.leave(os.Interrupt)
}
