package main

import (
	"fmt"
	"strconv"
	"strings"

	"electnode/test/bench/floor"
	"electnode/test/bench/phases"
	"electnode/test/bench/sample"
)

// table is one of the tables; make gives its text, empty when nothing of it was measured.
type table struct {
	name string
	make func(report) string
}

func tables() []table {
	return []table{
		{"machine", report.machine},
		{"plot", report.plot},
		{"failover", func(r report) string { return r.times("failover") }},
		{"phases", report.phases},
		{"floor", report.floor},
		{"loop", report.loop},
		{"coldstart", func(r report) string { return r.times("coldstart") }},
		{"paused", func(r report) string { return r.times("paused") }},
		{"mixed-failover", func(r report) string { return r.mixed("mixed-failover", "who is left") }},
		{"mixed-coldstart", func(r report) string { return r.mixed("mixed-coldstart", "who leads") }},
		{"settled", func(r report) string { return r.costs("settled") }},
		{"election", func(r report) string { return r.costs("election") }},
		{"growth-coldstart", func(r report) string { return r.growth("growth-coldstart") }},
		{"growth-failover", func(r report) string { return r.growth("growth-failover") }},
		{"parts", report.partsTable},
	}
}

// grid is a table being written.
type grid struct{ strings.Builder }

func (g *grid) row(cells ...string) { fmt.Fprintf(g, "| %s |\n", strings.Join(cells, " | ")) }

func (g *grid) head(cells ...string) {
	g.row(cells...)
	g.WriteString(strings.Repeat("|---", len(cells)) + "|\n")
}

func (r report) machine() string {
	var g grid
	if len(r.machines) == 0 {
		return ""
	}
	g.head("CPU", "cores", "kernel", "data on", "Go", "Java", "ZooKeeper", "etcd", "electnode")
	for _, m := range r.machines {
		g.row(m.CPU, strconv.Itoa(m.Cores), m.Kernel, m.FileSystem, m.Go, m.Java, m.ZooKeeper, m.Etcd, m.Commit)
	}
	return g.String()
}

// plot shows the picture, and says what is in it to those who do not see it.
func (r report) plot() string {
	rows := plottedRows(r.sets, plotted)
	if len(rows) == 0 {
		return ""
	}
	return fmt.Sprintf("![Every run a dot, over time on a logarithmic scale. %s](images/failover.svg)\n", inWords(rows))
}

// enough is how many runs a 99th percentile takes that is not the worst of them.
const enough = 100

// times tells of runs that are compared by their time: medians with their spread, and how many times electnode's each is.
func (r report) times(what string) string {
	var g grid
	sets := r.sets.Of(what)
	if len(sets) == 0 {
		return ""
	}
	g.head("servers", "who", "runs", "median", "5 %", "95 %", "99 %", "worst", "median / electnode's")
	for _, n := range sets.Sizes() {
		own := sets.Find(what, n, "electnode", "time").Median()
		for _, who := range sets.Kinds() {
			s := sets.Find(what, n, who, "time")
			if len(s.Values) == 0 {
				continue
			}
			p99 := "-"
			if len(s.Values) >= enough {
				p99 = value(s.Quantile(0.99), "ms")
			}
			g.row(strconv.Itoa(n), who, strconv.Itoa(len(s.Values)), value(s.Median(), "ms"), value(s.Quantile(0.05), "ms"),
				value(s.Quantile(0.95), "ms"), p99, value(s.Quantile(1), "ms"), ratio(s.Median(), own))
		}
	}
	return g.String()
}

// mixed tells of ensembles of both kinds, beside those that were measured first: real servers alone.
func (r report) mixed(what, head string) string {
	var g grid
	sets := r.sets.Of(what)
	if len(sets) == 0 {
		return ""
	}
	g.head("ensemble", head, "runs", "median", "5 %", "95 %", "worst", "median / that of real servers alone")
	for _, s := range sets {
		g.row(s.Who, s.Measure, strconv.Itoa(len(s.Values)), value(s.Median(), "ms"), value(s.Quantile(0.05), "ms"),
			value(s.Quantile(0.95), "ms"), value(s.Quantile(1), "ms"), ratio(s.Median(), sets[0].Median()))
	}
	return g.String()
}

// phases tells what electnode's fail-overs went by. Medians of parts do not add up to the median of the whole exactly.
func (r report) phases() string {
	var g grid
	sets := r.sets.Of("phases")
	if len(sets) == 0 {
		return ""
	}
	g.head("servers", "until", "median", "5 %", "95 %")
	for _, n := range sets.Sizes() {
		for _, name := range phases.Names() {
			s := sets.Find("phases", n, "electnode", name)
			g.row(strconv.Itoa(n), name, value(s.Median(), "ms"), value(s.Quantile(0.05), "ms"), value(s.Quantile(0.95), "ms"))
		}
	}
	return g.String()
}

