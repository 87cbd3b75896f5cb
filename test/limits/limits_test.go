package limits

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// row is a line of the page's tables.
type row struct {
	text  string
	bound string
	names []string // of constants, package.name
}

// page reads the tables.
func page(t *testing.T) []row {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "docs/limits.md"))
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile("`([a-z]+\\.[A-Za-z]+)`")
	var rows []row
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| what |") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 5 {
			t.Errorf("%d cells in %s", len(cells), line)
			continue
		}
		r := row{text: line, bound: cells[1]}
		for _, m := range name.FindAllStringSubmatch(cells[4], -1) {
			r.names = append(r.names, m[1])
		}
		rows = append(rows, r)
	}
	if len(rows) < 50 {
		t.Fatalf("only %d bounds are on the page", len(rows))
	}
	return rows
}

// TestNumbers: what the page says of a bound is what the code has.
func TestNumbers(t *testing.T) {
	all := read(t)
	for _, r := range page(t) {
		for _, name := range r.names {
			c, ok := all[name]
			if !ok {
				t.Errorf("%s is no constant: %s", name, r.text)
				continue
			}
			says := func(form string) bool {
				return regexp.MustCompile(`(^|[^0-9.])` + regexp.QuoteMeta(form) + `($|[^0-9.A-Za-z])`).MatchString(r.says())
			}
			if !slices.ContainsFunc(c.forms(), says) {
				t.Errorf("%s is %v, and the page says: %s", name, c.forms(), r.text)
			}
		}
	}
}

// says is where the number of a bound may stand: what happens then may take its time.
func (r row) says() string {
	cells := strings.Split(strings.Trim(r.text, "|"), "|")
	return strings.Join(cells[1:4], "|")
}

// others are the constants that are called like bounds and are none on what comes from outside.
func others() []string {
	return []string{
		"fle.maxRound",       // a number that rounds do not pass
		"quorum.MaxEpoch",    // the same of epochs
		"tracing.maxSkew",    // of clocks
		"metrics.maxLatency", // of clocks
		"sim.maxLines",       // of a transcript in tests
		"memnet.pipeSize",    // of a network in tests
		"demo.initLimit",     // settings of a demo
		"demo.syncLimit",
		"demo.askTime",        // for its own servers
		"logging.reportEvery", // paces of what this process does by itself
		"tracing.reportEvery",
		"quorumtls.reloadTime",
		"watch.redialLast",
		"watch.refusedLast",
		"watch.wordsEvery",
		"web.actionPatience",
		"web.glanceTime",
		"web.wordPauseLast",
		"zab.acceptPauseLast",
		"zab.progressBytes",
		"recorder.markEvery",
		"recorder.leastBytes", // what an operator may not go below
		"main.minEvery",
		"main.pauseTime", // of a fault that names none
		"main.askTime",   // of commands, which their user can end
		"main.recordingTime",
		"main.flushTime", // of the process's own end
		"web.closeTime",
	}
}

// TestEveryBoundIsThere: a constant that is called like a bound is on the page.
func TestEveryBoundIsThere(t *testing.T) {
	var there []string
	for _, r := range page(t) {
		there = append(there, r.names...)
	}
	like := regexp.MustCompile(`\.(max|Max|most|kept|default)[A-Z]|[a-z](Conns|PerHost|Burst|Bytes|Time|Limit|Wait|Patience|Frames|Packets|Every|Last|Linger|Age)$|(queue|pipe|relay)Size$`)
	found := 0
	for _, name := range slices.Sorted(maps.Keys(read(t))) {
		if !like.MatchString(name) || slices.Contains(others(), name) {
			continue
		}
		found++
		if !slices.Contains(there, name) {
			t.Errorf("%s is not in docs/limits.md", name)
		}
	}
	if found < 60 {
		t.Errorf("only %d bounds found in the code", found)
	}
}
