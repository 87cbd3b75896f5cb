package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const samples = `{"machine":{"cpu":"EPYC","cores":2,"kernel":"Linux 6.1","file_system":"ext4 on /dev/vda","commit":"abc"}}
{"what":"failover","servers":3,"who":"electnode","measure":"time","unit":"ms","values":[4,5]}
{"what":"failover","servers":3,"who":"zookeeper","measure":"time","unit":"ms","values":[400,500,450]}
{"what":"floor","servers":3,"who":"floor","measure":"time","unit":"ms","values":[2,2.5,3]}
{"what":"floor","servers":3,"who":"floor","measure":"durable write","unit":"ms","values":[1,1.2,1.4]}
{"machine":{"cpu":"EPYC","cores":2,"kernel":"Linux 6.1","file_system":"ext4 on /dev/vda","commit":"abc"}}
{"what":"failover","servers":3,"who":"electnode","measure":"time","unit":"ms","values":[6]}
{"what":"phases","servers":3,"who":"electnode","measure":"loss noticed","unit":"ms","values":[0.5,0.25,0.75]}
{"what":"coldstart","servers":5,"who":"zookeeper","measure":"time","unit":"ms","values":[2000]}
{"what":"loop","servers":3,"who":"asked every 1ms","measure":"time","unit":"ms","values":[3]}
{"what":"mixed-failover","servers":3,"who":"3 zookeeper","measure":"zookeeper leads","unit":"ms","values":[400,410,420]}
{"what":"mixed-failover","servers":3,"who":"1 electnode","measure":"electnode leads","unit":"ms","values":[205]}
{"what":"settled","servers":3,"who":"electnode","measure":"memory","unit":"MiB","values":[20,22]}
{"what":"settled","servers":3,"who":"electnode","measure":"goroutines","unit":"","values":[40]}
{"what":"settled","servers":3,"who":"zookeeper","measure":"memory","unit":"MiB","values":[110]}
{"what":"growth-failover","servers":5,"who":"loopback","measure":"time","unit":"ms","values":[7]}
{"what":"growth-failover","servers":5,"who":"loopback","measure":"messages","unit":"","values":[4000]}
`

// lines are rows that are to be in the tables of samples.
func lines() []string {
	return []string{
		"| EPYC | 2 | Linux 6.1 | ext4 on /dev/vda |  |  |  |  | abc |\n",
		"Every run a dot, over time on a logarithmic scale. floor: median 2.50 ms of 3 runs; electnode: median 5.00 ms of 3 runs; zookeeper: median 450 ms of 3 runs](images/failover.svg)\n",
		"| 3 | electnode | 3 | 5.00 ms | 4.00 ms | 6.00 ms | - | 6.00 ms | 1.00 |\n",
		"| 3 | zookeeper | 3 | 450 ms | 400 ms | 500 ms | - | 500 ms | 90.0 |\n",
		"| 3 | loss noticed | 0.50 ms | 0.25 ms | 0.75 ms |\n",
		"| 3 | durable write | 2 | 1.20 ms | 1.00 ms | 1.40 ms |\n",
		"| 3 | **floor** | 7 | 2.50 ms | 2.00 ms | 3.00 ms |\n",
		"| 3 | **electnode / floor** |  | 2.00 | 2.00 | 2.00 |\n",
		"| asked every 1ms | 1 | 3.00 ms | 3.00 ms | 3.00 ms |\n",
		"| 5 | zookeeper | 1 | 2000 ms | 2000 ms | 2000 ms | - | 2000 ms | - |\n",
		"| 1 electnode | electnode leads | 1 | 205 ms | 205 ms | 205 ms | 205 ms | 0.50 |\n",
		"| memory | 20.0 MiB (20.0 to 22.0) | 110 MiB (110 to 110) |\n",
		"| goroutines | 40.0 (40.0 to 40.0) | - |\n",
		"| 5 | loopback | 1 | 7.00 ms | 0 ms | 0 ms | 4,000 | 0 | 200 | 0 |\n",
	}
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPrint prints the tables of two runs, which are one, and draws a plot of them.
func TestPrint(t *testing.T) {
	plot := filepath.Join(t.TempDir(), "plot.svg")
	var out strings.Builder
	if err := run(options{files: []string{file(t, "samples.jsonl", samples)}, plot: plot}, &out); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines() {
		if strings.Count(out.String(), line) != 1 {
			t.Errorf("%q is not there once in\n%s", line, &out)
		}
	}
	if strings.Contains(out.String(), "paused") {
		t.Error("a table of what was not measured")
	}
	svg, err := os.Open(plot)
	if err != nil {
		t.Fatal(err)
	}
	defer svg.Close()
	if dots := elements(t, svg, "circle"); dots != 9 {
		t.Errorf("the plot has %d dots for 6 runs and 3 walks along the floor", dots)
	}
}

// elements counts the elements with this name of a well-formed document.
func elements(t *testing.T, in io.Reader, name string) int {
	t.Helper()
	n := 0
	dec := xml.NewDecoder(in)
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == name {
			n++
		}
	}
}

