package sample

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFile writes two runs on one machine and reads them: their values are together.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samples.jsonl")
	on := Machine{CPU: "one", Cores: 2, Commit: "abc"}
	electnode := Set{What: "failover", Servers: 3, Who: "electnode", Measure: "time", Unit: "ms", Values: []float64{4, 5}}
	zookeeper := electnode
	zookeeper.Who, zookeeper.Values = "zookeeper", []float64{400}
	for _, sets := range []Sets{{electnode, zookeeper}, {electnode}} {
		if err := Append(path, on, sets); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sets, machines, err := Read(f)
	if err != nil {
		t.Fatal(err)
	}
	electnode.Values = []float64{4, 5, 4, 5}
	if d := cmp.Diff(Sets{electnode, zookeeper}, sets); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Machine{on}, machines); d != "" {
		t.Error(d)
	}
}

// TestBadFile: the error names the line.
func TestBadFile(t *testing.T) {
	good := `{"what":"failover","servers":3,"who":"electnode","measure":"time","unit":"ms","values":[4]}` + "\n"
	for _, bad := range []string{`{"what":1}`, `{"machine":3}`, `{}`, `{"what":"failover"}`, `[`} {
		if _, _, err := Read(strings.NewReader(good + bad)); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestQuantile(t *testing.T) {
	twenty := Set{}
	for i := range 20 {
		twenty.Values = append(twenty.Values, float64(20-i))
	}
	for _, c := range []struct {
		set  Set
		q    float64
		want float64
	}{
		{Set{}, 0.5, 0},
		{Set{Values: []float64{7}}, 0, 7},
		{Set{Values: []float64{7}}, 1, 7},
		{Set{Values: []float64{3, 1, 2}}, 0.5, 2},
		{Set{Values: []float64{4, 3, 1, 2}}, 0.5, 2},
		{twenty, 0.05, 1},
		{twenty, 0.95, 19},
		{twenty, 0.99, 20},
		{twenty, 1, 20},
	} {
		if got := c.set.Quantile(c.q); got != c.want {
			t.Errorf("the %v quantile of %v is %v, not %v", c.q, c.set.Values, got, c.want)
		}
	}
}

func TestMountOf(t *testing.T) {
	table := "sysfs /sys sysfs rw 0 0\n/dev/a / ext4 rw 0 0\n/dev/b /srv xfs rw 0 0\ntmpfs /srv/tmp tmpfs rw 0 0\n"
	for dir, want := range map[string]string{
		"/":              "ext4 on /dev/a",
		"/srv/data":      "xfs on /dev/b",
		"/srv/tmp/x":     "tmpfs on tmpfs",
		"/srv/tmpdir":    "xfs on /dev/b",
		"/srvother/data": "ext4 on /dev/a",
	} {
		if got := mountOf([]byte(table), dir); got != want {
			t.Errorf("%s is on %q, not %q", dir, got, want)
		}
	}
}

// TestHere: what a report needs to be of use is known of this machine.
func TestHere(t *testing.T) {
	m := Here(t.TempDir())
	if m.CPU == "" || m.Cores < 1 || m.Kernel == "" || m.Go == "" {
		t.Errorf("%+v", m)
	}
}
