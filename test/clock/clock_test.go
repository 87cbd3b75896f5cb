package clock

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"

	"go.uber.org/goleak"
)

// patience is how long anything may take, on a machine that is busy.
const patience = 30 * time.Second

// program is electnode with a clock that can be moved.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "electnode-clock-")
	if err == nil {
		program, err = Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(code)
	}))
}

// node is a server and its clock.
type node struct {
	*proc.Node
	clock *Clock
}

// ensemble starts three servers, ticks short enough that every timeout passes many times in a test.
func ensemble(t *testing.T) []*node {
	t.Helper()
	ports := proc.Ports(t, 6)
	var lines strings.Builder
	lines.WriteString("tickTime=200\ninitLimit=5\nsyncLimit=3\n")
	for i := range 3 {
		fmt.Fprintf(&lines, "server.%d=127.0.0.1:%d:%d\n", i+1, ports[2*i], ports[2*i+1])
	}
	var nodes []*node
	for i := range 3 {
		n := &node{Node: proc.NewNode(t, program, i+1, lines.String())}
		var err error
		if n.clock, err = NewClock(n.Dir); err != nil {
			t.Fatal(err)
		}
		n.Spawn = func(cmd *exec.Cmd) error {
			cmd.Env = append(os.Environ(), n.clock.Variable())
			return cmd.Start()
		}
		nodes = append(nodes, n)
		n.Start()
	}
	return nodes
}

// office says who leads in which epoch, as all nodes agree, or what is missing.
func office(nodes []*node) (leader int, epoch string, err error) {
	for _, n := range nodes {
		st, err := n.Status()
		switch {
		case err != nil:
			return 0, "", err
		case !st.Established || st.Leader == nil:
			return 0, "", fmt.Errorf("server %d is %s without an established leader", n.SID, st.State)
		case leader != 0 && (leader != int(*st.Leader) || epoch != st.CurrentEpoch):
			return 0, "", fmt.Errorf("server %d follows %d in epoch %s, another %d in %s", n.SID, *st.Leader, st.CurrentEpoch, leader, epoch)
		}
		leader, epoch = int(*st.Leader), st.CurrentEpoch
	}
	return leader, epoch, nil
}

func agree(t *testing.T, nodes []*node) (leader int, epoch string) {
	t.Helper()
	proc.Eventually(t, patience, "one established leader", func() (err error) {
		leader, epoch, err = office(nodes)
		return err
	})
	return leader, epoch
}

// TestClockJumps: a wall clock that jumps, by an hour or by ten years, forth and back, on one server or on all, ends no
// office and begins none; what is counted in seconds does not count it; and a fail-over between servers that disagree
// about the year is as any other.
func TestClockJumps(t *testing.T) {
	nodes := ensemble(t)
	leader, epoch := agree(t, nodes)
	const year = 365 * 24 * time.Hour
	jumps := []struct {
		name string
		who  []int // places in nodes
		by   time.Duration
	}{
		{"the leader's goes an hour forth", []int{leader - 1}, time.Hour},
		{"and ten years back", []int{leader - 1}, -10 * year},
		{"a follower's goes an hour back", []int{leader % 3}, -time.Hour},
		{"all go ten years forth", []int{0, 1, 2}, 10 * year},
		{"and each elsewhere", []int{(leader + 1) % 3}, -year},
	}
	for _, j := range jumps {
		for _, i := range j.who {
			if err := nodes[i].clock.Wrong(j.by); err != nil {
				t.Fatal(err)
			}
		}
		proc.Throughout(t, 3*time.Second, j.name, func() error { // several times every timeout
			l, e, err := office(nodes)
			if err == nil && (l != leader || e != epoch) {
				err = fmt.Errorf("server %d leads in epoch %s, before %d in %s", l, e, leader, epoch)
			}
			return err
		})
	}
	nodes[leader-1].Kill()
	others := append(append([]*node{}, nodes[:leader-1]...), nodes[leader:]...)
	next, _ := agree(t, others)
	jumped(t, nodes[jumps[len(jumps)-1].who[0]], -year)
	nodes[leader-1].Start()
	agree(t, nodes)
	for _, n := range nodes {
		st, err := n.Status()
		if err != nil {
			t.Fatal(err)
		}
		if limit := patience.Seconds(); st.Leaderless < 0 || st.Leaderless > limit {
			t.Errorf("server %d counts %.1f s without a leader", n.SID, st.Leaderless)
		}
	}
	t.Logf("server %d, then %d", leader, next)
}

// jumped looks whether the process's clock went where it was put, by what it has logged since: else nothing was tested.
func jumped(t *testing.T, n *node, by time.Duration) {
	t.Helper()
	want := `"time":"` + time.Now().Add(by).UTC().Format("2006-01-02")
	proc.Eventually(t, patience, "a line from "+want, proc.True(func() bool { return strings.Contains(n.Log(), want) }))
}
