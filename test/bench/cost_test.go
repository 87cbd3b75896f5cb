package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"electnode/test/bench/sample"
)

// settledFor is how long a cluster is left alone while its cost is measured.
const settledFor = 10 * time.Second

// electionFor is how long a fail-over may take while its cost is measured: longer than etcd's takes by default.
const electionFor = 4 * time.Second

// cost is what servers take from their machine.
type cost struct {
	cpu     time.Duration
	memory  float64 // resident, MiB
	own     float64 // of it what is in no file: it cannot be shared, nor dropped when memory is short
	threads float64
	bytes   float64 // on the loopback device, all headers included, also those of programs that are none of these servers
	packets float64 // the same
}

// BenchmarkSettled tells what three servers cost that have a leader and nothing to do, each and per second.
func BenchmarkSettled(b *testing.B) {
	r := newResults(b, 3)
	for b.Loop() {
		for _, c := range contenders(b, atRest()...) {
			cl := c.cluster(b, r.n)
			cl.start()
			spent := cl.during(func() { wait(settledFor) })
			now, n := cl.cost(), float64(r.n)
			r.add(whatSettled, c.name, "cpu", "% of a core", spent.cpu.Seconds()/settledFor.Seconds()/n*100)
			r.add(whatSettled, c.name, "memory of its own", "MiB", now.own/n)
			r.add(whatSettled, c.name, "resident memory", "MiB", now.memory/n)
			r.add(whatSettled, c.name, "threads", "", now.threads/n)
			if c.name == electnode {
				r.add(whatSettled, c.name, "goroutines", "", cl.goroutines()/n)
			}
			r.add(whatSettled, c.name, "wire", "B/s", spent.bytes/settledFor.Seconds()/n)
			r.add(whatSettled, c.name, "packets", "/s", spent.packets/settledFor.Seconds()/n)
			cl.stop()
		}
	}
	r.report(whatSettled)
}

// BenchmarkElectionCost tells what a fail-over costs the survivors of three, all together, and what is on the wire meanwhile:
// all of electionFor from the kill on, in which nobody asks them anything, and all of the same time once they have settled.
func BenchmarkElectionCost(b *testing.B) {
	r := newResults(b, 3)
	for b.Loop() {
		for _, c := range contenders(b, byDefault()...) {
			cl := c.cluster(b, r.n)
			leader, _ := cl.start()
			killed := cl.servers[leader]
			survivors := &cluster{tb: b, pause: cl.pause}
			for _, i := range cl.others(leader) {
				survivors.servers = append(survivors.servers, cl.servers[i])
			}
			spent := survivors.during(func() { killed.Signal(syscall.SIGKILL); wait(electionFor) })
			survivors.settled()
			idle := survivors.during(func() { wait(electionFor) })
			r.window(c.name, "with the fail-over", spent)
			r.window(c.name, "settled", idle)
			cl.stop()
		}
	}
	r.report(whatElection)
}

// window adds what a time of electionFor cost.
func (r *results) window(who, when string, spent cost) {
	r.add(whatElection, who, "cpu "+when, "ms", sample.Millis(spent.cpu))
	r.add(whatElection, who, "wire "+when, "B", spent.bytes)
	r.add(whatElection, who, "packets "+when, "", spent.packets)
}

// wait lets time pass: what is measured is what happens meanwhile.
func wait(d time.Duration) { <-time.After(d) }

// during is what the servers cost while what runs; memory and threads stay 0.
func (c *cluster) during(what func()) cost {
	c.tb.Helper()
	before, wire := c.cost(), loopback(c.tb)
	what()
	after, wireAfter := c.cost(), loopback(c.tb)
	return cost{cpu: after.cpu - before.cpu, bytes: wireAfter.bytes - wire.bytes, packets: wireAfter.packets - wire.packets}
}

// cost is what the servers that run have cost so far, and hold now.
func (c *cluster) cost() cost {
	c.tb.Helper()
	var sum cost
	for _, s := range c.servers {
		pid := s.PID()
		if pid == 0 {
			continue
		}
		stat := read(c.tb, fmt.Sprintf("/proc/%d/stat", pid))
		fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:]) // from the state on, field 3
		sum.threads += number(c.tb, fields[17])
		sum.cpu += processorTime(c.tb, pid)
		statm := strings.Fields(read(c.tb, fmt.Sprintf("/proc/%d/statm", pid)))
		resident, ofFiles := number(c.tb, statm[1]), number(c.tb, statm[2])
		page := float64(os.Getpagesize()) / (1 << 20)
		sum.memory += resident * page
		sum.own += (resident - ofFiles) * page
	}
	return sum
}

// processorTime is how long a process has been on a processor, its threads that have ended included. The kernel has it as a
// clock, in nanoseconds; what it says in /proc is in hundredths of a second.
func processorTime(tb testing.TB, pid int) time.Duration {
	tb.Helper()
	const all = 2 // CPUCLOCK_SCHED: user and system mode
	var at unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|all), &at); err != nil {
		tb.Fatalf("processor time of process %d: %v", pid, err)
	}
	return time.Duration(at.Nano())
}

// goroutines is how many electnodes have, all together.
func (c *cluster) goroutines() float64 {
	c.tb.Helper()
	sum := 0.0
	for _, s := range c.servers {
		raw, err := get("http://" + s.(ownServer).node.HTTP + "/metrics")
		if err != nil {
			c.tb.Fatal(err)
		}
		found := false
		for line := range strings.Lines(string(raw)) {
			if value, ok := strings.CutPrefix(line, "go_goroutines "); ok {
				sum, found = sum+number(c.tb, strings.TrimSpace(value)), true
			}
		}
		if !found {
			c.tb.Fatal("no go_goroutines among the metrics")
		}
	}
	return sum
}

// loopback is what the loopback device has carried so far.
func loopback(tb testing.TB) cost {
	tb.Helper()
	for line := range strings.Lines(read(tb, "/proc/net/dev")) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "lo:"); ok {
			fields := strings.Fields(rest)
			return cost{bytes: number(tb, fields[0]), packets: number(tb, fields[1])}
		}
	}
	tb.Fatal("/proc/net/dev has no loopback device")
	return cost{}
}

func read(tb testing.TB, file string) string {
	tb.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}

func number(tb testing.TB, text string) float64 {
	tb.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}
