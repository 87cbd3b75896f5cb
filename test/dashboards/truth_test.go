package dashboards

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"electnode/test/observe"
	"electnode/test/proc"
)

// find is the query of a panel.
func find(t testing.TB, all []*Dashboard, file, title string) ask {
	t.Helper()
	for _, d := range all {
		for _, a := range d.asks() {
			if d.file == file && a.panel != nil && a.panel.Title == title {
				return a
			}
		}
	}
	t.Fatalf("%s has no panel %q", file, title)
	return ask{}
}

// truth checks that the dashboard that is looked at first says what happened: first led until it was killed,
// second has led since, and all is well again.
func (l *live) truth(all []*Dashboard, first, second int, killed time.Time) {
	l.t.Helper()
	stat := func(title string, low, high float64) { l.stat(find(l.t, all, "ensemble.json", title), low, high) }
	stat("Leader (server id)", float64(second), float64(second))
	stat("Is there an established leader?", 1, 1)
	stat("Failures that can be survived", 1, 1)
	stat("Do the nodes agree?", 1, 1)
	stat("Nodes that do not answer", 0, 0)
	stat("Nodes without a leader now", 0, 0)
	stat("Leader changes", 1, 1)
	stat("Elections", 1, 2)
	stat("Alerts firing now", 0, 0)
	// A scrape and a step later at most; before that nobody else led.
	stat("This leader since", ms(killed), ms(killed.Add(5*time.Second)))
	stat("Time without a leader", 0.001, patience.Seconds())
	l.states(all, first, second)
	l.marks(all, killed)
	l.certificates(all)
}

// stat waits until a panel with one number shows one between low and high.
func (l *live) stat(a ask, low, high float64) {
	l.t.Helper()
	proc.Eventually(l.t, 10*time.Second, a.where, func() error {
		series, _, err := l.shown(a)
		if err == nil && (len(series) != 1 || series[0].Value.Value < low || series[0].Value.Value > high) {
			err = fmt.Errorf("%v, want %g to %g", series, low, high)
		}
		return err
	})
}

func ms(at time.Time) float64 { return float64(at.UnixMilli()) }

// states checks the line of each node: the first leader led, was down and follows; the second followed and leads.
func (l *live) states(all []*Dashboard, first, second int) {
	l.t.Helper()
	l.lines(find(l.t, all, "ensemble.json", "What each node was doing"), first, second,
		func(sid int, labels map[string]string) bool { return labels["instance"] == l.nodes[sid-1].HTTP })
}

// lines checks a line of states for each server; of says which is whose.
func (l *live) lines(a ask, first, second int, of func(sid int, labels map[string]string) bool) {
	l.t.Helper()
	series, _, err := l.shown(a)
	if err != nil || len(series) != len(l.nodes) {
		l.t.Fatalf("%d lines, %v", len(series), err)
	}
	want := map[int][]float64{first: {3, 0, 2}, second: {2, 3}}
	for sid, order := range want {
		i := slices.IndexFunc(series, func(s observe.Series) bool { return of(sid, s.Metric) })
		if i < 0 {
			l.t.Fatalf("no line of server %d in %v", sid, series)
		}
		if got := settled(series[i].Values); !ends(got, order) {
			l.t.Errorf("server %d was %v, want %v at the end", sid, got, order)
		}
	}
}

// settled are the values of a line, each once, without elections (1), which come and go between two scrapes.
func settled(points []observe.Point) []float64 {
	var all []float64
	for _, p := range points {
		if p.Value != 1 {
			all = append(all, p.Value)
		}
	}
	return slices.Compact(all)
}

// ends reports whether all ends with the given values.
func ends(all, with []float64) bool {
	return len(all) >= len(with) && slices.Equal(all[len(all)-len(with):], with)
}

// certificates checks that nodes without TLS are 0, which is shown as no certificate, and not days past an end in 1970.
func (l *live) certificates(all []*Dashboard) {
	l.t.Helper()
	a := find(l.t, all, "node.json", "Certificates of the nodes")
	series, _, err := l.shown(a)
	if err != nil || len(series) != len(l.nodes) {
		l.t.Fatalf("%s: %d series, %v", a.where, len(series), err)
	}
	for _, s := range series {
		if s.Value.Value != 0 {
			l.t.Errorf("%s: %s has %g days left, want 0 without TLS", a.where, s.Metric["instance"], s.Value.Value)
		}
	}
}

// marks checks the annotations: no leader before there was one, and a change after the leader was killed.
func (l *live) marks(all []*Dashboard, killed time.Time) {
	l.t.Helper()
	for _, d := range all {
		for _, a := range d.asks() {
			if a.panel != nil {
				continue
			}
			series, _, err := l.shown(a)
			if err != nil || len(series) != 1 {
				l.t.Errorf("%s: %d series, %v", a.where, len(series), err)
				continue
			}
			first := time.Time{}
			for _, p := range series[0].Values {
				if p.Value > 0 && !math.IsNaN(p.Value) && first.IsZero() {
					first = p.At
				}
			}
			change := a.where == d.file+": annotation Leader changes"
			if first.IsZero() || change != first.After(killed) || change && first.After(killed.Add(10*time.Second)) {
				l.t.Errorf("%s: the first mark is at %s, the leader was killed at %s", a.where, first, killed)
			}
		}
	}
}
