package system

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// outcome is what one run of the program came to.
type outcome struct {
	code           int // -1: a signal ended it
	stdout, stderr string
	took           time.Duration
}

// run runs the program to its end, which must come.
func run(t testing.TB, args ...string) outcome {
	t.Helper()
	return runIn(t, t.TempDir(), nil, args...)
}

func runIn(t testing.TB, dir string, env []string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begun := time.Now()
	err := cmd.Run()
	o := outcome{0, stdout.String(), stderr.String(), time.Since(begun)}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Fatalf("%q does not end: %s%s", args, o.stdout, o.stderr)
	case errors.As(err, &exit):
		o.code = exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	return o
}

// TestExitStatus runs every command the wrong way: a status, and one clear line that begins with the
// program's name once.
func TestExitStatus(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bad := write("bad.cfg", "tickTime=2000\ninitLimit=ten\nsyncLimit=5\ndataDir="+dir+"/none\nserver.1=127.0.0.1:1:2\n")
	script := write("script", "at 1s kill leader\nat soon heal\nat 2s explode 3\n")
	absent := filepath.Join(dir, "absent")
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "myid"), []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	good := write("good.cfg", "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir="+data+"\nserver.1=127.0.0.1:1:2\nserver.2=127.0.0.1:3:4\n")
	tls := write("web.yml", "tls_server_config: [\n")
	for _, c := range []struct {
		args []string
		code int
		want []string // in this order on stderr
	}{
		{[]string{"explode"}, 2, []string{"explode"}},
		{[]string{"--nope"}, 2, []string{"--nope"}},
		{[]string{"run", "--nope"}, 2, []string{"--nope"}},
		{[]string{"run", "a", "b"}, 2, []string{"accepts at most 1"}},
		{[]string{"run", absent}, 2, []string{absent, "no such file"}},
		{[]string{"run", bad}, 2, []string{bad + ":2: initLimit"}},
		{[]string{"run", good, "--web.config.file", absent}, 2, []string{absent, "no such file"}},
		{[]string{"run", good, "--web.config.file", tls}, 2, []string{tls, "yaml"}},
		{[]string{"run", good, "--trace.endpoint", "ftp://x"}, 2, []string{"--trace.endpoint", "ftp://x"}},
		{[]string{"watch"}, 2, []string{"nobody to watch"}},
		{[]string{"watch", "zoo1"}, 2, []string{"TARGET", "zoo1", "host:port"}},
		{[]string{"watch", "zoo1:1", "--web.listen-address", "127.0.0.1:99999"}, 1, []string{"HTTP on 127.0.0.1:99999"}},
		{[]string{"chaos"}, 2, []string{"at least 1 arg"}},
		{[]string{"chaos", "x", "--every", "1ms"}, 2, []string{"--every"}},
		{[]string{"healthcheck", "http://127.0.0.1:1"}, 1, []string{"refused"}},
		{[]string{"--log.level", "loud", "run", bad}, 2, []string{"loud"}},
		{[]string{"--log.format", "xml", "version"}, 2, []string{"xml"}},
		{[]string{"config"}, 2, []string{"accepts 1 arg"}},
		{[]string{"config", absent}, 2, []string{absent, "no such file"}},
		{[]string{"config", bad}, 2, []string{bad + ":2: initLimit"}},
		{[]string{"inspect"}, 2, []string{"accepts 1 arg"}},
		{[]string{"inspect", absent}, 1, []string{absent, "no such file"}},
		{[]string{"inspect", dir}, 3, []string{dir, "1 problem"}},
		{[]string{"demo", "--nodes", "0"}, 2, []string{"0 nodes"}},
		{[]string{"demo", "--nodes", "1", "--observers", "1"}, 2, []string{"one voter with observers"}},
		{[]string{"demo", "--duration", "soon"}, 2, []string{"soon", "--duration"}},
		{[]string{"demo", "--script", absent}, 2, []string{absent}},
		{[]string{"demo", "--script", script}, 2, []string{script + ":2:", script + ":3:", "explode"}},
		{[]string{"demo", "--duration", "1s", "--web.listen-address", "127.0.0.1:99999"}, 1, []string{"HTTP on 127.0.0.1:99999"}},
		{[]string{"status", "http://127.0.0.1:1"}, 1, []string{"no node answers"}},
		{[]string{"version", "x"}, 2, []string{"x"}},
	} {
		o := run(t, c.args...)
		rest := o.stderr
		for _, w := range append([]string{"electnode: "}, c.want...) {
			_, after, ok := strings.Cut(rest, w)
			if !ok {
				t.Errorf("%q: stderr %q, want %q in this order", c.args, o.stderr, c.want)
				break
			}
			rest = after
		}
		if o.code != c.code || strings.Count(o.stderr, "electnode: ") != 1 || strings.Contains(o.stderr, "Usage") {
			t.Errorf("%q: exit %d, want %d, stderr %q", c.args, o.code, c.code, o.stderr)
		}
	}
}

