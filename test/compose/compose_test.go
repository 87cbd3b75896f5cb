//go:build compose

package compose

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/traceid"
	"electnode/internal/web"
)

// maxImage is how large the image may be.
const maxImage = 25_000_000

// repeated is how long an alert may take that fires from the start: Prometheus loses it when it knows no
// Alertmanager yet, and repeats it a minute later.
const repeated = 2 * time.Minute

// TestDemo is the guided tour of docs/demo.md, and more.
func TestDemo(t *testing.T) {
	d := newDemo(t)
	d.run("test/compose/standins.sh")
	d.up("config", "-q")
	d.up("--profile", "chaos", "config", "-q")
	t.Cleanup(func() { d.down() })
	d.up("build", "electnode1")
	d.size()
	d.up(append([]string{"up", "-d", "--no-build"}, services()...)...)
	d.healthy(services())
	d.atOnce()

	first := d.leader(0)
	d.prometheus()
	d.trace(first)

	d.docker("kill", d.container(first.service()))
	second := d.leader(first.epoch)
	d.number("max(electnode_leader_sid)", float64(second.sid))
	d.trace(second)
	d.docker("start", d.container(first.service()))
	d.number("count(electnode_has_leader == 1)", 3)

	d.withoutQuorum(second)
	d.cutOff()
	d.chaos()
}

// chaos runs the service of that name for a few seconds instead of a day.
func (d *demo) chaos() {
	d.t.Helper()
	out := d.up("--profile", "chaos", "run", "--rm", "--no-deps", "-T", "chaos", "chaos", "http://electnode1:7000",
		"http://electnode2:7000", "http://electnode3:7000", "--every=1s", "--for=3s", "--faults=resign,pause,cut")
	if !strings.Contains(out, "healed 3 of 3 nodes") {
		d.t.Errorf("chaos: %s", out)
	}
	d.leader(0)
}

// reign is an established leader.
type reign struct {
	ensemble string
	sid      quorum.SID
	epoch    quorum.Epoch
}

func (r reign) service() string { return fmt.Sprintf("electnode%d", r.sid) }

// size checks that the image is small.
func (d *demo) size() {
	d.t.Helper()
	n, err := strconv.Atoi(d.docker("image", "inspect", "-f", "{{.Size}}", "electnode:local"))
	if err != nil || n > maxImage {
		d.t.Errorf("the image has %d bytes, %d are allowed, %v", n, maxImage, err)
	}
	d.t.Logf("the image has %d bytes", n)
}

// healthy waits for every service.
func (d *demo) healthy(services []string) {
	d.t.Helper()
	for _, s := range services {
		d.eventually(time.Minute, s+" is healthy", func() error {
			got, err := d.try("docker", "inspect", "-f", "{{.State.Health.Status}}", d.container(s))
			if err != nil || got != "healthy" {
				return fmt.Errorf("%s %w", got, err)
			}
			return nil
		})
	}
}

// atOnce checks that a node needs no more than two seconds until it is healthy.
func (d *demo) atOnce() {
	d.t.Helper()
	for _, s := range services()[:3] {
		started := d.docker("inspect", "-f", "{{.State.StartedAt}}", d.container(s))
		checks := d.docker("inspect", "-f", `{{range .State.Health.Log}}{{if eq .ExitCode 0}}{{.End.Format "2006-01-02T15:04:05.999999999Z07:00"}} {{end}}{{end}}`, d.container(s))
		from, err1 := time.Parse(time.RFC3339Nano, started)
		to, err2 := time.Parse(time.RFC3339Nano, strings.Fields(checks)[0])
		if err := errors.Join(err1, err2); err != nil {
			d.t.Fatal(err)
		}
		d.t.Logf("%s was healthy %s after its start", s, to.Sub(from).Round(time.Millisecond))
		if to.Sub(from) > 2*time.Second {
			d.t.Errorf("%s was healthy only %s after its start", s, to.Sub(from))
		}
	}
}

// leader waits until all nodes that run agree on an established leader of an epoch above after.
func (d *demo) leader(after quorum.Epoch) reign {
	d.t.Helper()
	var found reign
	d.eventually(time.Minute, "an established leader", func() error {
		said := map[reign]int{}
		for _, s := range services()[:3] {
			var st web.Status
			if d.get(s, "/api/v1/status", &st) != nil || !st.Established {
				continue
			}
			epoch, err := strconv.ParseInt(st.CurrentEpoch, 10, 64)
			if err != nil {
				return err
			}
			if quorum.Epoch(epoch) > after {
				said[reign{st.Ensemble, *st.Leader, quorum.Epoch(epoch)}]++
			}
		}
		for r, n := range said {
			if n >= 2 {
				found = r
				return nil
			}
		}
		return fmt.Errorf("they say %v", said)
	})
	return found
}

// number waits until a query of Prometheus has a value.
func (d *demo) number(query string, want float64) {
	d.t.Helper()
	d.eventually(time.Minute, query, func() error {
		n, err := d.value(query)
		if err == nil && n != want {
			err = fmt.Errorf("is %v, want %v", n, want)
		}
		return err
	})
}

