// Command report makes a table and a plot of what the benchmarks of test/bench wrote down.
//
//	go run ./test/bench/report -plot docs/images/failover.svg samples.json > table.md
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"electnode/test/bench/sample"
)

func main() {
	plot := flag.String("plot", "", "write a plot of the fail-overs to this file, as SVG")
	flag.Parse()
	if err := run(flag.Args(), *plot, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(files []string, plot string, out io.Writer) error {
	if len(files) == 0 {
		return errors.New("which file of samples?")
	}
	var sets []sample.Set
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		sets, err = read(f, sets)
		_ = f.Close() // it was only read
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	table(out, sets)
	if plot == "" {
		return nil
	}
	return os.WriteFile(plot, []byte(drawing(sets, "failover", 3)), 0o644)
}

// read adds the sets of one file to sets: those of the same thing become one.
func read(in io.Reader, sets []sample.Set) ([]sample.Set, error) {
	dec := json.NewDecoder(in)
	for {
		var s sample.Set
		switch err := dec.Decode(&s); {
		case errors.Is(err, io.EOF):
			return sets, nil
		case err != nil:
			return nil, err
		}
		i := slices.IndexFunc(sets, func(o sample.Set) bool {
			return o.What == s.What && o.Servers == s.Servers && o.Who == s.Who
		})
		if i < 0 {
			sets = append(sets, s)
			continue
		}
		sets[i].Milliseconds = append(sets[i].Milliseconds, s.Milliseconds...)
	}
}

// table prints medians with their spread, and how many times electnode's each is.
func table(out io.Writer, sets []sample.Set) {
	fmt.Fprintln(out, "| what | servers | who | runs | median | 5 % | 95 % | 99 % | worst | times electnode's |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|---|")
	for _, s := range sets {
		own := medianOf(sets, s.What, s.Servers, "electnode")
		ratio := "1"
		if s.Who != "electnode" && own > 0 {
			ratio = fmt.Sprintf("%.0f", sample.Quantile(s.Milliseconds, 0.5)/own)
		}
		fmt.Fprintf(out, "| %s | %d | %s | %d |", s.What, s.Servers, s.Who, len(s.Milliseconds))
		for _, q := range []float64{0.5, 0.05, 0.95, 0.99, 1} {
			fmt.Fprintf(out, " %s |", milliseconds(sample.Quantile(s.Milliseconds, q)))
		}
		fmt.Fprintf(out, " %s |\n", ratio)
	}
}

func medianOf(sets []sample.Set, what string, servers int, who string) float64 {
	for _, s := range sets {
		if s.What == what && s.Servers == servers && s.Who == who {
			return sample.Quantile(s.Milliseconds, 0.5)
		}
	}
	return 0
}

// milliseconds prints three digits that count.
func milliseconds(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f ms", v)
	case v < 100:
		return fmt.Sprintf("%.1f ms", v)
	default:
		return fmt.Sprintf("%.0f ms", v)
	}
}
