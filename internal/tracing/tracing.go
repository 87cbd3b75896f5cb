package tracing

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"electnode/internal/event"
	"electnode/internal/queue"
	"electnode/internal/quorum"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	// queueSize is how many events may wait for their spans: a second of a stormy election, 64 bytes each.
	queueSize = 4096
	// takenAtOnce is how many of them are taken at a time.
	takenAtOnce = 64
	// batchDelay is how long finished spans wait for others, unless OTEL_BSP_SCHEDULE_DELAY says otherwise.
	batchDelay = time.Second
	// reportEvery is the shortest time between two reports of loss.
	reportEvery = time.Second
)

// Options is what a Tracing needs to know.
type Options struct {
	// Exporter takes the spans; see Exporter. It belongs to the Tracing, which shuts it down.
	Exporter sdktrace.SpanExporter
	Self     quorum.SID
	View     *quorum.View // the configuration at the start
	Version  string       // of the program, for service.version
	// Resource says more of this node, or something else than the defaults; the environment comes first.
	Resource []attribute.KeyValue
	// Getenv reads the environment: OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG and
	// OTEL_BSP_SCHEDULE_DELAY. What else begins with OTEL_ the OpenTelemetry SDK reads itself. [os.Getenv]
	Getenv func(string) string
	// Dropped is told how many events or spans were lost since the last call: because the queue was full, a
	// bound was reached, or an export failed. At most one call a second, from one goroutine at a time. It must
	// not block; it may record an event. Nil: nobody is told.
	Dropped func(n uint64)
	// Failed is told why the first of a row of exports failed. It must not block. Nil: nobody is told.
	Failed func(err error)
}

// Tracing is the sink of one node. Record is safe from any goroutine, takes no memory and never waits.
type Tracing struct {
	queue    *queue.Queue
	builder  *builder
	exporter *exporter
	provider *sdktrace.TracerProvider
	loss     *loss
	quit     chan struct{}
	once     sync.Once
	done     chan struct{}
}

var _ event.Sink = (*Tracing)(nil)

// New makes a sink and starts its goroutine; Close ends it. The error names the setting that is wrong.
func New(opt Options) (*Tracing, error) {
	if opt.Exporter == nil {
		return nil, errors.New("tracing without an exporter")
	}
	if opt.Getenv == nil {
		opt.Getenv = os.Getenv
	}
	sampler, err := sampler(opt.Getenv)
	if err != nil {
		return nil, err
	}
	res, err := resourceOf(context.Background(), opt)
	if err != nil {
		return nil, err
	}
	t := &Tracing{queue: queue.New(queueSize), loss: newLoss(opt.Dropped), quit: make(chan struct{}),
		done: make(chan struct{})}
	t.exporter = &exporter{to: opt.Exporter, loss: t.loss, failed: opt.Failed}
	batch := []sdktrace.BatchSpanProcessorOption{sdktrace.WithBlocking()}
	if opt.Getenv("OTEL_BSP_SCHEDULE_DELAY") == "" {
		batch = append(batch, sdktrace.WithBatchTimeout(batchDelay))
	}
	t.provider = sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithSampler(sampler),
		sdktrace.WithIDGenerator(ids{}), sdktrace.WithBatcher(t.exporter, batch...))
	tracer := t.provider.Tracer(scope, trace.WithInstrumentationVersion(opt.Version),
		trace.WithSchemaURL(semconv.SchemaURL))
	t.builder = newBuilder(opt.Self, opt.View, rand.Uint64, func(s span) { write(tracer, s) }, t.loss.add)
	// Owned by the Tracing, ended by Close.
	go t.run()
	return t, nil
}

// Record implements event.Sink.
func (t *Tracing) Record(s event.Stamped) { t.queue.Record(s) }

// Close shows what there is and ends everything, within limit. An exporter that hangs is told to give up; one
// that does not listen is left behind. What is recorded afterwards is lost. Further calls only wait.
func (t *Tracing) Close(limit time.Duration) {
	t.once.Do(func() { close(t.quit) })
	if t.wait(limit - limit/8) {
		return
	}
	t.exporter.giveUp()
	t.wait(limit / 8)
	t.loss.report()
}

// wait reports whether the goroutine ends within limit.
func (t *Tracing) wait(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-t.done:
		return true
	case <-timer.C:
		return false
	}
}

// run makes spans of events until Close. It alone uses the builder. When the exporter is slow it waits here,
// and the queue loses its oldest events.
func (t *Tracing) run() {
	defer close(t.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	buf := make([]event.Stamped, takenAtOnce)
	for {
		over := false
		select {
		case <-t.queue.Ready():
		case <-timer.C:
		case <-t.loss.fresh:
		case <-t.quit:
			over = true
		}
		more := t.drain(buf)
		now := time.Now()
		if over {
			t.builder.flush(now)
			// The error is the exporter's, who had its last word.
			_ = t.provider.Shutdown(context.Background())
			t.loss.report()
			return
		}
		t.builder.tick(now)
		next := []time.Time{t.builder.deadline(), t.loss.due(now)}
		if more {
			next = append(next, now)
		}
		rearm(timer, now, next)
	}
}

// drain takes what waits, but bounded: those who record without end do not hold the rest up. It reports
// whether there may be more.
func (t *Tracing) drain(buf []event.Stamped) bool {
	for range 2 * queueSize / takenAtOnce {
		n, lost := t.queue.Take(buf)
		t.loss.add(lost)
		for _, s := range buf[:n] {
			t.builder.take(s)
		}
		clear(buf[:n])
		if n == 0 {
			return false
		}
	}
	return true
}

// rearm sets the timer to the earliest of deadlines; zero ones do not count.
func rearm(timer *time.Timer, now time.Time, deadlines []time.Time) {
	timer.Stop()
	var first time.Time
	for _, d := range deadlines {
		if !d.IsZero() && (first.IsZero() || d.Before(first)) {
			first = d
		}
	}
	if !first.IsZero() {
		timer.Reset(max(first.Sub(now), 0))
	}
}
