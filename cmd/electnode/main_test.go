package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"electnode/internal/demo"
	"electnode/internal/web"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func executed(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = execute(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestInspect(t *testing.T) {
	const real = "../../internal/durable/testdata/zookeeper-3.8.0"
	code, out, errs := executed("inspect", real)
	if code != 0 || errs != "" || !strings.Contains(out, "would vote") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	code, out, errs = executed("inspect", "--json", real)
	var report struct {
		SID      int `json:"sid"`
		Problems []string
	}
	if err := json.Unmarshal([]byte(out), &report); code != 0 || err != nil || report.SID != 1 || report.Problems == nil {
		t.Errorf("exit %d, %v, %+v, %s", code, err, report, errs)
	}
	// The logs elsewhere: then there are none here.
	if code, out, errs = executed("inspect", real, "--log-dir", t.TempDir()); code != 3 || !strings.Contains(errs, "problem") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	if code, _, errs = executed("inspect", filepath.Join(real, "none")); code != 1 || !strings.HasPrefix(errs, "electnode: ") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// TestConfigErrors: one line for each problem, and the program's name once.
func TestConfigErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zoo.cfg")
	cfg := "tickTime=0\nsyncLimit=x\ninitLimit=5\ndataDir=/var/lib/none\nserver.1=a:1:2\nserver.2=b:1:2\n"
	if err := os.WriteFile(path, []byte(cfg), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, errs := executed("config", path)
	lines := strings.Split(strings.TrimSpace(errs), "\n")
	if code != 2 || out != "" || strings.Count(errs, "electnode: ") != 1 || len(lines) < 3 {
		t.Fatalf("exit %d, %s%s", code, out, errs)
	}
	for _, want := range []string{path + ":1: tickTime", path + ":2: syncLimit"} {
		if !strings.Contains(errs, want) {
			t.Errorf("no %q in %s", want, errs)
		}
	}
}

// TestConfigTells what is in force of TLS, and names as not used only what has no effect.
func TestConfigTells(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "myid"), []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const keys = "cnxTimeout=1\nadmin.enableServer=false\nssl.quorum.keyStore.location=/none/k.pem\nssl.quorum.clientAuth=want\nssl.quorum.crlEnabled=true\n" +
		"ssl.quorum.clientHostnameVerification=false\n"
	for extra, want := range map[string][]string{
		"": {"TLS: none", "not used here: admin.enableServer ssl.quorum.clientAuth ssl.quorum.clientHostnameVerification ssl.quorum.crlEnabled ssl.quorum.keyStore.location"},
		"sslQuorum=true\nportUnification=true\n": {"TLS: dials TLS, accepts TLS and plain, TLSv1.2, certificates read at the start", "key store: /none/k.pem, PEM",
			"trust store: the system's authorities", "callers' certificates: want", "host names: of servers that are dialled",
			"not used here: admin.enableServer ssl.quorum.crlEnabled"},
	} {
		path := filepath.Join(dir, "zoo.cfg")
		if err := os.WriteFile(path, []byte("initLimit=5\nsyncLimit=5\ndataDir="+dir+"\nserver.1=127.0.0.1:1:2\nserver.2=127.0.0.1:3:4\n"+keys+extra), 0o644); err != nil {
			t.Fatal(err)
		}
		code, out, errs := executed("config", path)
		if code != 0 {
			t.Fatalf("exit %d, %s", code, errs)
		}
		told := map[string]bool{}
		for line := range strings.Lines(out) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "  ")
			told[name+": "+strings.TrimSpace(value)] = true
		}
		for _, w := range want {
			if !told[w] {
				t.Errorf("%q: no %q in\n%s", extra, w, out)
			}
		}
		if warned := strings.Contains(errs, ":10: ssl.quorum.crlEnabled is not a key"); warned != (extra != "") {
			t.Errorf("%q: %s", extra, errs)
		}
	}
}

func TestEveryCommandHasAnExample(t *testing.T) {
	cmd := root(&common{})
	for _, c := range append(cmd.Commands(), cmd) {
		if !strings.HasPrefix(c.Example, "  electnode") || c.Short == "" {
			t.Errorf("%s has the example %q", c.Name(), c.Example)
		}
	}
}

func TestVerdict(t *testing.T) {
	says := func(leader int64, epoch string, established bool) answer {
		var s web.Status
		text, err := json.Marshal(map[string]any{"leader": leader, "established": established, "current_epoch": epoch})
		if err == nil {
			err = json.Unmarshal(text, &s)
		}
		if err != nil {
			t.Fatal(err)
		}
		return answer{Status: &s}
	}
	silent := answer{Error: "refused"}
	for _, c := range []struct {
		name string
		all  []answer
		want int
	}{
		{"one", []answer{says(3, "5", true)}, 0},
		{"agree", []answer{says(3, "5", true), says(3, "5", true)}, 0},
		{"another leader", []answer{says(3, "5", true), says(2, "5", true)}, exitDiffer},
		{"another epoch", []answer{says(3, "5", true), says(3, "6", true)}, exitDiffer},
		{"not established", []answer{says(3, "5", true), says(3, "5", false)}, exitDiffer},
		{"one is silent", []answer{says(3, "5", true), silent}, exitDiffer},
		{"first is silent", []answer{silent, says(3, "5", true)}, exitDiffer},
		{"all are silent", []answer{silent, silent}, exitFailed},
	} {
		got := 0
		if err := verdict(c.all); err != nil {
			got = err.(*exitError).code
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestScriptsOnTheTimeLine: every action of a script can be told as a fault.
func TestScriptsOnTheTimeLine(t *testing.T) {
	for text, want := range map[string]string{
		"kill leader": "kill leader", "kill 2": "kill 2", "cut 1 2": "cut 1 2", "cut leader 2": "cut leader 2",
		"partition 1,2 | 3": "partition 1,2 | 3", "heal": "heal", "pause 3": "pause 3",
	} {
		a, err := demo.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := faultOf(a).String(); got != want {
			t.Errorf("%q is told as %q", text, got)
		}
	}
}
