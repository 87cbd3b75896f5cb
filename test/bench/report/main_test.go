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

const samples = `{"what":"failover","servers":3,"who":"electnode","ms":[4,5]}
{"what":"failover","servers":3,"who":"zookeeper","ms":[400,500,450]}
{"what":"failover","servers":3,"who":"electnode","ms":[6]}
{"what":"coldstart","servers":5,"who":"zookeeper","ms":[2000]}
`

// TestReport makes a table and a plot of three measurements, one of which was taken in two runs.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	file, plot := filepath.Join(dir, "samples.json"), filepath.Join(dir, "plot.svg")
	if err := os.WriteFile(file, []byte(samples), 0o644); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run([]string{file}, plot, &out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| failover | 3 | electnode | 3 | 5.00 ms | 4.00 ms | 6.00 ms | 6.00 ms | 6.00 ms | 1 |\n",
		"| failover | 3 | zookeeper | 3 | 450 ms | 400 ms | 500 ms | 500 ms | 500 ms | 90 |\n",
		"| coldstart | 5 | zookeeper | 1 | 2000 ms |",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is not in\n%s", line, &out)
		}
	}
	svg, err := os.Open(plot)
	if err != nil {
		t.Fatal(err)
	}
	defer svg.Close()
	if circles := count(t, svg, "circle"); circles != 6 {
		t.Errorf("the plot has %d dots for 6 runs", circles)
	}
}

// count counts the elements with this name of a well-formed document.
func count(t *testing.T, in io.Reader, name string) int {
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

// TestBadSamples names the file that is at fault.
func TestBadSamples(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(file, []byte(`{"what":1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{file}, "", io.Discard); err == nil || !strings.Contains(err.Error(), "bad.json") {
		t.Errorf("%v", err)
	}
}
