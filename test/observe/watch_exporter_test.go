package observe

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"
	"electnode/test/zk"
)

// notServing is how a server answers mntr, srvr and the like while it is LOOKING.
const notServing = "This ZooKeeper instance is not currently serving requests"

// glance is what is said of an ensemble at one moment.
type glance struct {
	server   [3]string // what makes zk_up and zk_server_leader of each server
	leaders  int       // sum(zk_server_leader)
	up       int       // sum(zk_up)
	imok     int       // servers that answer imok to ruok
	has      bool      // electnode_watch_has_leader
	conflict int       // electnode_watch_conflicting_leaders
}

// usual applies the rule by which the usual exporter (dabealu/zookeeper-exporter, main.go) makes zk_up and
// zk_server_leader of the answer to mntr: "not currently serving" is taken for a leader that does not serve clients.
func usual(answer string) (up, leader int, word string) {
	first, _, _ := strings.Cut(answer, "\n")
	switch {
	case answer == "":
		return 0, 0, "no answer"
	case first == notServing:
		return 1, 1, "not serving"
	}
	for line := range strings.Lines(answer) {
		if state, ok := strings.CutPrefix(strings.TrimSpace(line), "zk_server_state\t"); ok && state == "leader" {
			return 1, 1, "leader"
		}
	}
	return 1, 0, "follower"
}

// glance asks everybody once.
func (e *foreign) glance() glance {
	var g glance
	for i, addr := range e.clients {
		up, leader, word := usual(zk.Word(addr, "mntr"))
		g.server[i] = word
		g.up += up
		g.leaders += leader
		if zk.Word(addr, "ruok") == "imok" {
			g.imok++
		}
	}
	st := e.watcher.Status()
	g.has, g.conflict = st.HasLeader, len(st.Conflicting)
	return g
}

// String is a line of a table.
func (g glance) String() string {
	has := 0
	if g.has {
		has = 1
	}
	return fmt.Sprintf("%s | %d | %d | %d | %d | %d", strings.Join(g.server[:], " | "), g.leaders, g.up, g.imok, has, g.conflict)
}

// watchFor takes glances for a while, and writes down from when to when each was the same, as a table.
func (e *foreign) watchFor(during time.Duration, every time.Duration, seen *[]glance, table *strings.Builder) {
	e.t.Helper()
	began, tick := time.Now(), time.NewTicker(every)
	defer tick.Stop()
	n, first, last := 0, time.Duration(0), time.Duration(0)
	var old glance
	row := func() {
		if n > 0 {
			fmt.Fprintf(table, "| %.2f to %.2f s | %d | %s |\n", first.Seconds(), last.Seconds(), n, old)
		}
	}
	for time.Since(began) < during {
		at, now := time.Since(began), e.glance()
		*seen = append(*seen, now)
		if n == 0 || now != old {
			row()
			n, first, old = 0, at, now
		}
		n, last = n+1, at
		<-tick.C
	}
	row()
}

// head is that of the tables.
const head = "| since the kill | samples | server 1 | server 2 | server 3 | sum(zk_server_leader) | sum(zk_up) | imok | electnode_watch_has_leader | conflicting |\n" +
	"|---|---|---|---|---|---|---|---|---|---|\n"

// TestUsualExporter shows why what servers say at their client ports does not tell whether they have a leader:
// when the quorum is lost for good, the one that is left counts as the leader and says imok; the watcher says that
// there is none. Its log has the tables of docs/watch-exporter.md.
func TestUsualExporter(t *testing.T) {
	t.Parallel()
	e := newForeign(t)
	e.start()
	first := e.led()
	e.serving()
	var table strings.Builder
	var failOver, lost []glance
	proc.Eventually(t, patience, "all is well", func() error {
		if g := e.glance(); g.leaders != 1 || g.up != 3 || g.imok != 3 || !g.has {
			return fmt.Errorf("was said: %s", g)
		}
		return nil
	})

	e.servers[first-1].Kill()
	e.watchFor(3*time.Second, 25*time.Millisecond, &failOver, &table)
	t.Logf("kill -9 of the leader, server %d:\n%s%s", first, head, table.String())
	table.Reset()
	second := e.second(first)

	e.servers[second-1].Kill()
	e.watchFor(10*time.Second, 250*time.Millisecond, &lost, &table)
	t.Logf("kill -9 of server %d, the next leader, too:\n%s%s", second, head, table.String())
	e.alone(lost)
	for _, g := range append(failOver, lost...) {
		if g.conflict != 0 {
			t.Errorf("the watcher saw %d leaders: %s", g.conflict, g)
		}
	}
}

// second waits until the two that are left have a leader.
func (e *foreign) second(dead int) int {
	e.t.Helper()
	leader := 0
	proc.Eventually(e.t, patience, "another leader", func() error {
		st := e.watcher.Status()
		if leader = int(st.Leader); !st.HasLeader || leader == dead || zk.Mode(e.clients[leader-1]) != "leader" {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
	return leader
}

// alone checks what was said of a single survivor, from when it had noticed that it is alone: never that there is a
// leader, by the watcher; and one leader that is well, by the usual exporter, whenever it got its answers in time.
func (e *foreign) alone(lost []glance) {
	e.t.Helper()
	const enough = 8
	noticed, misled := false, 0
	for _, g := range lost {
		noticed = noticed || !g.has && slices.Contains(g.server[:], "not serving")
		if noticed && (g.has || g.leaders > 1) {
			e.t.Errorf("of a survivor without a quorum was said: %s", g)
		}
		if noticed && g.leaders == 1 && g.up == 1 && g.imok == 1 {
			misled++
		}
	}
	if misled < enough {
		e.t.Errorf("of %d samples only %d say that the survivor leads and is well:\n%v", len(lost), misled, lost)
	}
}
