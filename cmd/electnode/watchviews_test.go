package main

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/recorder"
)

// TestWatchViews: each server gets a recording when it is first told of, the stream has what servers do and the watcher
// sees, and neither has questions and answers.
func TestWatchViews(t *testing.T) {
	const self quorum.SID = 1 << 62
	all := recorder.NewStream(recorder.Options{})
	defer all.Close(time.Second)
	v := newWatchViews(t.Context(), watchViewOptions{self: self, log: slog.New(slog.DiscardHandler), also: all})
	say := func(sid quorum.SID, ev event.Event) {
		v.Record(event.Stamped{Time: time.Now(), Node: sid, Election: 1, Event: ev})
	}
	for sid := quorum.SID(1); sid <= 2; sid++ {
		say(sid, event.NodeStarted{})
		say(sid, event.ElectionStarted{Reason: event.ReasonLeaderLost})
		say(self, &event.NotificationSent{Peer: sid})
		say(self, &event.NotificationReceived{Peer: sid})
		say(self, event.ConnectionAttempt{Peer: sid})
	}
	say(self, event.LeaderLost{Leader: 3})
	v.close()
	histories := v.histories()
	if len(histories) != 2 {
		t.Fatalf("%d recordings", len(histories))
	}
	for sid, h := range histories {
		if got := h.Elections(); len(got) != 1 || got[0].SID != sid {
			t.Errorf("server %d: %+v", sid, got)
		}
	}
	for name, stream := range map[string]*recorder.Stream{"its own": v.stream, "that of all": all} {
		stream.Close(time.Second)
		var names []string
		for _, line := range stream.Read(1, 1<<20).Lines {
			_, rest, _ := strings.Cut(string(line), `"event":"`)
			what, _, _ := strings.Cut(rest, `"`)
			names = append(names, what)
		}
		if want := []string{"NodeStarted", "ElectionStarted", "NodeStarted", "ElectionStarted", "LeaderLost"}; !slices.Equal(names, want) {
			t.Errorf("%s: %q", name, names)
		}
	}
}

// TestWatchViewsAreBounded: a configuration that names other servers again and again has no more than so many recordings.
// Those that left it make room.
func TestWatchViewsAreBounded(t *testing.T) {
	v := newWatchViews(t.Context(), watchViewOptions{self: 1 << 62, log: slog.New(slog.DiscardHandler)})
	defer v.close()
	say := func(sid quorum.SID, ev event.Event) {
		v.Record(event.Stamped{Time: time.Now(), Node: sid, Event: ev})
	}
	for sid := quorum.SID(1); sid <= maxRecorded+10; sid++ {
		say(sid, event.NodeStarted{})
	}
	v.relay.Sync()
	if n := len(v.histories()); n != maxRecorded {
		t.Errorf("%d recordings", n)
	}
	say(7, event.NodeStopped{})
	say(1000, event.NodeStarted{})
	v.relay.Sync()
	all := v.histories()
	if _, gone := all[7]; gone || all[1000] == nil || len(all) != maxRecorded {
		t.Errorf("server 7 has a recording, or 1000 has none: %d", len(all))
	}
}
