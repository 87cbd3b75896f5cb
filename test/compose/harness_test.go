//go:build compose

package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/test/observe"
	"electnode/test/proc"
)

// limit bounds each test; a part of it is for the first build of the image.
const limit = 12 * time.Minute

// root is the top of the repository.
const root = "../.."

// demo is one Compose project, under a name and at ports of its own.
type demo struct {
	t       *reporter
	ctx     context.Context
	compose string
	files   []string // arguments that name the files
	project string
	env     []string
	port    map[string]int // by service
}

// services are all of docker-compose.yml but Grafana, whose image cannot be replaced, and chaos.
func services() []string {
	return []string{"electnode1", "electnode2", "electnode3", "prometheus", "alertmanager", "jaeger"}
}

// published are the services with a port on this machine, and the variables of .env that say which.
func published() []struct{ service, variable string } {
	return []struct{ service, variable string }{{"electnode1", "NODE1_PORT"}, {"electnode2", "NODE2_PORT"},
		{"electnode3", "NODE3_PORT"}, {"watch", "WATCH_PORT"}, {"prometheus", "PROMETHEUS_PORT"},
		{"alertmanager", "ALERTMANAGER_PORT"}, {"jaeger", "JAEGER_PORT"}}
}

// newDemo is a project of the given files, docker-compose.yml if there are none.
func newDemo(t testing.TB, files ...string) *demo {
	t.Helper()
	if err := exec.Command("docker", "info").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Docker engine: ", err)
		}
		t.Skip("left out: there is no Docker engine here")
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	program := observe.Program(t, root, "compose", "cmd")
	abs, err := filepath.Abs(program)
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{t: &reporter{TB: t}, ctx: ctx, compose: abs, project: fmt.Sprintf("electnode-test-%d-%d", os.Getpid(), len(files)), port: map[string]int{}}
	for _, file := range files {
		d.files = append(d.files, "-f", file)
	}
	d.env = os.Environ()
	ports := proc.Ports(t, len(published()))
	for i, p := range published() {
		d.port[p.service] = ports[i]
		d.env = append(d.env, fmt.Sprintf("%s=%d", p.variable, ports[i]))
	}
	return d
}

// run runs a program in the repository and returns what it printed.
func (d *demo) run(name string, args ...string) string {
	d.t.Helper()
	out, err := d.try(name, args...)
	if err != nil {
		d.t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return out
}

func (d *demo) try(name string, args ...string) (string, error) {
	cmd := exec.CommandContext(d.ctx, name, args...)
	cmd.Dir, cmd.Env = root, d.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return strings.TrimSpace(out.String()), err
}

// up runs compose for this project.
func (d *demo) up(args ...string) string {
	d.t.Helper()
	return d.run(d.compose, slices.Concat(d.files, []string{"-p", d.project}, args)...)
}

// docker runs the docker client.
func (d *demo) docker(args ...string) string {
	d.t.Helper()
	return d.run("docker", args...)
}

// container is the name of a service's container.
func (d *demo) container(service string) string { return d.project + "-" + service + "-1" }

// get decodes the JSON at a path of a service.
func (d *demo) get(service, path string, into any) error {
	ctx, cancel := context.WithTimeout(d.ctx, 5*time.Second)
	defer cancel()
	url := fmt.Sprintf("http://127.0.0.1:%d%s", d.port[service], path)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s %.200s", url, resp.Status, raw)
	}
	return json.Unmarshal(raw, into)
}

// eventually waits for what needs its time, and says how much it was.
func (d *demo) eventually(during time.Duration, what string, cond func() error) {
	d.t.Helper()
	began := time.Now()
	proc.Every(d.t, 250*time.Millisecond, during, what, cond)
	d.t.Logf("%s: after %s", what, time.Since(began).Round(time.Millisecond))
}
