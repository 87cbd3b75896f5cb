// Command report makes the tables of docs/benchmarks.md and a plot of what the benchmarks of test/bench wrote down. The page keeps its
// prose: a table goes between its two markers, <!-- begin NAME --> and <!-- end NAME -->.
//
//	go run ./test/bench/report -doc docs/benchmarks.md -plot docs/images/failover.svg samples.jsonl
//
// Without -doc all tables are printed.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"electnode/test/bench/sample"
)

func main() {
	var opt options
	flag.StringVar(&opt.doc, "doc", "", "put the tables into this page, between its markers")
	flag.StringVar(&opt.plot, "plot", "", "write a plot of the fail-overs to this file, as SVG")
	flag.StringVar(&opt.parts, "parts", "", "read what go test -bench has printed from this file")
	flag.Parse()
	opt.files = flag.Args()
	if err := run(opt, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	files            []string // of samples
	doc, plot, parts string
}

func run(opt options, out io.Writer) error {
	if len(opt.files) == 0 {
		return errors.New("which file of samples?")
	}
	r, err := load(opt.files)
	if err != nil {
		return err
	}
	if r.parts, err = readParts(opt.parts); err != nil {
		return err
	}
	if opt.doc == "" {
		err = r.print(out)
	} else {
		err = r.fill(opt.doc)
	}
	if err != nil || opt.plot == "" || len(plottedRows(r.sets, plotted)) == 0 {
		return err
	}
	return os.WriteFile(opt.plot, []byte(drawing(r.sets, plotted)), 0o644)
}

// plotted is the size of the ensembles whose fail-overs are drawn.
const plotted = 3

// report is what the files hold.
type report struct {
	sets     sample.Sets
	machines []sample.Machine
	parts    sample.Sets // of single packages
}

func load(files []string) (report, error) {
	var r report
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return r, err
		}
		sets, machines, err := sample.Read(f)
		_ = f.Close() // it was only read
		if err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
		for _, s := range sets {
			r.sets.Add(s)
		}
		for _, m := range machines {
			if !slices.Contains(r.machines, m) {
				r.machines = append(r.machines, m)
			}
		}
	}
	return r, nil
}

// print prints all tables.
func (r report) print(out io.Writer) error {
	for _, t := range tables() {
		text := t.make(r)
		if text == "" {
			continue
		}
		if _, err := fmt.Fprintf(out, "%s\n\n%s\n", t.name, text); err != nil {
			return err
		}
	}
	return nil
}

// fill puts every table that the page has markers for into it. What was not measured leaves the page as it is. The error
// says which marker is alone.
func (r report) fill(doc string) error {
	page, err := os.ReadFile(doc)
	if err != nil {
		return err
	}
	for _, t := range tables() {
		text := t.make(r)
		if text == "" {
			continue
		}
		if page, err = between(page, t.name, text); err != nil {
			return fmt.Errorf("%s: %w", doc, err)
		}
	}
	return os.WriteFile(doc, page, 0o644)
}

// between replaces what stands between the two markers of a name.
func between(page []byte, name, text string) ([]byte, error) {
	begin, end := fmt.Appendf(nil, "<!-- begin %s -->\n", name), fmt.Appendf(nil, "<!-- end %s -->", name)
	head, rest, ok := bytes.Cut(page, begin)
	if !ok {
		return nil, fmt.Errorf("the marker %q is missing", bytes.TrimSpace(begin))
	}
	_, tail, ok := bytes.Cut(rest, end)
	if !ok {
		return nil, fmt.Errorf("the marker %q is missing behind %q", end, bytes.TrimSpace(begin))
	}
	return slices.Concat(head, begin, []byte(text), end, tail), nil
}
