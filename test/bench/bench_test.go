package bench

import (
	"fmt"
	"testing"
)

// perBlock is how many times in a row one kind of servers is measured before the others have their turn.
const perBlock = 5

// BenchmarkFailOver kills the leader, kill -9, until another one leads and serves. One iteration is a block of
// perBlock kills for each kind of servers.
func BenchmarkFailOver(b *testing.B) {
	for _, n := range []int{3, 5} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := newResults(b, "failover", n)
			for b.Loop() {
				for _, c := range contenders(b, "electnode", "zookeeper", "etcd") {
					r.block(c, (*cluster).failOver)
				}
			}
			r.report()
		})
	}
}

// BenchmarkPaused stops the leader with SIGSTOP: no connection tells of it, only the missing heartbeats do. Both
// kinds give a silent server up after the same time.
func BenchmarkPaused(b *testing.B) {
	r := newResults(b, "paused", 3)
	for b.Loop() {
		for _, c := range contenders(b, "electnode", "zookeeper") {
			r.block(c, (*cluster).pause)
		}
	}
	r.report()
}

// BenchmarkColdStart starts all servers at once, without data, until one leads and serves.
func BenchmarkColdStart(b *testing.B) {
	for _, n := range []int{3, 5, 7, 9} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := newResults(b, "coldstart", n)
			for b.Loop() {
				for _, c := range contenders(b, "electnode", "zookeeper") {
					cl := c.cluster(b, n)
					_, took := cl.start()
					cl.stop()
					r.add(c.name, took)
				}
			}
			r.report()
		})
	}
}
