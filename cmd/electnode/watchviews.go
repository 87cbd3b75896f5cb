package main

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"electnode/internal/event"
	"electnode/internal/logging"
	"electnode/internal/queue"
	"electnode/internal/quorum"
	"electnode/internal/recorder"
	"electnode/internal/tracing"
	"electnode/internal/web"
)

const (
	// maxRecorded is how many servers of one ensemble have recordings and traces: all that a configuration may
	// have, and as many that have left it since.
	maxRecorded = 128
	// serverBytes is what the recorded events of one server may take: seen from outside they are few.
	serverBytes = 1 << 20
)

// watchViewOptions says what is to be seen of one ensemble.
type watchViewOptions struct {
	self          quorum.SID   // the watcher's
	log           *slog.Logger // with the name of the ensemble
	pipe          *logging.Pipe
	traceEndpoint string
	also          event.Sink // gets what the stream gets; nil: nobody else
}

// watchViews are the sinks of one watched ensemble: recordings and traces of each server, made when it is first told
// of, one stream of all events, and log lines at level debug. Questions and answers are lines only: they are eight
// events a second and server, and would push out of the rest what matters within minutes.
type watchViews struct {
	ctx    context.Context // of the traces
	opt    watchViewOptions
	relay  *queue.Relay
	stream *recorder.Stream
	lines  *logging.Sink

	mu      sync.Mutex
	servers map[quorum.SID]*serverViews
}

// serverViews are the sinks of one server of a foreign ensemble.
type serverViews struct {
	history *recorder.Recorder
	traces  *tracing.Tracing // nil: not exported
	left    bool             // the configuration
}

var _ event.Sink = (*watchViews)(nil)

func newWatchViews(ctx context.Context, opt watchViewOptions) *watchViews {
	v := &watchViews{ctx: ctx, opt: opt, servers: map[quorum.SID]*serverViews{}}
	v.stream = recorder.NewStream(recorder.Options{Dropped: v.dropped("recorder")})
	v.lines = logging.NewSink(logging.Quiet(opt.log), logging.SinkOptions{Pipe: opt.pipe})
	v.relay = queue.NewRelay(event.FanOut{event.SinkFunc(v.show)}, v.dropped("recorder"))
	return v
}

// dropped makes a function that tells the stream what a sink has lost.
func (v *watchViews) dropped(sink string) func(uint64) {
	return func(n uint64) {
		v.stream.Record(event.Stamped{Time: time.Now(), Node: v.opt.self, Event: event.EventsDropped{Sink: sink, Count: n}})
	}
}

// Record implements event.Sink.
func (v *watchViews) Record(s event.Stamped) { v.relay.Record(s) }

// show hands an event to all that show it. The relay's goroutine calls it.
func (v *watchViews) show(s event.Stamped) {
	v.lines.Record(s)
	switch s.Event.(type) {
	case *event.NotificationSent, *event.NotificationReceived, event.ConnectionAttempt, event.PeerResolved:
		return
	}
	v.stream.Record(s)
	if v.opt.also != nil {
		v.opt.also.Record(s)
	}
	if s.Node == v.opt.self {
		return
	}
	if one := v.server(s); one != nil {
		one.history.Record(s)
		if one.traces != nil {
			one.traces.Record(s)
		}
	}
}

// server gives the sinks of the server of s; nil: there are too many.
func (v *watchViews) server(s event.Stamped) *serverViews {
	v.mu.Lock()
	defer v.mu.Unlock()
	one := v.servers[s.Node]
	if one == nil {
		if len(v.servers) == maxRecorded && !v.forget() {
			return nil
		}
		one = v.open(s)
		v.servers[s.Node] = one
	}
	_, one.left = s.Event.(event.NodeStopped)
	return one
}

// forget drops a server that left the configuration, and reports whether there was one. The caller holds the lock.
func (v *watchViews) forget() bool {
	for sid, one := range v.servers {
		if one.left {
			delete(v.servers, sid)
			one.close()
			return true
		}
	}
	return false
}

// open makes the sinks of a server; s is its first event.
func (v *watchViews) open(s event.Stamped) *serverViews {
	opt := viewOptions{self: s.Node, log: v.opt.log, traceEndpoint: v.opt.traceEndpoint,
		service: "zookeeper-" + s.Node.String()}
	if started, ok := s.Event.(event.NodeStarted); ok {
		opt.view = started.View
	}
	traces, err := openTraces(v.ctx, opt, v.dropped("tracing"))
	if err != nil { // the settings were checked at the start
		v.opt.log.Warn("no traces of a server", "peer", int64(s.Node), "error", err.Error())
	}
	return &serverViews{history: recorder.New(recorder.Options{Bytes: serverBytes, Dropped: v.dropped("recorder")}),
		traces: traces}
}

// histories are the recordings of all servers.
func (v *watchViews) histories() map[quorum.SID]web.History {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := make(map[quorum.SID]web.History, len(v.servers))
	for sid, one := range v.servers {
		all[sid] = one.history
	}
	return all
}

// close shows what there is left to show, within a bound.
func (v *watchViews) close() {
	v.relay.Close()
	v.mu.Lock()
	servers := maps.Clone(v.servers)
	v.mu.Unlock()
	var group sync.WaitGroup
	for _, one := range servers {
		// Bounded; the group waits for it.
		group.Go(one.close)
	}
	group.Wait()
	v.stream.Close(flushTime)
	v.lines.Close(flushTime)
}

func (s *serverViews) close() {
	s.history.Close(flushTime)
	if s.traces != nil {
		s.traces.Close(flushTime)
	}
}
