package main

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"electnode/internal/demo"
	"electnode/internal/event"
	"electnode/internal/quorum"
)

// collector takes spans by OTLP over HTTP and forgets them.
func collector(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // what is not read is lost as well
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// allViews makes every view of a node: lines as by default, traces that are exported.
func allViews(t testing.TB, self quorum.SID) *views {
	t.Helper()
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	v, err := openViews(t.Context(), viewOptions{self: self, log: log, lines: true, traceEndpoint: collector(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.close)
	return v
}

// BenchmarkNotification is what the emitting goroutine pays for one notification with all views on.
func BenchmarkNotification(b *testing.B) {
	for _, kind := range []string{"sent", "received"} {
		b.Run(kind, func(b *testing.B) {
			v := allViews(b, 1)
			var slab event.ReceivedSlab
			sent := event.NotificationSent{Peer: 2, MessageID: 7, Cause: event.SendVoteChange}
			b.ReportAllocs()
			for b.Loop() {
				if kind == "sent" {
					v.events.Sent(sent)
					continue
				}
				ev := slab.Take()
				ev.Peer, ev.MessageID, ev.Outcome = 2, 7, event.ReceivedCounted
				v.events.Emit(ev)
			}
		})
	}
}

// stopwatch waits until a number of servers have a leader of a later epoch.
type stopwatch struct {
	mu     sync.Mutex
	epochs map[quorum.SID]quorum.Epoch
	change chan struct{}
}

func newStopwatch() *stopwatch {
	return &stopwatch{epochs: map[quorum.SID]quorum.Epoch{}, change: make(chan struct{}, 1)}
}

// Record implements event.Sink.
func (w *stopwatch) Record(s event.Stamped) {
	ev, ok := s.Event.(event.LeaderEstablished)
	if !ok {
		return
	}
	w.mu.Lock()
	w.epochs[s.Node] = ev.Epoch
	w.mu.Unlock()
	select {
	case w.change <- struct{}{}:
	default:
	}
}

// wait returns when n servers have a leader of an epoch above than.
func (w *stopwatch) wait(t testing.TB, n int, than quorum.Epoch) {
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for {
		have := 0
		w.mu.Lock()
		for _, e := range w.epochs {
			if e > than {
				have++
			}
		}
		w.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-w.change:
		case <-limit.C:
			t.Fatal("no leader within a minute")
		}
	}
}

// patient is an ensemble of three whose leader can be killed again and again.
type patient struct {
	*demo.Ensemble
	watch *stopwatch
}

func newPatient(t testing.TB, sink event.Sink) *patient {
	p := &patient{watch: newStopwatch()}
	e, err := demo.Start(demo.Options{Nodes: 3, Seed: seed, Sink: event.FanOut{p.watch, sink}})
	if err != nil {
		t.Fatal(err)
	}
	p.Ensemble = e
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	p.watch.wait(t, 3, 0)
	return p
}

// failOver kills the leader and returns how long it took until both others had the next; then all are back.
func (p *patient) failOver(ctx context.Context, t testing.TB) time.Duration {
	old, ok := p.Leader(ctx)
	if !ok {
		t.Fatal("no leader to kill")
	}
	victim := demo.Target{SID: old.Leader}
	begun := time.Now()
	if err := p.Do(ctx, demo.Action{Verb: demo.Kill, Targets: []demo.Target{victim}}); err != nil {
		t.Fatal(err)
	}
	p.watch.wait(t, 2, old.Epoch)
	took := time.Since(begun)
	if err := p.Do(ctx, demo.Action{Verb: demo.Restart, Targets: []demo.Target{victim}}); err != nil {
		t.Fatal(err)
	}
	p.watch.wait(t, 3, old.Epoch)
	return took
}

// BenchmarkFailOver kills the leader of an ensemble without views and of one with all of them, by turns. It reports
// both medians and how much more the views cost.
func BenchmarkFailOver(b *testing.B) {
	bare := newPatient(b, event.FanOut{})
	var all event.FanOut
	for sid := quorum.SID(1); sid <= 3; sid++ {
		v := allViews(b, sid)
		all = append(all, event.SinkFunc(func(s event.Stamped) {
			if s.Node == sid {
				v.Record(s)
			}
		}))
	}
	seen := newPatient(b, all)
	var without, with []time.Duration
	for b.Loop() {
		without = append(without, bare.failOver(b.Context(), b))
		with = append(with, seen.failOver(b.Context(), b))
	}
	a, z := median(without), median(with)
	b.ReportMetric(float64(a.Microseconds())/1000, "ms-none")
	b.ReportMetric(float64(z.Microseconds())/1000, "ms-all")
	b.ReportMetric(100*(float64(z)/float64(a)-1), "%-more")
}

func median[T cmp.Ordered](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
