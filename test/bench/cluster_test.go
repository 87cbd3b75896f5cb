package bench

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"electnode/test/proc"
)

// patience is how long a cluster may take for anything, on a machine that has other things to do too.
const patience = 60 * time.Second

// pollPause is the time between two questions to one server: the resolution of all that is measured here.
const pollPause = 500 * time.Microsecond

// server is one process of a cluster.
type server interface {
	Start()
	Kill()
	Pause()
	Resume()
	PID() int
	// Leads asks the server whether it is the leader and serves as one; it is false for one that does not answer.
	Leads() bool
	// Follows asks the server whether it serves under a leader.
	Follows() bool
}

// cluster is a number of servers of one kind.
type cluster struct {
	tb      testing.TB
	servers []server
}

// contender is a kind of servers.
type contender struct {
	name string
	make func(tb testing.TB, n int) []server
}

// contenders lists those with these names that are installed here, and says who is not.
func contenders(tb testing.TB, names ...string) []contender {
	tb.Helper()
	var all []contender
	for _, c := range []contender{{"electnode", electnodes}, {"zookeeper", zookeepers}, {"etcd", etcds}} {
		switch {
		case !slices.Contains(names, c.name):
		case c.name == "etcd" && !hasEtcd():
			tb.Log("etcd is left out: it is not installed (package etcd-server)")
		default:
			all = append(all, c)
		}
	}
	return all
}

func (c contender) cluster(tb testing.TB, n int) *cluster {
	return &cluster{tb: tb, servers: c.make(tb, n)}
}

// start starts all servers at once and waits until one of them leads and all others follow.
func (c *cluster) start() (leader int, took time.Duration) {
	c.tb.Helper()
	began := time.Now()
	for _, s := range c.servers {
		s.Start()
	}
	leader, at := c.elected(c.all())
	c.settled()
	return leader, at.Sub(began)
}

// stop ends all servers as kill -9 does.
func (c *cluster) stop() {
	for _, s := range c.servers {
		s.Kill()
	}
}

func (c *cluster) all() []int {
	var all []int
	for i := range c.servers {
		all = append(all, i)
	}
	return all
}

func (c *cluster) others(than int) []int {
	return slices.DeleteFunc(c.all(), func(i int) bool { return i == than })
}

// elected asks the servers among, each again and again, until one of them leads.
func (c *cluster) elected(among []int) (leader int, at time.Time) {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	type answer struct {
		leader int
		at     time.Time
	}
	first := make(chan answer, len(among))
	for _, i := range among {
		// Ends when ctx does, which the end of this function cancels.
		go func() {
			pause := time.NewTicker(pollPause)
			defer pause.Stop()
			for ctx.Err() == nil {
				if c.servers[i].Leads() {
					first <- answer{i, time.Now()}
					return
				}
				<-pause.C
			}
		}()
	}
	select {
	case a := <-first:
		return a.leader, a.at
	case <-ctx.Done():
		c.tb.Fatalf("no leader among %v within %s", among, patience)
		return 0, time.Time{}
	}
}

// settled waits until one server leads and all others follow.
func (c *cluster) settled() {
	c.tb.Helper()
	proc.Every(c.tb, 10*time.Millisecond, patience, "one leads and all others follow", func() error {
		leaders := 0
		for i, s := range c.servers {
			switch {
			case s.Leads():
				leaders++
			case !s.Follows():
				return fmt.Errorf("server %d follows nobody", i+1)
			}
		}
		if leaders != 1 {
			return fmt.Errorf("%d leaders", leaders)
		}
		return nil
	})
}

// failOver kills the leader and tells when another one leads; then the killed one is back.
func (c *cluster) failOver(leader int) (next int, took time.Duration) {
	c.tb.Helper()
	began := time.Now()
	c.servers[leader].Kill()
	next, at := c.elected(c.others(leader))
	c.servers[leader].Start()
	c.settled()
	return next, at.Sub(began)
}

// pause stops the leader, of which nobody's connection tells, and tells when another one leads.
func (c *cluster) pause(leader int) (next int, took time.Duration) {
	c.tb.Helper()
	began := time.Now()
	c.servers[leader].Pause()
	next, at := c.elected(c.others(leader))
	c.servers[leader].Resume()
	c.settled()
	return next, at.Sub(began)
}
