package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// zooCfg is a configuration of three servers, which has no myid.
const zooCfg = "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/nowhere\n" +
	"server.1=zoo1:2888:3888;2181\nserver.2=zoo2:2888:3888;2181\nserver.3=zoo3:2888:3888:observer;2181\n"

// written writes files into a directory of their own, and gives that.
func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestWatchDryRun prints what would be sent, for a target, a zoo.cfg, and a file with several ensembles.
func TestWatchDryRun(t *testing.T) {
	dir := written(t, map[string]string{"prod.cfg": zooCfg, "all.yml": "- name: prod\n  targets: [zoo1:3888, 2=tunnel:13888]\n  interval: 1s\n" +
		"- name: lab\n  targets: ['[2001:db8::1]:3888']\n  enrich: true\n"})
	for name, args := range map[string][]string{
		"target":    {"zoo1:3888", "--interval", "500ms", "--name", "prod"},
		"config":    {"--config", filepath.Join(dir, "prod.cfg"), "--client-port"},
		"ensembles": {"--ensembles", filepath.Join(dir, "all.yml")},
	} {
		code, out, errs := executed(append(append([]string{"watch"}, args...), "--dry-run", "--sid", "4611686018427387905")...)
		if code != 0 || errs != "" {
			t.Errorf("%s: exit %d, %s", name, code, errs)
			continue
		}
		golden := filepath.Join("testdata", "watch-"+name+".txt")
		if *rewrite {
			if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if out != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, out, want)
		}
	}
}

// TestWatchNames: what an ensemble is called when nobody says so, and that the watcher's sid is made of it.
func TestWatchNames(t *testing.T) {
	dir := written(t, map[string]string{"prod.cfg": zooCfg})
	first := func(args ...string) string {
		t.Helper()
		code, out, errs := executed(append([]string{"watch", "--dry-run"}, args...)...)
		if code != 0 {
			t.Fatalf("%q: exit %d, %s", args, code, errs)
		}
		line, _, _ := strings.Cut(out, "\n")
		return line
	}
	for want, args := range map[string][]string{
		"zoo1:3888":                {"zoo1:3888", "zoo2:3888"},
		"tunnel:1":                 {"7=tunnel:1"},
		"2001:db8:0:0:0:0:0:1:388": {"[2001:db8::1]:388"},
		"prod":                     {"--config", filepath.Join(dir, "prod.cfg")},
		"mine":                     {"--config", filepath.Join(dir, "prod.cfg"), "--name", "mine"},
	} {
		if got := first(args...); !strings.HasPrefix(got, "ensemble "+want+", watched with server id ") {
			t.Errorf("%q is called %q", args, got)
		}
	}
	sid := func(name string) string {
		_, id, _ := strings.Cut(first("zoo1:3888", "--name", name), "server id ")
		return id
	}
	if a := sid("a"); a != sid("a") || a == sid("b") {
		t.Errorf("sid %s of a is %s next time, %s of b", a, sid("a"), sid("b"))
	}
}

// TestWatchRefuses: exit status 2, and lines that name the flag, or file, line and key. Nobody is connected to.
func TestWatchRefuses(t *testing.T) {
	dir := written(t, map[string]string{
		"bad.cfg": "tickTime=x\ninitLimit=10\nsyncLimit=5\ndataDir=/nowhere\nserver.1=a:1\n", "prod.cfg": zooCfg,
		"tls.cfg": zooCfg + "sslQuorum=true\nssl.quorum.keyStore.location=/nowhere/key.pem\n",
		"jks.cfg": zooCfg + "sslQuorum=true\nssl.quorum.keyStore.location=/nowhere/key.jks\n",
		"web.yml": "tls_server_config: [\n",
	})
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"nobody to watch", "--config", "--ensembles"}},
		{[]string{"zoo1"}, []string{"TARGET: ", `"zoo1"`, "host:port"}},
		{[]string{"zoo1:0"}, []string{"TARGET: ", "no port"}},
		{[]string{"x=zoo1:1"}, []string{"TARGET: ", "not a server id"}},
		{[]string{"zoo1:1", "--interval", "1ms"}, []string{"--interval: interval 1ms is below 50ms"}},
		{[]string{"zoo1:1", "--interval", "soon"}, []string{"soon", "--interval"}},
		{[]string{"zoo1:1", "--sid", "-4"}, []string{"--sid: sid -4"}},
		{[]string{"zoo1:1", "--name", "a b"}, []string{`--name: "a b" is no name`}},
		{[]string{"zoo1:1", "--name", ".."}, []string{`--name: ".." is no name`}},
		{[]string{"zoo1:1", "--tls.ca-file", in("none.pem")}, []string{"--tls", in("none.pem"), "no such file"}},
		{[]string{"--config", in("prod.cfg"), "--tls.ca-file", "x"}, []string{"--tls flags are for TARGETs"}},
		{[]string{"--config", in("bad.cfg")}, []string{in("bad.cfg") + ":1: tickTime", in("bad.cfg") + ":5: server.1"}},
		{[]string{"--config", in("none.cfg")}, []string{in("none.cfg"), "no such file"}},
		{[]string{"--config", in("tls.cfg")}, []string{in("tls.cfg"), "ssl.quorum.keyStore.location", "no such file"}},
		{[]string{"--config", in("jks.cfg")}, []string{in("jks.cfg") + ":9: ssl.quorum.keyStore.location", "JKS"}},
		{[]string{"--config", in("prod.cfg"), "--config", in("prod.cfg")}, []string{in("prod.cfg"), `the name "prod" is that of`}},
		{[]string{"--config", in("prod.cfg"), "--config", in("tls.cfg"), "--name", "x"}, []string{"--name is for TARGETs"}},
		{[]string{"--ensembles", in("none.yml")}, []string{"--ensembles: ", in("none.yml"), "no such file"}},
		{[]string{"--ensembles", in("none.yml"), "--client-port"}, []string{"--client-port is for TARGETs and --config", "enrich"}},
		{[]string{"--config", in("prod.cfg"), "--sid", "2"}, []string{in("prod.cfg"), "sid 2 is that of a server in the configuration"}},
		{[]string{"1=zoo1:1", "1=zoo2:1"}, []string{"target 1=zoo2:1: server 1 is at zoo1:1 already"}},
		{[]string{"zoo1:1", "--web.config.file", in("web.yml")}, []string{in("web.yml")}},
		{[]string{"zoo1:1", "--trace.endpoint", "ftp://x"}, []string{"--trace.endpoint", "ftp://x"}},
		{[]string{"zoo1:1", "--log.level", "loud"}, []string{"loud"}},
	} {
		refused(t, c.args, c.want)
	}
}

