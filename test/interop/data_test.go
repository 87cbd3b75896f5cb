package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"electnode/internal/durable"
	"electnode/internal/quorum"
	"electnode/test/proc"
	"electnode/test/zk"
)

// TestObserver has an electnode observe real servers with data: it is brought up to date with all of it,
// stays through later writes, and the leader counts it. Then it looks at the data that the servers left.
func TestObserver(t *testing.T) {
	t.Parallel()
	e := build(t, plan{kinds: "jjjE"})
	e.start(1, 2, 3)
	e.agree()
	e.write("before", 300)
	e.start(4)
	a := e.agree()
	leader := e.member(a.leader)
	proc.Eventually(t, patience, "the leader counts its observer", func() error {
		m := zk.Mntr(leader.clientAddr())
		if m["zk_learners"] != "3" || m["zk_synced_observers"] != "1" || m["zk_synced_followers"] != "2" {
			return fmt.Errorf("mntr says %s learners, %s observers and %s followers in sync", m["zk_learners"],
				m["zk_synced_observers"], m["zk_synced_followers"])
		}
		return nil
	})
	synced := e.member(4).node.Lines("brought up to date")
	if len(synced) != 1 || synced[0]["type"] != "SNAP" || synced[0]["nodes"].(float64) < 300 {
		t.Errorf("the observer was brought up to date like this: %v", synced)
	}
	since := e.status(4).Since
	e.write("while", 200)
	e.keeps(a, 2*time.Second) // of silence, after the writes
	if s := e.status(4); s.State != "OBSERVING" || !s.Since.Equal(since) {
		t.Errorf("the observer is %s since %s, it was OBSERVING since %s", s.State, s.Since, since)
	}
	e.holds("before", 300)
	e.holds("while", 200)
	e.inspect()
}

// TestStrict has an electnode vote among four real servers with data. It never acknowledges what it does not
// hold: it leaves their leader again and again, they go on without it, and a killed leader is followed by
// another real server with all the data.
func TestStrict(t *testing.T) {
	t.Parallel()
	e := build(t, plan{kinds: "jjjje"})
	java := []int{1, 2, 3, 4}
	e.start(java...)
	a := e.agree()
	e.write("before", 100)
	e.start(5)
	e.refuses(5, 2)
	if b := e.agree(java...); b != a {
		t.Errorf("the electnode came, and %+v became %+v", a, b)
	}
	e.write("while", 100)
	e.kill(a.leader)
	b := e.agree(e.but(a.leader, 5)...)
	if b.leader == 5 || b.epoch <= a.epoch {
		t.Errorf("after %+v came %+v", a, b)
	}
	e.holds("before", 100)
	e.holds("while", 100)
	e.refuses(5, 2)
	e.start(a.leader)
	if c := e.agree(java...); c != b {
		t.Errorf("%+v became %+v when server %d came back", b, c, a.leader)
	}
	e.neverVouched(5, 0)
}

// TestStrictMajority leaves a real server with data alone with an electnode that has been in the epoch of that
// data, and has the highest id: the two are a quorum, and nothing may come of it. When the other real server
// is back, all data is there.
func TestStrictMajority(t *testing.T) {
	t.Parallel()
	e := build(t, plan{kinds: "jje", cfg: "initLimit=6\n"}) // what cannot succeed is given up sooner
	e.start(1, 2)
	e.agree()
	e.start(3)
	a := e.agree() // there is nothing to hold yet
	e.write("while", 50)
	e.refuses(3, 1)
	if b := e.agree(1, 2); b != a {
		t.Errorf("a write came, and %+v became %+v", a, b)
	}
	_, current := e.epochsOf(3)
	e.kill(a.leader)
	nobody := func() error {
		for _, m := range e.members {
			if s, err := m.ask(e.stranger); m.running() && err == nil {
				return fmt.Errorf("%s serves: %+v", m, s)
			}
		}
		return nil
	}
	proc.Eventually(t, patience, "all notice", nobody)
	// The worst moment to come back is when the electnode has just left the other one and is looking again.
	left := errors.New("the electnode left")
	before := len(e.member(3).node.Lines(refusal))
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		err := nobody()
		if err == nil && len(e.member(3).node.Lines(refusal)) > before {
			err = left
		}
		if errors.Is(err, left) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	e.start(a.leader)
	if b := e.agree(1, 2); b.epoch <= a.epoch {
		t.Errorf("after %+v came %+v", a, b)
	}
	e.holds("while", 50)
	e.neverVouched(3, current)
}

// refusal is the message with which an electnode leaves.
const refusal = "history refused (electnode.voter)"

// but are all servers except some.
func (e *ensemble) but(sids ...int) []int {
	var rest []int
	for _, m := range e.members {
		if !wanted(m, sids) {
			rest = append(rest, m.sid)
		}
	}
	return rest
}

// write has ZooKeeper's own client make n nodes below /name, through the first real server that runs.
func (e *ensemble) write(name string, n int) {
	e.t.Helper()
	var commands strings.Builder
	fmt.Fprintf(&commands, "create /%s x\n", name)
	for i := range n {
		fmt.Fprintf(&commands, "create /%s/n%d value-%d\n", name, i, i)
	}
	m := e.java()
	out := m.java.Client(m.clientAddr(), commands.String())
	if made := strings.Count(out, "Created /"+name); made != n+1 {
		e.t.Fatalf("%d of %d nodes were made:\n%s", made, n+1, proc.Tail(out, 20))
	}
}