// floor tells what no implementation can be faster than here, and how near electnode comes.
func (r report) floor() string {
	var g grid
	sets := r.sets.Of("floor")
	if len(sets) == 0 {
		return ""
	}
	g.head("servers", "what", "on the path", "median, all of them", "5 %", "95 %")
	for _, n := range sets.Sizes() {
		for _, k := range floor.Kinds() {
			s := sets.Find("floor", n, "floor", string(k))
			g.row(strconv.Itoa(n), string(k), strconv.Itoa(floor.Count(k)), value(s.Median(), "ms"), value(s.Quantile(0.05), "ms"),
				value(s.Quantile(0.95), "ms"))
		}
		whole := sets.Find("floor", n, "floor", "time")
		g.row(strconv.Itoa(n), "**floor**", strconv.Itoa(len(floor.Path())), value(whole.Median(), "ms"), value(whole.Quantile(0.05), "ms"),
			value(whole.Quantile(0.95), "ms"))
		if own := r.sets.Find("failover", n, "electnode", "time"); len(own.Values) > 0 {
			g.row(strconv.Itoa(n), "**electnode / floor**", "", ratio(own.Median(), whole.Median()), ratio(own.Quantile(0.05), whole.Quantile(0.05)),
				ratio(own.Quantile(0.95), whole.Quantile(0.95)))
		}
	}
	return g.String()
}

// loop tells what the questions of the measuring do.
func (r report) loop() string {
	var g grid
	sets := r.sets.Of("loop")
	if len(sets) == 0 {
		return ""
	}
	g.head("each survivor is", "runs", "established, by its own event: median", "5 %", "95 %")
	for _, s := range sets {
		g.row(s.Who, strconv.Itoa(len(s.Values)), value(s.Median(), "ms"), value(s.Quantile(0.05), "ms"), value(s.Quantile(0.95), "ms"))
	}
	return g.String()
}

// costs tells medians: a row for each measure, a column for each kind of servers.
func (r report) costs(what string) string {
	var g grid
	sets := r.sets.Of(what)
	if len(sets) == 0 {
		return ""
	}
	g.head(append([]string{"what"}, sets.Kinds()...)...)
	seen := map[string]bool{}
	for _, s := range sets {
		if seen[s.Measure] {
			continue
		}
		seen[s.Measure] = true
		cells := []string{s.Measure}
		for _, who := range sets.Kinds() {
			of := sets.Find(what, s.Servers, who, s.Measure)
			if len(of.Values) == 0 {
				cells = append(cells, "-")
				continue
			}
			cells = append(cells, fmt.Sprintf("%s (%s to %s)", value(of.Median(), of.Unit), value(of.Quantile(0), ""), value(of.Quantile(1), "")))
		}
		g.row(cells...)
	}
	return g.String()
}

// growth tells what an election costs as there are more voters, in real time and in the simulation.
func (r report) growth(what string) string {
	var g grid
	sets := r.sets.Of(what)
	if len(sets) == 0 {
		return ""
	}
	g.head("voters", "where", "runs", "established", "known to all", "CPU, all voters", "messages", "a voter's most", "a voter's / (voters - 1)", "bytes")
	for _, n := range sets.Sizes() {
		for _, who := range sets.Kinds() {
			of := func(measure string) sample.Set { return sets.Find(what, n, who, measure) }
			if len(of("time").Values) == 0 {
				continue
			}
			sent := of("messages").Median()
			g.row(strconv.Itoa(n), who, strconv.Itoa(len(of("time").Values)), value(of("time").Median(), "ms"), value(of("all").Median(), "ms"),
				value(of("cpu").Median(), "ms"), count(sent), count(of("most").Median()),
				value(sent/float64(n)/float64(n-1), ""), count(of("bytes").Median()))
		}
	}
	return g.String()
}

// value prints three digits that count, and the unit.
func value(v float64, unit string) string {
	digits := 0
	switch a := max(v, -v); {
	case a == 0:
	case a < 10:
		digits = 2
	case a < 100:
		digits = 1
	}
	return strings.TrimSpace(strconv.FormatFloat(v, 'f', digits, 64) + " " + unit)
}

// count prints a large number so that it can be read.
func count(v float64) string {
	text := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// ratio says how many times of a b is.
func ratio(of, to float64) string {
	if to <= 0 {
		return "-"
	}
	return value(of/to, "")
}
