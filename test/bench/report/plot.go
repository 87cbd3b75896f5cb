package main

import (
	"fmt"
	"math"
	"strings"

	"electnode/test/bench/sample"
)

// The plot's measures, in pixels.
const (
	width, rowHeight    = 760, 64
	left, right         = 110, 30
	top, bottom         = 54, 46
	smallest, largest   = 1.0, 10000.0 // milliseconds
	dot, spread, opaque = 3.5, 15.0, 0.45
)

// style follows the reader's choice of light or dark; the background is that of the page.
const style = `<style>
text{font:13px system-ui,sans-serif;fill:#24292f}.head{font-size:15px;font-weight:600}.grid{stroke:#d0d7de}
.dot0{fill:#666}.dot1{fill:#0072b2}.dot2{fill:#d55e00}.dot3{fill:#009e73}.mid{stroke:#24292f;stroke-width:2}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#3d444d}.mid{stroke:#e6edf3}
.dot0{fill:#aaa}.dot1{fill:#56b4e9}.dot2{fill:#e69f00}.dot3{fill:#4fd1a5}}
</style>`

// drawing is a plot of the fail-overs of ensembles of one size: a row for the floor and each kind of servers, a dot for each
// run, a line at the median, over milliseconds on a logarithmic scale.
func drawing(sets sample.Sets, servers int) string {
	rows := plottedRows(sets, servers)
	var b strings.Builder
	height := top + bottom + rowHeight*len(rows)
	title := fmt.Sprintf("kill -9 of the leader of %d until another one serves", servers)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="t d">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, "<title id=\"t\">%s</title>\n<desc id=\"d\">%s</desc>\n%s\n", title, inWords(rows), style)
	fmt.Fprintf(&b, `<text class="head" x="%d" y="24">%s</text>`+"\n", left, title)
	axis(&b, height)
	for i, s := range rows {
		row(&b, i, s)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// plottedRows are the sets that the plot shows.
func plottedRows(sets sample.Sets, servers int) []sample.Set {
	var rows []sample.Set
	for _, s := range append(sets.Of("floor"), sets.Of("failover")...) {
		if s.Servers == servers && s.Measure == "time" {
			rows = append(rows, s)
		}
	}
	return rows
}

// inWords says what the plot shows.
func inWords(rows []sample.Set) string {
	var parts []string
	for _, s := range rows {
		parts = append(parts, fmt.Sprintf("%s: median %s of %d runs", s.Who, value(s.Median(), "ms"), len(s.Values)))
	}
	return strings.Join(parts, "; ")
}

// across is where a time lies from left to right.
func across(ms float64) float64 {
	part := math.Log(min(max(ms, smallest), largest)/smallest) / math.Log(largest/smallest)
	return left + part*(width-left-right)
}

func axis(b *strings.Builder, height int) {
	for v := smallest; v <= largest; v *= 10 {
		label := fmt.Sprintf("%g ms", v)
		if v >= 1000 {
			label = fmt.Sprintf("%g s", v/1000)
		}
		x := across(v)
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			x, x, top-12, height-bottom+6, x, height-bottom+24, label)
	}
}

func row(b *strings.Builder, i int, s sample.Set) {
	middle := float64(top + rowHeight*i + rowHeight/2)
	fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", left-14, middle+4, s.Who)
	for k, ms := range s.Values {
		// The golden ratio scatters the dots evenly, and the same each time.
		_, off := math.Modf(float64(k) * math.Phi)
		fmt.Fprintf(b, `<circle class="dot%d" cx="%.1f" cy="%.1f" r="%g" opacity="%g"/>`+"\n",
			i%4, across(ms), middle+(off*2-1)*spread, dot, opaque)
	}
	x := across(s.Median())
	fmt.Fprintf(b, `<line class="mid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n",
		x, x, middle-spread-5, middle+spread+5, x, middle-spread-9, value(s.Median(), "ms"))
}