// page has a marker for each table, and prose.
func page() string {
	var b strings.Builder
	b.WriteString("# Prose\n")
	for _, t := range tables() {
		b.WriteString("before " + t.name + "\n<!-- begin " + t.name + " -->\nold\n<!-- end " + t.name + " -->\nbehind\n")
	}
	return b.String()
}

// TestFill fills the tables of a page, twice: prose and what was not measured stay, and nothing comes twice.
func TestFill(t *testing.T) {
	in, doc := file(t, "samples.jsonl", samples), file(t, "page.md", page())
	for range 2 {
		if err := run(options{files: []string{in}, doc: doc}, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	got := string(raw)
	for _, line := range lines() {
		if strings.Count(got, line) != 1 {
			t.Errorf("%q is not there once in\n%s", line, got)
		}
	}
	if !strings.Contains(got, "before paused\n<!-- begin paused -->\nold\n<!-- end paused -->\nbehind\n") {
		t.Errorf("what was not measured did not stay:\n%s", got)
	}
	if n := strings.Count(got, "\nold\n"); n != 5 {
		t.Errorf("%d tables are old, not the 5 of which there are no samples:\n%s", n, got)
	}
	if n := strings.Count(got, "before ") + strings.Count(got, "\nbehind\n"); n != 2*len(tables()) {
		t.Errorf("prose is gone:\n%s", got)
	}
}

// TestRealPage: docs/benchmarks.md has every marker, in pairs.
func TestRealPage(t *testing.T) {
	raw, err := os.ReadFile("../../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables() {
		if _, err := between(raw, table.name, ""); err != nil {
			t.Error(err)
		}
	}
}

// TestRefused names what is at fault.
func TestRefused(t *testing.T) {
	good := file(t, "samples.jsonl", samples)
	for name, c := range map[string]struct {
		files []string
		doc   string
		want  string
	}{
		"no file":        {nil, "", "which file"},
		"missing file":   {[]string{good + ".gone"}, "", "samples.jsonl.gone"},
		"no samples":     {[]string{file(t, "bad.jsonl", `{"what":1}`)}, "", "bad.jsonl: line 1"},
		"no begin":       {[]string{good}, file(t, "page.md", "prose"), "<!-- begin machine -->"},
		"no end":         {[]string{good}, file(t, "page.md", "<!-- begin machine -->\n"), "<!-- end machine -->"},
		"end before":     {[]string{good}, file(t, "page.md", "<!-- end machine -->\n<!-- begin machine -->\n"), "behind"},
		"no such page":   {[]string{good}, good + ".md", "samples.jsonl.md"},
		"no sample at 2": {[]string{good, file(t, "worse.jsonl", "{}")}, "", "worse.jsonl: line 1"},
	} {
		if err := run(options{files: c.files, doc: c.doc}, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
