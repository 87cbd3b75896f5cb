package system

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"electnode/test/proc"
)

func demoWith(t testing.TB, script string, args ...string) outcome {
	t.Helper()
	dir := t.TempDir()
	args = append([]string{"demo"}, args...)
	if script != "" {
		path := filepath.Join(dir, "script")
		if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--script", path)
	}
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	o := runIn(t, dir, []string{"TMPDIR=" + tmp}, args...)
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("the demo left %v behind, %v", left, err)
	}
	return o
}

// TestDemo runs the demo as a newcomer does: a leader within a second, and who it is.
func TestDemo(t *testing.T) {
	t.Parallel()
	o := demoWith(t, "", "--duration", "1500ms", "--web.listen-address", "127.0.0.1:0")
	line := regexp.MustCompile(`(?m)^ *(\d+\.\d+)s +server (\d) +established server (\d) leads in epoch 1`)
	all := line.FindAllStringSubmatch(o.stdout, -1)
	if o.code != 0 || len(all) != 3 || !strings.HasPrefix(o.stdout, "3 servers, look at http://127.0.0.1:") &&
		!strings.Contains(o.stdout, "\n3 servers, look at http://127.0.0.1:") {
		t.Fatalf("exit %d:\n%s%s", o.code, o.stdout, o.stderr)
	}
	for _, m := range all {
		if at, err := strconv.ParseFloat(m[1], 64); err != nil || at > 1 || m[3] != all[0][3] {
			t.Errorf("%q, %v", m[0], err)
		}
	}
	t.Logf("%s", all[len(all)-1][0])
}

// TestDemoMany has five voters and an observer.
func TestDemoMany(t *testing.T) {
	t.Parallel()
	o := demoWith(t, "", "--nodes", "5", "--observers", "1", "--duration", "1500ms", "--web.listen-address", "off")
	if o.code != 0 || !strings.Contains(o.stdout, "server 6   OBSERVING") || strings.Count(o.stdout, "established server") != 6 {
		t.Errorf("exit %d:\n%s%s", o.code, o.stdout, o.stderr)
	}
}

// TestDemoScript plays every verb. The server with the largest zxid leads in the end.
func TestDemoScript(t *testing.T) {
	t.Parallel()
	script := `# every verb
at 400ms kill leader
at 800ms restart 3
at 800ms restart 2
at 1200ms resign leader
at 1500ms isolate leader
at 3200ms heal
at 3600ms cut 1 2
at 3700ms heal
at 3800ms pause 1
at 4000ms resume 1
at 4100ms partition 1,2 | 3
at 5600ms heal
at 6500ms zxid 1 0x500000001
at 7s resign leader
at 7500ms kill 9
`
	o := demoWith(t, script, "--duration", "8500ms", "--web.listen-address", "off")
	for _, want := range []string{"at 400ms kill leader", "better_zxid", "not done: at 7500ms kill 9: there is no server 9",
		"server 1 leads in epoch"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("no %q", want)
		}
	}
	if n := strings.Count(o.stdout, "not done"); o.code != 0 || n != 1 || t.Failed() {
		t.Errorf("exit %d, %d actions not done:\n%s%s", o.code, n, o.stdout, o.stderr)
	}
}

// TestDemoWithoutLeader ends while nobody can lead.
func TestDemoWithoutLeader(t *testing.T) {
	t.Parallel()
	o := demoWith(t, "at 300ms partition 1 | 2 | 3\n", "--duration", "3s", "--web.listen-address", "off")
	if o.code != 1 || o.stderr != "electnode: no leader is established\n" {
		t.Errorf("exit %d, stderr %q:\n%s", o.code, o.stderr, o.stdout)
	}
	if o.took.Seconds() > 5 {
		t.Errorf("it took %s", o.took)
	}
}

// TestDemoPage asks the demo's page, and ends it with a signal.
func TestDemoPage(t *testing.T) {
	t.Parallel()
	p := proc.New(t, "demo", filepath.Join(t.TempDir(), "log"))
	p.Start(command("demo", "--web.listen-address", "127.0.0.1:0"))
	var url string
	quick(t, "the address is printed", func() error {
		m := regexp.MustCompile(`look at (http://[^/]+)/`).FindStringSubmatch(p.Log())
		if m == nil {
			return os.ErrNotExist
		}
		url = m[1]
		return nil
	})
	quick(t, "all follow one leader", func() error {
		if page := string(get(t, url+"/api/v1/status?format=text")); strings.Count(page, "is established in epoch 1") != 3 {
			return os.ErrNotExist
		}
		return nil
	})
	for _, path := range []string{"/healthz", "/api/v1/status", "/nodes/1/readyz", "/nodes/2/api/v1/status"} {
		if body := get(t, url+path); len(body) == 0 {
			t.Errorf("%s is empty", path)
		}
	}
	if o := run(t, "status", url+"/nodes/1", url+"/nodes/2", url+"/nodes/3"); o.code != 0 {
		t.Errorf("status: %+v", o)
	}
	p.Signal(os.Interrupt)
	if code := p.Wait(patience); code != 0 {
		t.Errorf("exit %d after SIGINT", code)
	}
}
