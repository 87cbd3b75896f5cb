package system

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"
)

// patience is how long anything may take that has no limit of its own, on a machine that is busy.
const patience = 30 * time.Second

// quick looks at a condition every two milliseconds until it holds.
func quick(t testing.TB, what string, cond func() error) {
	t.Helper()
	proc.Every(t, 2*time.Millisecond, patience, what, cond)
}

// server is one electnode process with its ports.
type server struct {
	*proc.Node
	election, quorum, client int
}

// ensemble is some servers with one configuration; sids from 1.
type ensemble struct {
	t       testing.TB
	servers []*server
	calm    time.Time // since when all agree, after start
}

// defaults are the settings of most ensembles here: heartbeats as in production, and time for a machine
// that is busy.
const defaults = "tickTime=2000\ninitLimit=10\nsyncLimit=5\n"

// newEnsemble prepares n servers; settings come in front of the server lines.
func newEnsemble(t testing.TB, n int, settings string) *ensemble {
	t.Helper()
	e := &ensemble{t: t}
	ports := proc.Ports(t, 3*n)
	var lines strings.Builder
	for i := range n {
		e.servers = append(e.servers, &server{election: ports[3*i], quorum: ports[3*i+1], client: ports[3*i+2]})
		fmt.Fprintf(&lines, "server.%d=127.0.0.1:%d:%d\n", i+1, ports[3*i+1], ports[3*i])
	}
	for i, s := range e.servers {
		s.Node = proc.NewNode(t, program, i+1, fmt.Sprintf("%sclientPortAddress=127.0.0.1\nclientPort=%d\n%s",
			settings, s.client, lines.String()))
	}
	return e
}

// start starts all servers, with more flags if given, and waits for their leader.
func (e *ensemble) start(flags ...string) (leader *server, epoch string) {
	e.t.Helper()
	for _, s := range e.servers {
		s.Start(flags...)
	}
	leader, epoch = e.established()
	e.calm = time.Now()
	return leader, epoch
}

func (e *ensemble) server(sid int) *server { return e.servers[sid-1] }

// others are the servers but one.
func (e *ensemble) others(not *server) []*server {
	var all []*server
	for _, s := range e.servers {
		if s != not {
			all = append(all, s)
		}
	}
	return all
}

// established waits until all the given servers (all there are, if none is given) agree on one established
// leader in one epoch.
func (e *ensemble) established(among ...*server) (leader *server, epoch string) {
	e.t.Helper()
	if len(among) == 0 {
		among = e.servers
	}
	quick(e.t, "one established leader", func() error {
		var err error
		leader, epoch, err = e.agree(among)
		return err
	})
	return leader, epoch
}

func (e *ensemble) agree(among []*server) (leader *server, epoch string, err error) {
	for _, s := range among {
		st, err := s.Status()
		switch {
		case err != nil:
			return nil, "", err
		case !st.Established || st.Leader == nil:
			return nil, "", fmt.Errorf("server %d is %s without an established leader", s.SID, st.State)
		case leader != nil && (leader.SID != int(*st.Leader) || epoch != st.CurrentEpoch):
			return nil, "", fmt.Errorf("server %d follows %d in epoch %s, another %d in %s", s.SID, *st.Leader,
				st.CurrentEpoch, leader.SID, epoch)
		}
		leader, epoch = e.server(int(*st.Leader)), st.CurrentEpoch
	}
	return leader, epoch, nil
}

// undisturbed fails the test when the ensemble has another leader or epoch than given, or when any server
// lost its leader or looked for another since all agreed first.
func (e *ensemble) undisturbed(leader *server, epoch string) {
	e.t.Helper()
	if l, now, err := e.agree(e.servers); err != nil || l != leader || now != epoch {
		e.t.Errorf("server %d led in epoch %s; now: %+v, epoch %s, %v", leader.SID, epoch, l, now, err)
	}
	for _, s := range e.servers {
		for _, message := range []string{"leader lost", "election started", "node stopped"} {
			for _, l := range s.Lines(message) {
				if at(e.t, l).After(e.calm) {
					e.t.Errorf("server %d was disturbed: %v", s.SID, l)
				}
			}
		}
	}
}

// code is the HTTP status of a path of a server; 0: no answer.
func code(s *server, path string) int {
	resp, err := http.Get("http://" + s.HTTP + path)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close() // its status is all that matters
	return resp.StatusCode
}

// command is a run of the program.
func command(args ...string) *exec.Cmd { return exec.Command(program, args...) }

// config is the server's zoo.cfg, line by line.
func (s *server) config(t testing.TB) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.Dir, "zoo.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(raw), "\n")
}

// pid finds the server's process by its configuration file.
func (s *server) pid(t testing.TB) int {
	t.Helper()
	lists, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		raw, err := os.ReadFile(list)
		if err != nil {
			continue // it has ended
		}
		if args := strings.Split(string(raw), "\x00"); len(args) > 2 && args[0] == program && strings.HasPrefix(args[2], s.Dir+"/") {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(list)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatal(errors.New("no process of server " + strconv.Itoa(s.SID)))
	return 0
}

// memory is a line of /proc/PID/status in KiB, VmRSS or VmHWM.
func (s *server) memory(t testing.TB, name string) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid(t)))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kib, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib
		}
	}
	t.Fatalf("no %s in %s", name, raw)
	return 0
}