// holds checks that every real server that runs has the n nodes below /name.
func (e *ensemble) holds(name string, n int) {
	e.t.Helper()
	for _, m := range e.members {
		if m.java == nil || !m.running() {
			continue
		}
		out := m.java.Client(m.clientAddr(), fmt.Sprintf("sync /\nls /%s\nget /%s/n%d", name, name, n-1))
		for i := range n {
			if node := fmt.Sprintf("n%d", i); !strings.Contains(out, node+",") && !strings.Contains(out, node+"]") {
				e.t.Fatalf("%s does not hold /%s/%s:\n%s", m, name, node, proc.Tail(out, 20))
			}
		}
		if value := fmt.Sprintf("value-%d", n-1); !strings.Contains(out, value) {
			e.t.Errorf("%s does not hold %s:\n%s", m, value, proc.Tail(out, 20))
		}
	}
}

// refuses waits until the electnode sid has refused history so many times from now on.
func (e *ensemble) refuses(sid, times int) {
	e.t.Helper()
	node := e.member(sid).node
	before := len(node.Lines(refusal))
	proc.Eventually(e.t, patience, fmt.Sprintf("electnode %d refuses history %d times", sid, times), func() error {
		if n := len(node.Lines(refusal)) - before; n < times {
			return fmt.Errorf("%d times", n)
		}
		return nil
	})
}

// neverVouched checks that the electnode sid has acknowledged no epoch after the given one, and has never led.
func (e *ensemble) neverVouched(sid int, epoch int64) {
	e.t.Helper()
	if _, current := e.epochsOf(sid); current != epoch {
		e.t.Errorf("electnode %d acknowledged epoch %d, the last without data was %d", sid, current, epoch)
	}
	for _, l := range e.member(sid).node.Lines("leader established") {
		if l["leader"] == float64(sid) || l["epoch"].(float64) > float64(epoch) {
			e.t.Errorf("electnode %d says: %v", sid, l)
		}
	}
}

// inspect kills all real servers and looks at what they left on disk: the last zxid is the one that they
// said themselves, and the vote is the one with which each starts again. No electnode runs from there.
func (e *ensemble) inspect() {
	e.t.Helper()
	said := map[int]string{}
	for _, m := range e.members {
		if m.java != nil {
			said[m.sid] = zk.Srvr(m.clientAddr(), "Zxid")
		}
	}
	e.kill(e.sids()...)
	for _, m := range e.members {
		if m.java == nil {
			continue
		}
		r, err := durable.Inspect(m.dataDir(), "")
		if err != nil {
			e.t.Fatal(err)
		}
		accepted, current := e.epochsOf(m.sid)
		if !r.Sound() || r.Vote == nil || r.LastZxid != said[m.sid] || int64(*r.AcceptedEpoch) != accepted ||
			int64(*r.CurrentEpoch) != current {
			e.t.Errorf("%s said zxid %s and has the epochs %d and %d; inspect says %+v", m, said[m.sid], accepted, current, r)
			continue
		}
		m.start()
		proc.Eventually(e.t, patience, fmt.Sprintf("%s votes as inspect says", m), func() error {
			n, err := m.stranger(e.stranger)
			if err == nil && (n.State != quorum.Looking || n.Vote.Leader != r.Vote.Leader ||
				n.Vote.Zxid.String() != r.Vote.Zxid || n.Vote.PeerEpoch != r.Vote.PeerEpoch) {
				err = fmt.Errorf("%s votes %v, inspect says %+v", m, n.Vote, *r.Vote)
			}
			return err
		})
		m.kill()
		e.inspectCommand(m, r)
		e.runRefuses(m)
	}
}

// inspectCommand checks that the command says what the package does.
func (e *ensemble) inspectCommand(m *member, want durable.Report) {
	e.t.Helper()
	out, err := exec.Command(electnode, "inspect", "--json", m.dataDir()).Output()
	if err != nil {
		e.t.Fatalf("electnode inspect: %v", err)
	}
	var got durable.Report
	if err := json.Unmarshal(out, &got); err != nil {
		e.t.Fatal(err)
	}
	if got.LastZxid != want.LastZxid || got.Vote == nil || *got.Vote != *want.Vote {
		e.t.Errorf("electnode inspect says %s", out)
	}
}

// runRefuses checks that an electnode does not start from a real server's directory.
func (e *ensemble) runRefuses(m *member) {
	e.t.Helper()
	cfg, err := os.ReadFile(filepath.Join(m.java.Dir, "zoo.cfg"))
	if err != nil {
		e.t.Fatal(err)
	}
	path := filepath.Join(e.t.TempDir(), "zoo.cfg")
	if err := os.WriteFile(path, cfg, 0o644); err != nil {
		e.t.Fatal(err)
	}
	cmd := exec.Command(electnode, "run", path, "--web.listen-address", "off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err = cmd.Run()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 2 ||
		!strings.Contains(stderr.String(), "history of a ZooKeeper server") {
		e.t.Errorf("electnode run in a real server's directory: %v, %s", err, &stderr)
	}
}