// refused checks that a command line is refused with these words, in this order.
func refused(t *testing.T, args, want []string) {
	t.Helper()
	code, out, errs := executed(append([]string{"watch"}, args...)...)
	rest, ok := strings.CutPrefix(errs, "electnode: ")
	for _, w := range want {
		if _, rest, ok = strings.Cut(rest, w); !ok {
			t.Errorf("%q: no %q in its place in %s", args, w, errs)
			break
		}
	}
	if code != exitUsage || out != "" || strings.Count(errs, "electnode: ") != 1 || strings.Contains(errs, "Usage") {
		t.Errorf("%q: exit %d, %s%s", args, code, out, errs)
	}
}

// TestEnsemblesFile names file, line and key of what is wrong with a file of ensembles.
func TestEnsemblesFile(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ": no ensemble in it"},
		{"no list", "name: a\ntargets: [a:1]\n", ":1: cannot unmarshal"},
		{"no YAML", "- name: [\n", ":"},
		{"no entry", "- name: a\n  targets: [a:1]\n- a:1\n", ":3: cannot unmarshal"},
		{"unknown key", "- name: a\n  targets: [a:1]\n  target: b:1\n", ":3: unknown key target"},
		{"unknown TLS key", "- name: a\n  targets: [a:1]\n  tls:\n    ca: x\n    crt: y\n", ":5: unknown key crt"},
		{"key twice", "- name: a\n  name: b\n  targets: [a:1]\n", ":2: name is given twice"},
		{"no name", "- name: a\n  targets: [a:1]\n- targets: [b:1]\n", ":3: an ensemble without a name"},
		{"a null", "- name:\n  targets: [b:1]\n", ":1: an ensemble without a name"},
		{"no target", "- name: a\n", ":1: targets or config are wanted"},
		{"a bad name", "- targets: [a:1]\n  name: a/b\n", `:2: name: "a/b" is no name`},
		{"a name twice", "- name: a\n  targets: [a:1]\n- targets: [b:1]\n  name: a\n", `:4: name: the name "a" is that of`},
		{"a bad target", "- name: a\n  targets: [a:1, b]\n", `:2: targets: target "b"`},
		{"one target", "- name: a\n  targets: a:1\n", ":2: cannot unmarshal"},
		{"a bad time", "- name: a\n  targets: [a:1]\n  interval: 4\n", `:3: interval: "4" is no time`},
		{"a short time", "- name: a\n  targets: [a:1]\n  interval: 4ms\n", ":3: interval: interval 4ms is below 50ms"},
		{"no flag", "- name: a\n  targets: [a:1]\n  enrich: maybe\n", ":3: cannot unmarshal"},
		{"no file", "- name: a\n  config: /nowhere/zoo.cfg\n", "/nowhere/zoo.cfg: cannot be read"},
		{"a second document", "- name: a\n  targets: [a:1]\n---\n- name: b\n  targets: [b:1]\n", ": more than one document"},
		{"an empty second document", "- name: a\n  targets: [a:1]\n---\n", ": more than one document"},
		{"a bad second document", "- name: a\n  targets: [a:1]\n---\n[", ": more than one document"},
		{"no certificate", "- name: a\n  targets: [a:1]\n  tls:\n    ca: /nowhere/ca.pem\n", ":4: tls: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(written(t, map[string]string{"all.yml": c.text}), "all.yml")
			want := c.want
			if strings.HasPrefix(want, ":") {
				want = file + want
			}
			refused(t, []string{"--ensembles", file}, []string{want})
		})
	}
}
