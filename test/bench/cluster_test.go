package bench

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"electnode/test/proc"
)

// patience is how long a cluster may take for anything, on a machine that has other things to do too.
const patience = 60 * time.Second

// server is one process of a cluster.
type server interface {
	Start()
	Kill()
	Signal(syscall.Signal)
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
	pause   func(elapsed time.Duration) time.Duration // between two questions to one server
}

// pauseAfter is how long nobody asks a server after a question, so long after the event that is waited for the
// consequences of. Questions cost servers and machine time, so there are few: the figure is exact to a millisecond
// at the beginning and to a fiftieth of itself later, for every kind of servers.
func pauseAfter(elapsed time.Duration) time.Duration {
	return min(max(time.Millisecond, elapsed/50), 20*time.Millisecond)
}

// start starts all servers at once and waits until one of them leads and all others follow.
func (c *cluster) start() (leader int, took time.Duration) {
	c.tb.Helper()
	began := time.Now()
	for _, s := range c.servers {
		s.Start()
	}
	leader, at := c.elected(c.all(), began)
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

// elected asks each of the servers among, again and again, until one of them leads. What happened at began is what they are
// asked about.
func (c *cluster) elected(among []int, began time.Time) (leader int, at time.Time) {
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
			timer := time.NewTimer(0)
			defer timer.Stop()
			for {
				select {
				case <-timer.C:
				case <-ctx.Done():
					return
				}
				if c.servers[i].Leads() {
					first <- answer{i, time.Now()}
					return
				}
				timer.Reset(c.pause(time.Since(began)))
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

// outage is a time without a leader.
type outage struct {
	lost int // who led
	next int // who leads after it
	from time.Time
	seen time.Time // when next was seen to lead
}

func (o outage) took() time.Duration { return o.seen.Sub(o.from) }

// failOver kills the leader and asks the others until one of them leads. The clock starts at the signal, before the kernel has
// begun to take the process apart. In the end the killed one is back.
func (c *cluster) failOver(leader int) outage {
	c.tb.Helper()
	o := outage{lost: leader, from: time.Now()}
	c.servers[leader].Signal(syscall.SIGKILL)
	o.next, o.seen = c.elected(c.others(leader), o.from)
	c.servers[leader].Kill() // waits for what is left of it
	c.servers[leader].Start()
	c.settled()
	return o
}

// silence stops the leader, of which nobody's connection tells, and asks the others until one of them leads.
func (c *cluster) silence(leader int) outage {
	c.tb.Helper()
	o := outage{lost: leader, from: time.Now()}
	c.servers[leader].Signal(syscall.SIGSTOP)
	o.next, o.seen = c.elected(c.others(leader), o.from)
	c.servers[leader].Signal(syscall.SIGCONT)
	c.settled()
	return o
}
