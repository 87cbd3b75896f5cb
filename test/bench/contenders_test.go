package bench

import (
	"os/exec"
	"testing"

	"electnode/test/zk"
)

// The kinds of servers.
const (
	electnode = "electnode"
	baseline  = "base" // the program of -base
	zookeeper = "zookeeper"
	shipped   = "zookeeper, its defaults"
	etcd      = "etcd"
)

// contender is a kind of servers.
type contender struct {
	name string
	make func(tb testing.TB, n int) []server
}

func (c contender) cluster(tb testing.TB, n int) *cluster {
	return &cluster{tb: tb, servers: c.make(tb, n), pause: pauseAfter}
}

// own is electnode and, with -base, the other one.
func own() []contender {
	all := []contender{{electnode, electnodes(program)}}
	if *base != "" {
		all = append(all, contender{baseline, electnodes(*base)})
	}
	return all
}

// contenders are electnode and, of the others, those that are installed; who is not is named. With -base nobody else is
// measured.
func contenders(tb testing.TB, others ...contender) []contender {
	tb.Helper()
	all := own()
	if *base != "" {
		return all
	}
	for _, c := range others {
		if missing := missing(c.name); missing != "" {
			tb.Logf("LEFT OUT: %s: %s (scripts/setup.sh bench installs it)", c.name, missing)
			continue
		}
		all = append(all, c)
	}
	return all
}

// missing says what a kind of servers lacks here.
func missing(name string) string {
	switch name {
	case zookeeper, shipped:
		return zk.Missing()
	case etcd:
		if _, err := exec.LookPath("etcd"); err != nil {
			return "etcd is missing"
		}
	}
	return ""
}

// byDefault are the others as they come.
func byDefault() []contender {
	return []contender{{zookeeper, zookeepers}, {etcd, etcds()}}
}

// atRest are the others as they come, and ZooKeeper with HTTP too, which electnode and etcd have.
func atRest() []contender { return append(byDefault(), contender{shipped, asShipped}) }

// patientAlike are the others with the patience that timing gives: a silent leader is given up after 2 s.
func patientAlike() []contender {
	return []contender{{zookeeper, zookeepers}, {etcd, etcds("--election-timeout", "2000", "--heartbeat-interval", "400")}}
}
