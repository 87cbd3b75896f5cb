package tracing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// loss counts what is lost and tells of it, run by run.
type loss struct {
	n     atomic.Uint64
	fresh chan struct{} // something was lost after nothing had been
	tell  func(n uint64)
	told  time.Time // the owner's

	mu sync.Mutex // one report at a time
}

func newLoss(tell func(uint64)) *loss {
	if tell == nil {
		tell = func(uint64) {}
	}
	return &loss{fresh: make(chan struct{}, 1), tell: tell}
}

// add counts n. Safe from any goroutine.
func (l *loss) add(n uint64) {
	if n == 0 || l.n.Add(n) != n {
		return
	}
	select {
	case l.fresh <- struct{}{}:
	default:
	}
}

// due tells of a loss if the last report is long enough ago, and otherwise says when to come back. Only the
// owner calls it.
func (l *loss) due(now time.Time) time.Time {
	if l.n.Load() == 0 {
		return time.Time{}
	}
	if next := l.told.Add(reportEvery); now.Before(next) {
		return next
	}
	l.told = now
	l.report()
	return time.Time{}
}

// report tells of what was not told yet.
func (l *loss) report() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.n.Swap(0); n > 0 {
		l.tell(n)
	}
}

// exporter counts the spans whose export failed, and can be told to give up.
type exporter struct {
	to      sdktrace.SpanExporter
	loss    *loss
	failed  func(error) // may be nil
	failing bool        // the last export did; exports come one after the other

	mu     sync.Mutex
	gone   bool               // giveUp was called
	cancel context.CancelFunc // of the call that runs
}

var _ sdktrace.SpanExporter = (*exporter)(nil)

// giveUp ends the call that runs, if the exporter heeds its context, and lets no other begin.
func (e *exporter) giveUp() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = true
	if e.cancel != nil {
		e.cancel()
	}
}

// begin is the context for one call, which giveUp ends.
func (e *exporter) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cancel = cancel; e.gone {
		cancel()
	}
	return ctx, cancel
}

// ExportSpans implements sdktrace.SpanExporter. An error ends here: what is above would write it to stderr.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := e.begin(ctx)
	defer cancel()
	err := ctx.Err()
	if err == nil {
		err = e.to.ExportSpans(ctx, spans)
	}
	if err != nil {
		e.loss.add(uint64(len(spans)))
		if !e.failing && e.failed != nil {
			e.failed(err)
		}
	}
	e.failing = err != nil
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (e *exporter) Shutdown(ctx context.Context) error {
	ctx, cancel := e.begin(ctx)
	defer cancel()
	return e.to.Shutdown(ctx)
}
