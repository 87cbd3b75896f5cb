//go:build compose

package compose

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// watching are all services of docker-compose.zookeeper.yml but Grafana.
func watching() []string {
	return []string{"zookeeper1", "zookeeper2", "zookeeper3", "watch", "prometheus", "alertmanager", "jaeger"}
}

// outside is what the watcher tells of its only ensemble, as its metrics in Prometheus.
type outside struct{ leader, changes, leaderless float64 }

// TestZooKeeper has electnode watch look at three ZooKeeper servers in containers: a leader's death is seen and
// counted, and the loss of the majority comes to Alertmanager and goes again.
func TestZooKeeper(t *testing.T) {
	d := newDemo(t, "docker-compose.yml", "docker-compose.zookeeper.yml")
	d.run("test/compose/standins.sh")
	d.up("config", "-q")
	d.up("--profile", "chaos", "config", "-q")
	t.Cleanup(func() { d.down() })
	d.up("build", "watch")
	d.up(append([]string{"up", "-d", "--no-build"}, watching()...)...)
	d.healthy(watching())
	first := d.outside()
	d.number(`sum(electnode_watch_up{ensemble="zookeeper"})`, 3)
	d.number("sum(electnode_watch_server_serving)", 3)

	d.docker("kill", d.container(zookeeper(first.leader)))
	d.number(fmt.Sprintf("electnode_watch_leader_changes_total > bool %g", first.changes), 1)
	d.number("electnode_watch_has_leader", 1)
	second := d.outside()
	if second.leader == first.leader || second.leaderless <= first.leaderless {
		t.Errorf("the leader was killed, and %+v became %+v", first, second)
	}
	d.docker("start", d.container(zookeeper(first.leader)))
	d.number("sum(electnode_watch_up)", 3)
	d.withoutMajority(d.outside().leader)
	d.alert("ElectnodeWatchdog", true, repeated)
}

// zookeeper is the service of a server.
func zookeeper(sid float64) string { return fmt.Sprintf("zookeeper%g", sid) }

// outside waits for a leader, and gives what is told of it.
func (d *demo) outside() outside {
	d.t.Helper()
	var o outside
	d.eventually(time.Minute, "a leader is seen", func() error {
		for query, into := range map[string]*float64{"electnode_watch_leader_sid": &o.leader,
			"electnode_watch_leader_changes_total": &o.changes, "electnode_watch_leaderless_seconds_total": &o.leaderless} {
			n, err := d.value(query + `{ensemble="zookeeper"}`)
			if err != nil {
				return err
			}
			*into = n
		}
		if o.leader < 1 {
			return errors.New("there is none")
		}
		return nil
	})
	return o
}

// withoutMajority stops the leader and another server, and starts them again.
func (d *demo) withoutMajority(leader float64) {
	d.t.Helper()
	gone := []string{zookeeper(leader), zookeeper(float64(int(leader)%3 + 1))}
	d.up(append([]string{"stop"}, gone...)...)
	d.number("electnode_watch_has_leader", 0)
	d.number("electnode_watch_leaderless", 1)
	d.alert("ElectnodeWatchNoLeader", true, 2*time.Minute)
	d.up(append([]string{"start"}, gone...)...)
	d.number("electnode_watch_has_leader", 1)
	d.alert("ElectnodeWatchNoLeader", false, 3*time.Minute)
}
