package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// byWord holds what there is for each word of a closed set, looked up beforehand. A word outside the set
// is a mistake of those who emit: it makes no series, and strange counts it.
type byWord[W ~string, M any] struct {
	of      map[W]M
	strange prometheus.Counter
}

// makeByWord makes one of each word.
func makeByWord[W ~string, M any](strange prometheus.Counter, words []W, one func(string) M) byWord[W, M] {
	b := byWord[W, M]{of: make(map[W]M, len(words)), strange: strange}
	for _, w := range words {
		b.of[w] = one(string(w))
	}
	return b
}

// countersByWord makes a counter of each word of the only label of v.
func countersByWord[W ~string](strange prometheus.Counter, words []W, v *prometheus.CounterVec) byWord[W, prometheus.Counter] {
	return makeByWord(strange, words, func(w string) prometheus.Counter { return v.WithLabelValues(w) })
}

// histogramsByWord makes a histogram of each word of the only label of v.
func histogramsByWord(strange prometheus.Counter, words []string, v *prometheus.HistogramVec) byWord[string, prometheus.Observer] {
	return makeByWord(strange, words, func(w string) prometheus.Observer { return v.WithLabelValues(w) })
}

// with is what there is for w, if there is anything.
func (b byWord[W, M]) with(w W) (M, bool) {
	m, ok := b.of[w]
	if !ok {
		b.strange.Inc()
	}
	return m, ok
}

// add counts w so many times.
func add[W ~string](b byWord[W, prometheus.Counter], w W, n uint64) {
	if c, ok := b.with(w); ok {
		c.Add(float64(n))
	}
}

// inc counts w.
func inc[W ~string](b byWord[W, prometheus.Counter], w W) {
	if c, ok := b.with(w); ok {
		c.Inc()
	}
}

// observe enters v, with the trace as exemplar if there is one.
func observe(b byWord[string, prometheus.Observer], w string, v time.Duration, trace string) {
	o, ok := b.with(w)
	if !ok {
		return
	}
	if e, can := o.(prometheus.ExemplarObserver); can && trace != "" {
		e.ObserveWithExemplar(v.Seconds(), prometheus.Labels{"trace_id": trace})
		return
	}
	o.Observe(v.Seconds())
}
