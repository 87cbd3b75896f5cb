package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// settledFor is how long a cluster is left alone while its cost is measured.
const settledFor = 20 * time.Second

// ticksPerSecond is the unit of processor time in /proc, on every Linux that Go runs on.
const ticksPerSecond = 100

// cost is what servers take from their machine.
type cost struct {
	cpu     time.Duration
	memory  float64 // resident, MiB
	threads float64
	bytes   float64 // on loopback, all headers included
	packets float64
}

// BenchmarkSettled tells what three servers cost that have a leader and nothing to do, each and per second.
func BenchmarkSettled(b *testing.B) {
	for _, c := range contenders(b, "electnode", "zookeeper", "etcd") {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				cl := c.cluster(b, 3)
				cl.start()
				spent := cl.during(func() { wait(settledFor) })
				now := cl.cost()
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(spent.cpu.Seconds()/settledFor.Seconds()/3*100, "cpu%/server")
				b.ReportMetric(now.memory/3, "MiB/server")
				b.ReportMetric(now.threads/3, "threads/server")
				b.ReportMetric(spent.bytes/settledFor.Seconds(), "wire-bytes/s")
				b.ReportMetric(spent.packets/settledFor.Seconds(), "packets/s")
				cl.stop()
			}
		})
	}
}

// BenchmarkElectionCost tells what a fail-over costs the survivors of three, and what is on the wire meanwhile:
// the two seconds from the kill on, in which nobody asks them anything, less what two settled seconds cost.
func BenchmarkElectionCost(b *testing.B) {
	const window = 2 * time.Second
	for _, c := range contenders(b, "electnode", "zookeeper", "etcd") {
		b.Run(c.name, func(b *testing.B) {
			var sum cost
			runs := 0
			for b.Loop() {
				cl := c.cluster(b, 3)
				leader, _ := cl.start()
				idle := cl.during(func() { wait(window) })
				killed := cl.servers[leader]
				cl.servers = append(cl.servers[:leader:leader], cl.servers[leader+1:]...)
				spent := cl.during(func() { killed.Kill(); wait(window) })
				sum.cpu += spent.cpu - idle.cpu*2/3
				sum.bytes += spent.bytes - idle.bytes
				sum.packets += spent.packets - idle.packets
				runs++
				cl.stop()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(sum.cpu.Seconds()*1000/float64(runs), "cpu-ms")
			b.ReportMetric(sum.bytes/float64(runs), "wire-bytes")
			b.ReportMetric(sum.packets/float64(runs), "packets")
		})
	}
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
		sum.cpu += time.Duration(number(c.tb, fields[11])+number(c.tb, fields[12])) * time.Second / ticksPerSecond
		sum.threads += number(c.tb, fields[17])
		sum.memory += number(c.tb, strings.Fields(read(c.tb, fmt.Sprintf("/proc/%d/statm", pid)))[1]) *
			float64(os.Getpagesize()) / (1 << 20)
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
