package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of native histograms: buckets a tenth apart, of which a hundred span more than four decimal
// powers; wider values first wait an hour for a reset before the buckets are made coarser.
const (
	nativeFactor  = 1.1
	nativeBuckets = 100
	nativeReset   = time.Hour
)

// maker makes metrics and enters them into a registry. Entering one twice panics: the names are ours.
type maker struct{ reg *prometheus.Registry }

func (k maker) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	k.reg.MustRegister(c)
	return c
}

func (k maker) counterFunc(name, help string, value func() float64) {
	k.reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
}

func (k maker) counters(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	k.reg.MustRegister(v)
	return v
}

func (k maker) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	k.reg.MustRegister(g)
	return g
}

func (k maker) gaugeFunc(name, help string, value func() float64) {
	k.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

func (k maker) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	k.reg.MustRegister(v)
	return v
}

// histograms are classic and native at once: text scrapes see the bounds, protobuf scrapes both.
func (k maker) histograms(name, help string, bounds []float64, label string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: bounds,
		NativeHistogramBucketFactor: nativeFactor, NativeHistogramMaxBucketNumber: nativeBuckets,
		NativeHistogramMinResetDuration: nativeReset}, []string{label})
	k.reg.MustRegister(v)
	return v
}

// build says which program this is.
func (k maker) build(b Build) {
	k.gauges("electnode_build_info", "The program; always 1.", "version", "revision", "goversion").
		WithLabelValues(b.Version, b.Revision, b.GoVersion).Set(1)
}

// setTime shows t as seconds since 1970.
func setTime(g prometheus.Gauge, t time.Time) {
	if !t.IsZero() {
		g.Set(float64(t.UnixNano()) / 1e9)
	}
}
