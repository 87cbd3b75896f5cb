package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"electnode/test/bench/sample"
)

// readParts reads what go test -bench -benchmem has printed: for each benchmark its values by unit. An empty name is no file.
func readParts(name string) (sample.Sets, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	parts, err := scanParts(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return parts, nil
}

// scanParts reads lines such as "BenchmarkStep-2 1000 520 ns/op 0 B/op 0 allocs/op", under one such as "pkg: electnode/internal/fle".
func scanParts(in io.Reader) (sample.Sets, error) {
	var all sample.Sets
	pkg := ""
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		if name, ok := strings.CutPrefix(lines.Text(), "pkg: "); ok {
			pkg = name
			continue
		}
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(fields[0], "Benchmark"), "-")
		for pair := range slices.Chunk(fields[2:], 2) {
			v, err := strconv.ParseFloat(pair[0], 64)
			if err != nil || len(pair) != 2 {
				return nil, fmt.Errorf("line %d: %q is no value with a unit", n, pair)
			}
			all.Add(sample.Set{What: pkg, Who: name, Measure: pair[1], Values: []float64{v}})
		}
	}
	return all, lines.Err()
}

// partsTable tells medians of the parts.
func (r report) partsTable() string {
	var g grid
	if len(r.parts) == 0 {
		return ""
	}
	g.head("package", "benchmark", "runs", "time", "bytes", "allocations")
	for _, s := range r.parts {
		if s.Measure != "ns/op" {
			continue
		}
		of := func(measure string) string { return count(r.parts.Find(s.What, 0, s.Who, measure).Median()) }
		g.row(strings.TrimPrefix(s.What, "electnode/"), s.Who, strconv.Itoa(len(s.Values)), duration(s.Median()), of("B/op"), of("allocs/op"))
	}
	return g.String()
}

// duration prints nanoseconds in the unit in which they can be read.
func duration(ns float64) string {
	for _, u := range []struct {
		unit string
		of   float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		if ns >= u.of {
			return value(ns/u.of, u.unit)
		}
	}
	return value(ns, "ns")
}
