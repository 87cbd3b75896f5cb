package tracing

import (
	"context"
	"fmt"

	"electnode/internal/quorum"
	"electnode/internal/traceid"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope names the instrumentation in every span.
const scope = "electnode/internal/tracing"

// chosen is the key under which the ids of a span ride in its context.
type chosen struct{}

// ids is an id generator that takes the ids which write has chosen; nobody else makes spans here.
type ids struct{}

var _ sdktrace.IDGenerator = ids{}

// NewIDs implements sdktrace.IDGenerator for roots.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	s := ctx.Value(chosen{}).(span)
	return trace.TraceID(s.trace), trace.SpanID(s.id)
}

// NewSpanID implements sdktrace.IDGenerator for all others.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	return trace.SpanID(ctx.Value(chosen{}).(span).id)
}

// write makes an OpenTelemetry span of s.
func write(tracer trace.Tracer, s span) {
	ctx := context.WithValue(context.Background(), chosen{}, s)
	if s.parent != (traceid.Span{}) {
		ctx = trace.ContextWithSpanContext(ctx, place(s.trace, s.parent, s.remote))
	}
	kind := s.kind
	if kind == trace.SpanKindUnspecified {
		kind = trace.SpanKindInternal
	}
	opts := []trace.SpanStartOption{trace.WithTimestamp(s.start), trace.WithSpanKind(kind), trace.WithAttributes(s.attrs...)}
	for _, l := range s.links {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: place(l.trace, l.span, true),
			Attributes: []attribute.KeyValue{word("link", l.how)}}))
	}
	_, out := tracer.Start(ctx, s.name, opts...)
	writeNotes(out, s.notes)
	if s.failed != "" {
		out.SetStatus(codes.Error, s.failed)
	}
	out.End(trace.WithTimestamp(s.end))
}

// writeNotes adds the events of a span. It is the only place that does, since OpenTelemetry means to turn
// them into log records.
func writeNotes(out trace.Span, notes []note) {
	for _, n := range notes {
		out.AddEvent(n.name, trace.WithTimestamp(n.at), trace.WithAttributes(n.attrs...))
	}
}

// place is where a span stands. Everything counts as sampled by others: the sampler decides by the trace id,
// so they decide alike.
func place(t traceid.Trace, s traceid.Span, remote bool) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID(t), SpanID: trace.SpanID(s),
		TraceFlags: trace.FlagsSampled, Remote: remote})
}

// resourceOf says whose spans these are. What the environment says (OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES) comes before what is known here.
func resourceOf(ctx context.Context, opt Options) (*resource.Resource, error) {
	known := []attribute.KeyValue{semconv.ServiceName("electnode"), semconv.ServiceInstanceID(opt.Self.String())}
	if opt.Version != "" {
		known = append(known, semconv.ServiceVersion(opt.Version))
	}
	known = append(known, attribute.String("electnode.ensemble", ensembleOf(opt.View)))
	res, err := resource.New(ctx, resource.WithSchemaURL(semconv.SchemaURL), resource.WithTelemetrySDK(),
		resource.WithAttributes(append(known, opt.Resource...)...), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return res, nil
}

func ensembleOf(v *quorum.View) string {
	if v == nil {
		return ""
	}
	return v.EnsembleID()
}
