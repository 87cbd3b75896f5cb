package sample

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Set is all values of one measure of one thing with one kind of servers.
type Set struct {
	What    string    `json:"what"`    // failover, phases, floor, coldstart, ...
	Servers int       `json:"servers"` // how many an ensemble had
	Who     string    `json:"who"`     // the kind of servers
	Measure string    `json:"measure"` // time, cpu, ...
	Unit    string    `json:"unit"`    // ms, MiB, ...; empty for numbers of things
	Values  []float64 `json:"values"`  // in the order of measuring
}

// Millis is a duration in milliseconds, which is what sets of times hold.
func Millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// same reports whether two sets are of the same thing.
func (s Set) same(o Set) bool {
	return s.What == o.What && s.Servers == o.Servers && s.Who == o.Who && s.Measure == o.Measure && s.Unit == o.Unit
}

// Sets are the sets of a file or of a benchmark that runs, each thing once, in the order of their first values.
type Sets []Set

// Add adds values to the set that s is of.
func (all *Sets) Add(s Set) {
	if i := slices.IndexFunc(*all, s.same); i >= 0 {
		(*all)[i].Values = append((*all)[i].Values, s.Values...)
		return
	}
	s.Values = slices.Clone(s.Values)
	*all = append(*all, s)
}

// Find is the set of a measure; without values when it was not measured.
func (all Sets) Find(what string, servers int, who, measure string) Set {
	for _, s := range all {
		if s.What == what && s.Servers == servers && s.Who == who && s.Measure == measure {
			return s
		}
	}
	return Set{What: what, Servers: servers, Who: who, Measure: measure}
}

// Of lists the sets of one thing.
func (all Sets) Of(what string) Sets {
	return slices.DeleteFunc(slices.Clone(all), func(s Set) bool { return s.What != what })
}

// Sizes lists how many servers the ensembles had of which there are sets, ascending.
func (all Sets) Sizes() []int {
	var sizes []int
	for _, s := range all {
		sizes = append(sizes, s.Servers)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// Kinds lists the kinds of servers of which there are sets, in the order of the sets.
func (all Sets) Kinds() []string {
	var kinds []string
	for _, s := range all {
		if !slices.Contains(kinds, s.Who) {
			kinds = append(kinds, s.Who)
		}
	}
	return kinds
}

// Quantile is the q quantile of the values, 0 to 1, by the nearest rank: the smallest value that q of all values
// do not exceed. 0 of none.
func (s Set) Quantile(q float64) float64 {
	if len(s.Values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.Values))
	// Less a little: 0.95 of 20 is 19.000000000000004 in binary, and the 19th is meant.
	rank := int(q*float64(len(sorted)) - 1e-9)
	return sorted[max(0, min(rank, len(sorted)-1))]
}

// Median is the 0.5 quantile.
func (s Set) Median() float64 { return s.Quantile(0.5) }

// line is one line of a file: either of these.
type line struct {
	Machine *Machine `json:"machine,omitempty"`
	*Set
}

// Append adds the machine and the sets to the file at path, which it makes if need be. An empty path is no file.
func Append(path string, on Machine, sets Sets) error {
	if path == "" || len(sets) == 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	out := json.NewEncoder(f)
	err = out.Encode(line{Machine: &on})
	for i := range sets {
		err = errors.Join(err, out.Encode(line{Set: &sets[i]}))
	}
	return errors.Join(err, f.Close())
}

// Read reads a file: its sets, and on which machines they were measured, each once. The error names the line.
func Read(in io.Reader) (Sets, []Machine, error) {
	var sets Sets
	var machines []Machine
	dec := json.NewDecoder(in)
	for n := 1; ; n++ {
		var l line
		switch err := dec.Decode(&l); {
		case errors.Is(err, io.EOF):
			return sets, machines, nil
		case err != nil:
			return nil, nil, fmt.Errorf("line %d: %w", n, err)
		case l.Machine != nil:
			if !slices.Contains(machines, *l.Machine) {
				machines = append(machines, *l.Machine)
			}
		case l.Set == nil || l.What == "" || l.Who == "" || l.Measure == "":
			return nil, nil, fmt.Errorf("line %d is neither a machine nor a set", n)
		default:
			sets.Add(*l.Set)
		}
	}
}
