package proc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"electnode/internal/web"
)

// Build builds cmd/electnode into dir and gives the program's path: once for a test binary, in TestMain.
// It has the race detector in it when the tests have.
func Build(dir string) (string, error) { return build(dir, raceEnabled) }

// BuildPlain is Build without the race detector, whatever the tests have: for what is measured.
func BuildPlain(dir string) (string, error) { return build(dir, false) }

func build(dir string, race bool) (string, error) {
	program := filepath.Join(dir, "electnode")
	args := []string{"build", "-o", program}
	if race {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "electnode/cmd/electnode")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
}

// Node is one `electnode run` process.
type Node struct {
	*Process
	SID  int
	Dir  string // zoo.cfg and the log are in it, its data in data/
	HTTP string // where it answers, host:port
	// Client asks it over HTTP; one of its own for a node that is on another host.
	Client *http.Client

	t       testing.TB
	program string
}

// NewNode prepares a node: program is what Build gave, zooCfg its configuration, to which dataDir is added.
func NewNode(t testing.TB, program string, sid int, zooCfg string) *Node {
	t.Helper()
	n := &Node{SID: sid, Dir: t.TempDir(), Client: http.DefaultClient, t: t, program: program}
	n.HTTP = fmt.Sprintf("127.0.0.1:%d", Ports(t, 1)[0])
	n.Process = New(t, fmt.Sprintf("electnode %d", sid), filepath.Join(n.Dir, "log"))
	t.Cleanup(func() {
		for _, bad := range []string{"DATA RACE", "panic:", "fatal error:"} {
			if strings.Contains(n.Log(), bad) {
				t.Errorf("electnode %d: %s\n%s", sid, bad, from(n.Log(), bad))
			}
		}
	})
	if err := os.MkdirAll(n.DataDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.DataDir(), "myid"), fmt.Appendf(nil, "%d\n", sid), 0o644); err != nil {
		t.Fatal(err)
	}
	n.Configure(zooCfg)
	return n
}

// from is a part of a log that begins at the first place of what.
func from(log, what string) string {
	const most = 8 << 10
	tail := log[strings.Index(log, what):]
	return tail[:min(len(tail), most)]
}

// DataDir is the node's dataDir.
func (n *Node) DataDir() string { return filepath.Join(n.Dir, "data") }

// Configure writes another zoo.cfg, for the next start.
func (n *Node) Configure(zooCfg string) {
	n.t.Helper()
	cfg := zooCfg + "\ndataDir=" + n.DataDir() + "\n"
	if err := os.WriteFile(filepath.Join(n.Dir, "zoo.cfg"), []byte(cfg), 0o644); err != nil {
		n.t.Fatal(err)
	}
}

// Also adds lines to zoo.cfg, for the next start.
func (n *Node) Also(lines string) {
	n.t.Helper()
	path := filepath.Join(n.Dir, "zoo.cfg")
	cfg, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append(cfg, lines...), 0o644)
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// Start starts the node, with more flags if given. It does not wait.
func (n *Node) Start(flags ...string) {
	n.t.Helper()
	args := append([]string{"run", filepath.Join(n.Dir, "zoo.cfg"), "--web.listen-address", n.HTTP,
		"--log.format", "json", "--log.level", "debug"}, flags...)
	n.Process.Start(exec.Command(n.program, args...))
}

// StartAndWait starts the node and waits until it answers.
func (n *Node) StartAndWait(flags ...string) {
	n.t.Helper()
	n.Start(flags...)
	Eventually(n.t, 20*time.Second, fmt.Sprintf("electnode %d answers at %s", n.SID, n.HTTP), func() error {
		_, err := n.Status()
		if err != nil && !n.Running() {
			n.t.Fatalf("electnode %d has ended:\n%s", n.SID, Tail(n.Log(), logLines))
		}
		return err
	})
}

// Status is what /api/v1/status says.
func (n *Node) Status() (web.Status, error) {
	var s web.Status
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.HTTP+"/api/v1/status", nil)
	if err != nil {
		return s, err
	}
	resp, err := n.Client.Do(req)
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return s, err
	}
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("%s: %s", resp.Status, body)
	}
	return s, json.Unmarshal(body, &s)
}

// Line is one line of a node's log.
type Line map[string]any

// Lines lists the log lines with this message, of all lives.
func (n *Node) Lines(message string) []Line {
	var found []Line
	for text := range strings.Lines(n.Log()) {
		var l Line
		if json.Unmarshal([]byte(text), &l) == nil && l["msg"] == message {
			found = append(found, l)
		}
	}
	return found
}

// Epochs are acceptedEpoch and currentEpoch as a data directory, of any kind of server, has them; 0 for a
// file that is not there.
func Epochs(dataDir string) (accepted, current int64, err error) {
	read := func(name string) (int64, error) {
		raw, err := os.ReadFile(filepath.Join(dataDir, "version-2", name))
		if errors.Is(err, os.ErrNotExist) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		return strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
	}
	accepted, err = read("acceptedEpoch")
	if err != nil {
		return 0, 0, err
	}
	current, err = read("currentEpoch")
	return accepted, current, err
}
