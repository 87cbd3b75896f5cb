package metrics

import (
	"time"

	"electnode/internal/quorum"
)

// Options is what the series of a node need to know beside its events.
type Options struct {
	Self quorum.SID
	// View says which peers have series of their own; everybody else counts under peer="unknown". The view
	// of a later NodeStarted adds its members. Nil: no peer is known.
	View  *quorum.View
	Build Build
	// Clock is the time for what grows while it lasts, when somebody asks. [time.Now]
	Clock func() time.Time
	// Runtime adds the go_ and process_ series. They are those of the process: with several nodes in one,
	// only one of them should have it.
	Runtime bool
	// Sinks are the values of the label sink beside "other". [log, recorder, tracing]
	Sinks []string
	// TraceID is the trace of an election, numbered as in event.Stamped, for exemplars; empty where there is
	// none. It is asked when the election's leader is established or it failed, so that the answer is final;
	// it must neither block nor record events. Put the sink that knows it before this one. Nil: no exemplars.
	TraceID func(election uint64) string
	// NotificationWait is the present wait before a vote is repeated, 0 when settled. No event tells it; it
	// is asked at each scrape and must not block. Nil: always 0.
	NotificationWait func() time.Duration
}

// Build names the program.
type Build struct{ Version, Revision, GoVersion string }

// withDefaults fills in what may be left out.
func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Sinks == nil {
		o.Sinks = []string{"log", "recorder", "tracing"}
	}
	if o.NotificationWait == nil {
		o.NotificationWait = func() time.Duration { return 0 }
	}
	return o
}
