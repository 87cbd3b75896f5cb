package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v2"
)

// maxEnsembles is how many ensembles one process watches.
const maxEnsembles = 64

// ensembleEntry is one ensemble in a file for --ensembles.
type ensembleEntry struct {
	Name     string   `yaml:"name"`
	Targets  []string `yaml:"targets"`
	Config   string   `yaml:"config"`
	Interval string   `yaml:"interval"`
	Enrich   bool     `yaml:"enrich"`
	TLS      struct {
		Cert       string `yaml:"cert"`
		Key        string `yaml:"key"`
		CA         string `yaml:"ca"`
		ServerName string `yaml:"server_name"`
	} `yaml:"tls"`
}

// placedEntry is an entry and the lines of its keys.
type placedEntry struct {
	ensembleEntry
	line  int
	lines map[string]int
}

// lineOf finds the line in what the parser says.
var lineOf = regexp.MustCompile(`^line (\d+): `)

// UnmarshalYAML implements yaml.Unmarshaler. The parser tells no lines of what it accepts, so it is also asked for
// what no entry is.
func (e *placedEntry) UnmarshalYAML(unmarshal func(any) error) error {
	e.line = lineIn(unmarshal(new(int)))
	e.lines = map[string]int{}
	var wrong map[string]*impossible
	_ = unmarshal(&wrong) // what is no map the next line tells
	for key, value := range wrong {
		if value != nil { // nil: nothing stands behind the key
			e.lines[key] = value.line
		}
	}
	return unmarshal(&e.ensembleEntry)
}

// impossible takes no value, and notes where it was.
type impossible struct{ line int }

// UnmarshalYAML implements yaml.Unmarshaler.
func (i *impossible) UnmarshalYAML(unmarshal func(any) error) error {
	i.line = lineIn(unmarshal(new(chan int)))
	return nil
}

// lineIn is the first line that an error of the parser names; 0: none.
func lineIn(err error) int {
	var typed *yaml.TypeError
	if !errors.As(err, &typed) || len(typed.Errors) == 0 {
		return 0
	}
	m := lineOf.FindStringSubmatch(typed.Errors[0])
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return n
}

// readEnsembles reads a file for --ensembles. The error names file and line of every problem.
func readEnsembles(file string) ([]ensembleSpec, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--ensembles: %w", err)
	}
	var entries []placedEntry
	in := yaml.NewDecoder(bytes.NewReader(raw))
	in.SetStrict(true)
	if err := in.Decode(&entries); err != nil && !errors.Is(err, io.EOF) {
		return nil, yamlProblems(file, err)
	}
	if err := in.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one document (a line ---): one list is wanted", file)
	}
	switch {
	case len(entries) == 0:
		return nil, fmt.Errorf("%s: no ensemble in it: a list is wanted, - name: ... targets: [host:port]", file)
	case len(entries) > maxEnsembles:
		return nil, fmt.Errorf("%s: %d ensembles, the limit is %d", file, len(entries), maxEnsembles)
	}
	var all []ensembleSpec
	var errs []error
	for _, e := range entries {
		s, err := e.spec(file)
		all, errs = append(all, s), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// spec checks what the parser does not.
func (e placedEntry) spec(file string) (ensembleSpec, error) {
	place := func(key string) string {
		line := e.lines[key]
		if line == 0 {
			return fmt.Sprintf("%s:%d: %s", file, e.line, key)
		}
		return fmt.Sprintf("%s:%d: %s", file, line, key)
	}
	s := ensembleSpec{from: fmt.Sprintf("%s:%d", file, e.line), name: e.Name, targets: e.Targets, config: e.Config,
		clients: e.Enrich, tls: tlsFiles{e.TLS.Cert, e.TLS.Key, e.TLS.CA, e.TLS.ServerName}, place: place}
	var errs []error
	if e.Name == "" {
		errs = append(errs, fmt.Errorf("%s:%d: an ensemble without a name", file, e.line))
	}
	if len(e.Targets) == 0 && e.Config == "" {
		errs = append(errs, fmt.Errorf("%s:%d: targets or config are wanted", file, e.line))
	}
	if e.Interval != "" {
		d, err := time.ParseDuration(e.Interval)
		if err != nil || d <= 0 {
			errs = append(errs, fmt.Errorf("%s: %.40q is no time such as 250ms", place("interval"), e.Interval))
		}
		s.interval = d
	}
	return s, errors.Join(errs...)
}

// yamlProblems makes lines that begin with file and line of what the parser says.
func yamlProblems(file string, err error) error {
	said := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	var typed *yaml.TypeError
	if errors.As(err, &typed) {
		said = typed.Errors
	}
	unknown := regexp.MustCompile(`field (\S+) (not found|already set) in (type|struct) \S+`)
	var errs []error
	for _, text := range said {
		line := ""
		if m := lineOf.FindStringSubmatch(text); m != nil {
			line, text = m[1]+":", text[len(m[0]):]
		}
		if m := unknown.FindStringSubmatch(text); m != nil {
			text = map[string]string{"not found": "unknown key " + m[1], "already set": m[1] + " is given twice"}[m[2]]
		}
		text = strings.ReplaceAll(strings.ReplaceAll(text, "main.ensembleEntry", "an ensemble"), "[]main.placedEntry", "a list of ensembles")
		errs = append(errs, fmt.Errorf("%s:%s %s", file, line, text))
	}
	return errors.Join(errs...)
}
