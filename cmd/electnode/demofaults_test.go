package main

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"electnode/internal/demo"
	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/web"
	"electnode/test/proc"
)

func sidOf(n int64) *quorum.SID { return new(quorum.SID(n)) }

// TestFaultAction: what the page asks for is what a script would say.
func TestFaultAction(t *testing.T) {
	for want, f := range map[string]web.Fault{
		"kill 2":             {Verb: "kill", SID: sidOf(2)},
		"cut 1 3":            {Verb: "cut", SID: sidOf(1), Peer: sidOf(3)},
		"zxid 2 0x500000001": {Verb: "zxid", SID: sidOf(2), Zxid: "0x500000001"},
		"heal":               {Verb: "heal"},
		"heal 1 2":           {Verb: "heal", SID: sidOf(1), Peer: sidOf(2)},
	} {
		a, err := faultAction(f)
		if err != nil || a.Text != want {
			t.Errorf("%+v: %q, %v", f, a.Text, err)
		}
	}
	for _, f := range []web.Fault{{}, {Verb: "kill"}, {Verb: "burn", SID: sidOf(1)}, {Verb: "cut", SID: sidOf(1)}, {Verb: "heal", SID: sidOf(1)},
		{Verb: "zxid", SID: sidOf(1), Zxid: "high"}, {Verb: "partition", SID: sidOf(1)}, {Verb: "kill leader", SID: sidOf(1)},
		{Verb: "kill", SID: sidOf(1), Peer: sidOf(2)}, {Verb: "heal 1", SID: nil}} {
		if a, err := faultAction(f); err == nil {
			t.Errorf("%+v is %+v", f, a)
		}
	}
}

// TestFaultOf: what a script does is told on the time line as what the page asks for.
func TestFaultOf(t *testing.T) {
	for text, want := range map[string]string{"kill 2": "kill 2", "kill leader": "kill leader", "cut 1 3": "cut 1 3",
		"partition 1,2 | 3": "partition 1,2 | 3", "heal": "heal", "zxid 2 0x500000001": "zxid 2 0x500000001"} {
		a, err := demo.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := faultOf(a).String(); got != want {
			t.Errorf("%s: %s", text, got)
		}
		a.Text = "at 5s " + a.Text
		if got := faultOf(a).String(); got != want {
			t.Errorf("at 5s %s: %s", text, got)
		}
	}
}

// TestDemoFaults: a fault for a time is undone after it, which is an action too; a bad one is told as such.
func TestDemoFaults(t *testing.T) {
	var n atomic.Uint64
	e, err := demo.Start(demo.Options{Nodes: 3, Sink: event.SinkFunc(func(event.Stamped) {}), Seed: func() uint64 { return n.Add(1) << 40 }})
	if err != nil {
		t.Fatal(err)
	}
	f := newDemoFaults(e, web.NewActions())
	defer func() {
		f.close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, bad := range []web.Fault{{Verb: "kill"}, {Verb: "kill", SID: sidOf(9), For: "x"}, {Verb: "pause", SID: sidOf(1), For: "-1s"},
		{Verb: "pause", SID: sidOf(1), For: "9000h"}, {Verb: "resign", SID: sidOf(1), For: "1s"}} {
		if err := f.Do(t.Context(), bad); !errors.Is(err, web.ErrBadFault) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := f.Do(t.Context(), web.Fault{Verb: "kill", SID: sidOf(9)}); err == nil || errors.Is(err, web.ErrBadFault) {
		t.Errorf("a server that is not there: %v", err)
	}
	if err := f.Do(t.Context(), web.Fault{Verb: "kill", SID: sidOf(1), For: "50ms"}); err != nil {
		t.Fatal(err)
	}
	proc.Eventually(t, 30*time.Second, "server 1 is back", func() error { _, err := e.Status(t.Context(), 1); return err })
	if err := f.Do(t.Context(), web.Fault{Verb: "isolate", SID: sidOf(2), For: "1h"}); err != nil {
		t.Fatal(err)
	}
	if len(f.timers) != 1 {
		t.Errorf("%d timers", len(f.timers))
	}
}
