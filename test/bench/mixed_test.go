package bench

import (
	"fmt"
	"testing"

	"electnode/test/bench/sample"
)

// mixture is an ensemble of three of both kinds.
type mixture struct {
	name string
	own  []int // how many of them are electnodes, in a rotation of the sids
}

// mixtures are all there are of three, those of electnodes alone left out: they are measured elsewhere.
func mixtures() []mixture {
	return []mixture{{"3 zookeeper", nil}, {"2 zookeeper, 1 electnode", []int{0}}, {"1 zookeeper, 2 electnode", []int{0, 1}}}
}

// cluster makes the ensemble; turn says which sids the electnodes have: the largest one alive wins, so each kind comes to lead and
// to follow.
func (m mixture) cluster(tb testing.TB, turn int) *mixedCluster {
	const n = 3
	configs, clients := zooConfigs(tb, n)
	kinds := []string{zookeeper, zookeeper, zookeeper}
	for _, i := range m.own {
		kinds[(i+turn)%n] = electnode
	}
	c := &mixedCluster{kinds: kinds}
	c.tb, c.pause = tb, pauseAfter
	for i, kind := range kinds {
		if kind == electnode {
			c.servers = append(c.servers, newElectnode(tb, program, i+1, configs[i], clients[i]))
			continue
		}
		c.servers = append(c.servers, newZooKeeper(tb, i+1, configs[i], clients[i]))
	}
	return c
}

// mixedCluster is a cluster that knows of what kind its servers are.
type mixedCluster struct {
	cluster
	kinds []string
}

// survivors says who elected, the new leader first.
func (c *mixedCluster) survivors(o outage) string {
	for i, kind := range c.kinds {
		if i != o.lost && i != o.next {
			return fmt.Sprintf("%s leads, %s follows", c.kinds[o.next], kind)
		}
	}
	return ""
}

// BenchmarkMixedFailOver kills the leader of ensembles of both kinds and of real servers alone, by turns. What counts is who
// is left: two real servers, in whatever ensemble, or one of each.
func BenchmarkMixedFailOver(b *testing.B) {
	r := mixedResults(b)
	for turn := 0; b.Loop(); turn++ {
		for _, m := range mixtures() {
			c := m.cluster(b, turn)
			leader, _ := c.start()
			for range otherBlock {
				o := c.failOver(leader)
				leader = o.next
				r.add(whatMixedFailOver, m.name, c.survivors(o), "ms", sample.Millis(o.took()))
			}
			c.stop()
		}
	}
	r.report(whatMixedFailOver)
}

// BenchmarkMixedColdStart starts ensembles of both kinds and of real servers alone, by turns, until one leads and serves.
func BenchmarkMixedColdStart(b *testing.B) {
	r := mixedResults(b)
	for turn := 0; b.Loop(); turn++ {
		for _, m := range mixtures() {
			c := m.cluster(b, turn)
			leader, took := c.start()
			c.stop()
			r.add(whatMixedColdStart, m.name, c.kinds[leader]+" leads", "ms", sample.Millis(took))
		}
	}
	r.report(whatMixedColdStart)
}

// mixedResults are results of three servers. Without ZooKeeper there is nothing to mix with, and nothing to compare to.
func mixedResults(b *testing.B) *results {
	b.Helper()
	if missing := missing(zookeeper); missing != "" {
		b.Fatalf("zookeeper: %s (scripts/setup.sh bench installs it)", missing)
	}
	return newResults(b, 3)
}
