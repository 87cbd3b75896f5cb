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
	// Sinks are the values of the label sink beside "other". [log, metrics, recorder, tracing]
	Sinks []string
	// Exemplars has the durations of elections name their trace: where traces are exported.
	Exemplars bool
}

// Build names the program.
type Build struct{ Version, Revision, GoVersion string }

// withDefaults fills in what may be left out.
func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Sinks == nil {
		o.Sinks = []string{"log", "metrics", "recorder", "tracing"}
	}
	return o
}
