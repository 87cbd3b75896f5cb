package observe

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/traceid"
	"electnode/test/proc"
)

// patience is how long anything may take that has no limit of its own, on a machine that is busy.
const patience = 60 * time.Second

// settings are those of all ensembles: a leader alone gives up soon, so that its loss is seen soon.
const settings = "tickTime=500\ninitLimit=10\nsyncLimit=4\n"

// server is one electnode process.
type server struct {
	*proc.Node
	election, quorum, client int

	cfg   string // zoo.cfg without dataDir
	flags []string
	env   []string
}

// ensemble is some servers with one configuration; sids from 1.
type ensemble struct {
	t       testing.TB
	servers []*server
}

// newEnsemble prepares n servers. Each names itself electnode-SID in traces, and exports as flags say. With the
// race detector in it, a process ends as fast as without.
func newEnsemble(t testing.TB, n int, flags ...string) *ensemble {
	t.Helper()
	e := &ensemble{t: t}
	ports := proc.Ports(t, 3*n)
	var lines strings.Builder
	for i := range n {
		e.servers = append(e.servers, &server{election: ports[3*i], quorum: ports[3*i+1], client: ports[3*i+2],
			flags: flags, env: []string{"OTEL_SERVICE_NAME=" + service(i+1), "OTEL_BSP_SCHEDULE_DELAY=200",
				"GORACE=atexit_sleep_ms=0"}})
		fmt.Fprintf(&lines, "server.%d=127.0.0.1:%d:%d\n", i+1, ports[3*i+1], ports[3*i])
	}
	for i, s := range e.servers {
		s.cfg = fmt.Sprintf("%sclientPortAddress=127.0.0.1\nclientPort=%d\n%s", settings, s.client, lines.String())
		s.Node = proc.NewNode(t, electnode, i+1, s.cfg)
	}
	return e
}

// service is the name of a server in Jaeger.
func service(sid int) string { return "electnode-" + strconv.Itoa(sid) }

// command is how the server is started.
func (s *server) command() *exec.Cmd {
	args := append([]string{"run", filepath.Join(s.Dir, "zoo.cfg"), "--web.listen-address", s.HTTP,
		"--log.format", "json", "--log.level", "debug"}, s.flags...)
	cmd := exec.Command(electnode, args...)
	cmd.Env = append(os.Environ(), s.env...)
	return cmd
}

// start starts the server with its flags and environment. It does not wait.
func (s *server) start() { s.Process.Start(s.command()) }

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

// reign is what all servers of an ensemble say of their leader.
type reign struct {
	leader   *server
	epoch    quorum.Epoch
	ensemble string
}

// trace is the id of the trace of the election that established it.
func (r reign) trace() traceid.Trace { return traceid.Election(r.ensemble, r.epoch) }

// start starts all servers and waits for their leader.
func (e *ensemble) start() reign {
	e.t.Helper()
	for _, s := range e.servers {
		s.start()
	}
	return e.established(e.servers...)
}

// established waits until all the given servers agree on one established leader in one epoch.
func (e *ensemble) established(among ...*server) reign {
	e.t.Helper()
	return e.next(reign{}, among...)
}

// next is established, with an epoch that is later than before's.
func (e *ensemble) next(before reign, among ...*server) reign {
	e.t.Helper()
	var r reign
	what := fmt.Sprintf("one established leader in an epoch after %d", before.epoch)
	proc.Every(e.t, 2*time.Millisecond, patience, what, func() (err error) {
		r, err = e.agree(among)
		if err == nil && r.epoch <= before.epoch {
			err = fmt.Errorf("still epoch %d", r.epoch)
		}
		return err
	})
	return r
}

func (e *ensemble) agree(among []*server) (reign, error) {
	var all reign
	for _, s := range among {
		st, err := s.Status()
		if err == nil && (!st.Established || st.Leader == nil) {
			err = fmt.Errorf("server %d is %s without an established leader", s.SID, st.State)
		}
		if err != nil {
			if !s.Running() {
				e.t.Fatalf("server %d has ended:\n%s", s.SID, proc.Tail(s.Log(), 20))
			}
			return reign{}, err
		}
		epoch, err := strconv.ParseInt(st.CurrentEpoch, 10, 64)
		if err != nil {
			return reign{}, err
		}
		r := reign{e.server(int(*st.Leader)), quorum.Epoch(epoch), st.Ensemble}
		if all.leader != nil && all != r {
			return reign{}, fmt.Errorf("server %d says %+v, another %+v", s.SID, r, all)
		}
		all = r
	}
	return all, nil
}

// killLeader kills the leader as kill -9 does, and gives what the others agree on then, and after what time.
func (e *ensemble) killLeader(before reign) (reign, time.Duration) {
	e.t.Helper()
	at := time.Now()
	before.leader.Kill()
	after := e.next(before, e.others(before.leader)...)
	if after.leader == before.leader {
		e.t.Fatalf("after the leader of %+v was killed: %+v", before, after)
	}
	return after, time.Since(at)
}

// traceOf waits until the server's log says that the leader of the reign is established, and gives the trace in
// which the server says how it got there.
func (e *ensemble) traceOf(s *server, r reign) string {
	e.t.Helper()
	var trace string
	proc.Eventually(e.t, patience, fmt.Sprintf("the log of server %d says how epoch %d began", s.SID, r.epoch), func() error {
		trace = ""
		for _, l := range s.Lines("leader established") {
			if l["epoch"] == float64(r.epoch) && l["leader"] == float64(r.leader.SID) {
				trace, _ = l["trace_id"].(string)
			}
		}
		if trace == "" {
			return errors.New("no such line with a trace id")
		}
		return nil
	})
	return trace
}

// traceIDOf reads a trace id.
func traceIDOf(t testing.TB, text string) traceid.Trace {
	t.Helper()
	var id traceid.Trace
	if n, err := hex.Decode(id[:], []byte(text)); err != nil || n != len(id) {
		t.Fatalf("%q is no trace id: %v", text, err)
	}
	return id
}

// sid is the server's id as electnode's packages have it.
func (s *server) sid() quorum.SID { return quorum.SID(s.SID) }

// took are the servers, of those given, that took part in the election of the reign and did not join later.
func (e *ensemble) took(r reign, among ...*server) []*server {
	e.t.Helper()
	var all []*server
	for _, s := range among {
		if e.traceOf(s, r) == r.trace().String() {
			all = append(all, s)
		}
	}
	return all
}