// value is the only value of a query of Prometheus.
func (d *demo) value(query string) (float64, error) {
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := d.get("prometheus", "/api/v1/query?query="+url.QueryEscape(query), &answer); err != nil {
		return 0, err
	}
	if len(answer.Data.Result) != 1 {
		return 0, fmt.Errorf("not one value: %v", answer.Data.Result)
	}
	return strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
}

// prometheus checks targets and rules.
func (d *demo) prometheus() {
	d.t.Helper()
	d.number(`sum(up{job="electnode"})`, 3)
	d.number(`count(electnode_has_leader{ensemble="demo"} == 1)`, 3)
	var rules struct {
		Data struct {
			Groups []struct {
				Name  string
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := d.get("prometheus", "/api/v1/rules", &rules); err != nil {
		d.t.Fatal(err)
	}
	names := map[string]int{}
	for _, g := range rules.Data.Groups {
		names[g.Name] = len(g.Rules)
	}
	for _, want := range []string{"electnode-recording", "electnode-ensemble", "electnode-leaderless-budget", "electnode-node"} {
		if names[want] == 0 {
			d.t.Errorf("no rules of group %s: %v", want, names)
		}
	}
	d.alert("ElectnodeWatchdog", true, repeated)
}

// trace waits until Jaeger has the trace of an election.
func (d *demo) trace(r reign) {
	d.t.Helper()
	id := traceid.Election(r.ensemble, r.epoch).String()
	d.eventually(time.Minute, fmt.Sprintf("the trace of the election of %d", r.sid), func() error {
		var answer struct {
			Data []struct {
				Spans     []struct{ OperationName string }
				Processes map[string]struct{ ServiceName string }
			}
		}
		if err := d.get("jaeger", "/api/traces/"+id, &answer); err != nil {
			return err
		}
		if len(answer.Data) != 1 {
			return errors.New("there is none")
		}
		elections, names := 0, []string{}
		for _, s := range answer.Data[0].Spans {
			if s.OperationName == "election" {
				elections++
			}
		}
		for _, p := range answer.Data[0].Processes {
			names = append(names, p.ServiceName)
		}
		if elections < 2 || !slices.Contains(names, fmt.Sprintf("electnode-%d", r.sid)) {
			return fmt.Errorf("%d elections, services %v", elections, names)
		}
		return nil
	})
}

// alert waits until Alertmanager has an alert, or has it no more.
func (d *demo) alert(name string, firing bool, during time.Duration) {
	d.t.Helper()
	d.eventually(during, fmt.Sprintf("%s firing: %t", name, firing), func() error {
		var alerts []struct{ Labels map[string]string }
		if err := d.get("alertmanager", "/api/v2/alerts?active=true&filter="+url.QueryEscape(`alertname="`+name+`"`), &alerts); err != nil {
			return err
		}
		if (len(alerts) > 0) != firing || len(alerts) > 1 {
			return fmt.Errorf("%d alerts: %v", len(alerts), alerts)
		}
		return nil
	})
}

// withoutQuorum stops two of three nodes and starts them again.
func (d *demo) withoutQuorum(r reign) {
	d.t.Helper()
	gone := []string{r.service(), fmt.Sprintf("electnode%d", r.sid%3+1)}
	d.up(append([]string{"stop"}, gone...)...)
	d.alert("ElectnodeNoEstablishedLeader", true, 2*time.Minute)
	d.up(append([]string{"start"}, gone...)...)
	d.leader(r.epoch)
	d.alert("ElectnodeNoEstablishedLeader", false, 3*time.Minute)
}

// cutOff takes a follower from the network and gives it back.
func (d *demo) cutOff() {
	d.t.Helper()
	r := d.leader(0)
	follower := fmt.Sprintf("electnode%d", r.sid%3+1)
	network := d.project + "_electnode"
	d.docker("network", "disconnect", network, d.container(follower))
	// Idle election connections say nothing of it; the leader misses the heartbeats, and Prometheus the node.
	d.number("max(electnode_failure_tolerance)", 0)
	d.number(`sum(up{job="electnode"})`, 2)
	d.docker("network", "connect", "--alias", follower, network, d.container(follower))
	d.number("max(electnode_failure_tolerance)", 1)
	d.number("count(electnode_has_leader == 1)", 3)
	if now := d.leader(0); now != r {
		d.t.Errorf("%+v leads after a follower was away, %+v before", now, r)
	}
}

// down ends the project, and checks that nothing of it is left.
func (d *demo) down() {
	d.t.Helper()
	if d.t.Failed() {
		out, _ := d.try(d.compose, slices.Concat(d.files, []string{"-p", d.project, "logs", "--tail", "40"})...) // as much as there is
		d.t.again(out)
	}
	d.up("down", "-v", "--timeout", "3")
	label := "label=com.docker.compose.project=" + d.project
	for _, left := range []string{d.docker("ps", "-aq", "--filter", label), d.docker("network", "ls", "-q", "--filter", label),
		d.docker("volume", "ls", "-q", "--filter", label)} {
		if left != "" {
			d.t.Errorf("something is left: %s", left)
		}
	}
}
