package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"electnode/internal/event"
	"electnode/internal/queue"
	"electnode/internal/quorum"
	"electnode/internal/recorder"
)

// historyBytes is what the recorded events of all nodes may take, but for a MiB each.
const historyBytes = 64 << 20

// ensembleViews show a whole ensemble in one process: each node by itself, and the events of all in one stream.
type ensembleViews struct {
	nodes  map[quorum.SID]*views
	stream *recorder.Stream
	relay  *queue.Relay // before the stream: a hundred open pages are not woken while an election runs
}

// openEnsembleViews makes them for the servers that the flags ask for, numbered from 1.
func openEnsembleViews(ctx context.Context, f demoFlags, log *slog.Logger) (*ensembleViews, error) {
	e := &ensembleViews{nodes: map[quorum.SID]*views{}, stream: recorder.NewStream(recorder.Options{})}
	e.relay = queue.NewRelay(event.FanOut{e.stream}, func(n uint64) {
		e.stream.Record(event.Stamped{Time: time.Now(), Node: 1, Event: event.EventsDropped{Sink: "recorder", Count: n}})
	})
	share := max(1<<20, min(8<<20, historyBytes/(f.nodes+f.observers)))
	for sid := quorum.SID(1); sid <= quorum.SID(f.nodes+f.observers); sid++ {
		v, err := openViews(ctx, viewOptions{self: sid, log: log, pipe: f.pipe, lines: f.lines, service: fmt.Sprintf("electnode-%d", sid),
			history: share, runtime: sid == 1})
		if err != nil {
			e.close()
			return nil, err
		}
		e.nodes[sid] = v
	}
	return e, nil
}

// Record implements event.Sink.
func (e *ensembleViews) Record(s event.Stamped) {
	e.relay.Record(s)
	if v := e.nodes[s.Node]; v != nil {
		v.Record(s)
	}
}

func (e *ensembleViews) close() {
	e.relay.Close()
	e.stream.Close(flushTime)
	for _, v := range e.nodes {
		v.close()
	}
}