// TestHelp wants help with an example from every command, and the completion of three shells.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"", "run", "watch", "demo", "config", "status", "inspect", "version"} {
		args := append(strings.Fields(command), "--help")
		if o := run(t, args...); o.code != 0 || !strings.Contains(o.stdout, "Examples:\n  electnode ") || o.stderr != "" {
			t.Errorf("%q: exit %d, stdout %q, stderr %q", args, o.code, o.stdout, o.stderr)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if o := run(t, "completion", shell); o.code != 0 || !strings.Contains(o.stdout, "electnode") {
			t.Errorf("completion %s: exit %d, %q", shell, o.code, o.stderr)
		}
	}
	if o := run(t, "version", "--json"); o.code != 0 || !strings.Contains(o.stdout, `"go_version":"go1.`) {
		t.Errorf("version: %+v", o)
	}
}

// TestFirstSignal ends a node, a leader with its followers, and a demo: cleanly, within two seconds, with
// exit status 0.
func TestFirstSignal(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, defaults)
	leader, _ := e.start()
	stop := func(s *server, sig os.Signal) {
		begun := time.Now()
		s.Signal(sig)
		code := s.Wait(patience)
		if took := time.Since(begun); code != 0 || took > 2*time.Second {
			t.Errorf("server %d: %s ended it after %s with exit status %d", s.SID, sig, took, code)
		}
	}
	stop(leader, syscall.SIGTERM)
	rest := e.others(leader)
	e.established(rest...)
	stop(rest[0], os.Interrupt)
	stop(rest[1], syscall.SIGTERM) // without a leader
}

// TestSecondSignal keeps a node from ending: nobody reads its log. A second signal ends it all the same.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	e := newEnsemble(t, 3, defaults)
	s := e.server(1)
	cmd := exec.Command(program, "run", filepath.Join(s.Dir, "zoo.cfg"), "--web.listen-address", s.HTTP, "--log.level", "debug")
	cmd.Stderr = w
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	// Ends with the process, which is killed below at the latest.
	go func() { ended <- cmd.Wait() }()
	defer cmd.Process.Kill()
	quick(t, "it answers", func() error { _, err := s.Status(); return err })
	fill(t, w)
	signal := func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	signal()
	quick(t, "it has begun to end", func() error {
		if code(s, "/healthz") != 0 {
			return errors.New("it still answers")
		}
		return nil
	})
	begun := time.Now()
	signal()
	select {
	case err := <-ended:
		t.Logf("the second signal ended it after %s: %v", time.Since(begun).Round(time.Microsecond), err)
	case <-time.After(2 * time.Second):
		t.Error("it still runs two seconds after the second signal")
	}
}

// fill writes to a pipe until there is no more room in it. The process at its other end blocks as before.
func fill(t testing.TB, w *os.File) {
	t.Helper()
	fd := int(w.Fd())
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{4096, 1} {
		for n := 1; n > 0; {
			n, _ = syscall.Write(fd, make([]byte, size)) // -1: no room for so much
		}
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
}
