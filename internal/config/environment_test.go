package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// variables is an environment.
type variables map[string]string

func (v variables) lookup(name string) (string, bool) {
	value, ok := v[name]
	return value, ok
}

func TestFromEnvironment(t *testing.T) {
	cfg, warnings, err := fromEnvironment(memFiles{}, variables{
		"ZOO_MY_ID": "2", "ZOO_TICK_TIME": "1000", "ZOO_4LW_COMMANDS_WHITELIST": "*",
		"ZOO_SERVERS":   "server.1=zoo1:2888:3888;2181 server.2=zoo2:2888:3888;2181\n\tserver.3=zoo3:2888:3888;2181",
		"ZOO_CFG_EXTRA": "syncLimit=7 electnode.voter=refuse"}.lookup)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Error(warnings)
	}
	got := []any{cfg.File, cfg.MyID.String(), cfg.Tick, cfg.InitLimit, cfg.SyncLimit, cfg.DataDir, cfg.DataLogDir, cfg.ClientAddress,
		cfg.Own.Voter, cfg.AllowsCommand("mntr"), len(cfg.View.Voters()), cfg.PassedThrough["admin.enableServer"]}
	want := []any{"environment", "2", time.Second, 5, 7, "/data", "/datalog", "0.0.0.0:2181", VoterRefuse, true, 3, "true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEnvironmentDefaults(t *testing.T) {
	cfg, _, err := fromEnvironment(memFiles{}, variables{"ZOO_SERVERS": "", "ZOO_MY_ID": ""}.lookup)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.View.Text(); got != "server.1=localhost:2888:3888:participant;0.0.0.0:2181\nversion=0" || cfg.MyID != 1 {
		t.Error(got, cfg.MyID)
	}
}

func TestProblemsOfTheEnvironmentNameTheVariable(t *testing.T) {
	_, _, err := fromEnvironment(memFiles{}, variables{"ZOO_TICK_TIME": "", "ZOO_SYNC_LIMIT": "x", "ZOO_SERVERS": "server.1=a server.2=b:1:2",
		"ZOO_CFG_EXTRA": "electnode.x=1", "ZOO_MY_ID": "7"}.lookup)
	if err == nil {
		t.Fatal("accepted")
	}
	want := []string{
		`environment ZOO_TICK_TIME: tickTime: "" is not a whole number in range`,
		`environment ZOO_SYNC_LIMIT: syncLimit: "x" is not a whole number in range`,
		`environment ZOO_CFG_EXTRA: electnode.x is not a key that electnode knows`,
		`environment ZOO_SERVERS: server.1: "a": expected host:quorumPort:electionPort[:role][;[clientHost:]clientPort]`,
	}
	if diff := cmp.Diff(want, problems(err)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFilesBeatTheVariables(t *testing.T) {
	disk := memFiles{"/c/zoo.cfg": []byte(strings.ReplaceAll(base, "/d", "/e/") + three), "/e/myid": []byte("3")}
	env := variables{"ZOO_CONF_DIR": "/c", "ZOO_DATA_DIR": "/e", "ZOO_SERVERS": "server.1=x:1:2", "ZOO_MY_ID": "2"}
	cfg, warnings, err := fromEnvironment(disk, env.lookup)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.File != "/c/zoo.cfg" || cfg.MyID != 3 || len(cfg.View.Voters()) != 3 || len(warnings) != 2 {
		t.Errorf("%s %d %v", cfg.File, cfg.MyID, warnings)
	}
	delete(disk, "/e/myid")
	if cfg, _, err := fromEnvironment(disk, env.lookup); err != nil || cfg.MyID != 2 {
		t.Error(cfg, err)
	}
}

// FuzzEnvironment: whatever the variables hold, a server that is listed comes of them, or each problem is named with its place.
func FuzzEnvironment(f *testing.F) {
	f.Add("server.1=zoo1:2888:3888;2181 server.2=zoo2:2888:3888;2181\n\tserver.3=zoo3:2888:3888;2181", "syncLimit=7 electnode.voter=refuse", "2", "1000", "/data", "*")
	f.Add("", "", "", "", "", "")
	f.Add("server.1=a server.2=b:1:2", "electnode.x=1 dynamicConfigFile=/data/myid", "7", "x\nserver.3=c:1:2", "d", "\\")
	f.Add("server.1=a:1:2", "standaloneEnabled=false\\\n", "1\n", "2000\\", "/d/\n", "\u0000")
	f.Fuzz(func(t *testing.T, servers, extra, id, tick, dir, words string) {
		cfg, warnings, err := fromEnvironment(memFiles{}, variables{"ZOO_SERVERS": servers, "ZOO_CFG_EXTRA": extra, "ZOO_MY_ID": id,
			"ZOO_TICK_TIME": tick, "ZOO_DATA_DIR": dir, "ZOO_4LW_COMMANDS_WHITELIST": words}.lookup)
		for _, w := range warnings {
			if w.Code == "" || w.String() == "" {
				t.Errorf("%+v", w)
			}
		}
		if err != nil {
			var problem *Problem
			if !errors.As(err, &problem) || problem.File == "" && !strings.HasPrefix(problem.Text, "myid file ") || problem.Text == "" {
				t.Errorf("%q", err)
			}
			return
		}
		cfg.Effective()
		self, listed := cfg.View.Member(cfg.MyID)
		if !listed || len(self.Addresses) == 0 || cfg.Tick <= 0 || cfg.File != "environment" {
			t.Errorf("%+v", cfg)
		}
	})
}

func TestResolve(t *testing.T) {
	file := func(id string) []byte { return []byte("dataDir=/d\nserver." + id + "=h:1:2\n") }
	disk := memFiles{"named": file("1"), "env": file("2"), "zoo.cfg": file("4"), "/d/myid": nil}
	for _, c := range []struct {
		name string
		args []string
		env  variables
		id   string
		file string
	}{
		{"named", []string{"named"}, variables{"ELECTNODE_CONFIG": "env", "ZOO_SERVERS": "server.3=h:1:2"}, "1", "named"},
		{"ELECTNODE_CONFIG", nil, variables{"ELECTNODE_CONFIG": "env", "ZOO_SERVERS": "server.3=h:1:2"}, "2", "env"},
		{"ZOO_SERVERS", nil, variables{"ZOO_SERVERS": "server.3=h:1:2", "ZOO_MY_ID": "3"}, "3", "environment"},
		{"./zoo.cfg", nil, variables{"ZOO_MY_ID": "3"}, "4", "zoo.cfg"},
	} {
		disk["/d/myid"] = []byte(c.id)
		cfg, _, err := resolve(disk, c.args, c.env.lookup)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if cfg.File != c.file || cfg.MyID.String() != c.id {
			t.Errorf("%s: %s, id %d", c.name, cfg.File, cfg.MyID)
		}
	}
}
