package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/config"
	"electnode/internal/event"
	"electnode/internal/node"
	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"
	"electnode/internal/web"
)

// noDisk is a store for nodes that are started once.
type noDisk struct{}

func (noDisk) WriteAccepted(quorum.Epoch) error { return nil }
func (noDisk) WriteCurrent(quorum.Epoch) error  { return nil }

// viewOf is the configuration of servers 1 to n, in a version.
func viewOf(t *testing.T, version quorum.Version, n quorum.SID) *quorum.View {
	t.Helper()
	spec := quorum.Spec{Version: version}
	for sid := quorum.SID(1); sid <= n; sid++ {
		spec.Members = append(spec.Members, quorum.Member{SID: sid, Addresses: []quorum.Address{
			{Host: fmt.Sprintf("10.0.0.%d", sid), QuorumPort: 2888, ElectionPort: 3888}}})
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// nodeOn runs a server on a network in memory until ctx ends; done is told then.
func nodeOn(ctx context.Context, t *testing.T, net *memnet.Net, sid quorum.SID, view *quorum.View, done chan<- error) *node.Node {
	t.Helper()
	cfg := &config.Config{MyID: sid, View: view, Distributed: true, ReconfigEnabled: true, Tick: 200 * time.Millisecond, InitLimit: 10,
		SyncLimit: 5, Network: config.Network{ConnectTimeout: time.Second}}
	opt, err := node.Assemble(cfg, node.Parts{Network: net.Host(fmt.Sprintf("10.0.0.%d", sid)), Store: noDisk{},
		Events: event.NewEmitter(sid, time.Now, event.FanOut{}), MessageSeed: uint64(sid) << 32})
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	// Ends when ctx does; the test waits for it.
	go func() { done <- n.Run(ctx) }()
	return n
}

// bubble has server 1 with old, and the others of view with view, settle on fake time, and gives server 1 to a test of
// its faults.
func bubble(t *testing.T, old, view *quorum.View, test func(t *testing.T, n *node.Node, f *nodeFaults)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		net, done := memnet.New(), make(chan error, len(view.Members()))
		var first *node.Node
		for _, m := range view.Members() {
			if m.SID == 1 {
				first = nodeOn(ctx, t, net, 1, old, done)
				continue
			}
			nodeOn(ctx, t, net, m.SID, view, done)
		}
		time.Sleep(10 * time.Second)
		f := newNodeFaults(first, 1)
		defer func() {
			cancel()
			for range view.Members() {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			f.close()
		}()
		test(t, first, f)
	})
}

// linked says with whom n is connected.
func linked(t *testing.T, n *node.Node) (all []quorum.SID) {
	t.Helper()
	s, err := n.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.Links {
		if l.Connected {
			all = append(all, l.Peer)
		}
	}
	return all
}

// TestCutEndsAfterPause: a cut whose time is over while the node is paused is lifted when that goes on.
func TestCutEndsAfterPause(t *testing.T) {
	view := viewOf(t, 0, 2)
	bubble(t, view, view, func(t *testing.T, n *node.Node, f *nodeFaults) {
		for _, fault := range []web.Fault{{Verb: "cut", Peer: sidOf(2), For: "3s"}, {Verb: "pause", For: "8s"}} {
			if err := f.Do(t.Context(), fault); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(22 * time.Second)
		if got := linked(t, n); len(got) != 1 {
			t.Errorf("after 22 s server 1 is connected with %v", got)
		}
	})
}

// TestCutOfStoppedNode: nobody goes on asking a node that has stopped to lift a cut.
func TestCutOfStoppedNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		view := viewOf(t, 0, 2)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		f := newNodeFaults(nodeOn(ctx, t, memnet.New(), 1, view, done), 1)
		if err := f.Do(t.Context(), web.Fault{Verb: "isolate", For: "3s"}); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.cuts) != 0 {
			t.Errorf("%d cuts are still to be lifted", len(f.cuts))
		}
	})
}

// TestFaultsFollowTheConfiguration: who joined since the start is a member for isolate and cut.
func TestFaultsFollowTheConfiguration(t *testing.T) {
	bubble(t, viewOf(t, 0, 2), viewOf(t, 5, 3), func(t *testing.T, n *node.Node, f *nodeFaults) {
		if got := linked(t, n); len(got) != 2 {
			t.Fatalf("server 1 is connected with %v", got)
		}
		if err := f.Do(t.Context(), web.Fault{Verb: "isolate", For: "5s"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		if got := linked(t, n); len(got) != 0 {
			t.Errorf("isolated, server 1 is connected with %v", got)
		}
		time.Sleep(20 * time.Second)
		if got := linked(t, n); len(got) != 2 {
			t.Errorf("healed, server 1 is connected with %v", got)
		}
		if err := f.Do(t.Context(), web.Fault{Verb: "cut", Peer: sidOf(3)}); err != nil {
			t.Error(err)
		}
		for _, stranger := range []int64{1, 77} {
			if err := f.Do(t.Context(), web.Fault{Verb: "cut", Peer: sidOf(stranger)}); !errors.Is(err, web.ErrBadFault) {
				t.Errorf("cut of %d: %v", stranger, err)
			}
		}
	})
}

// TestCutOfPausedNode: that a paused node does not say who is a member is no fault of who asks.
func TestCutOfPausedNode(t *testing.T) {
	view := viewOf(t, 0, 2)
	bubble(t, view, view, func(t *testing.T, _ *node.Node, f *nodeFaults) {
		if err := f.Do(t.Context(), web.Fault{Verb: "pause", For: "8s"}); err != nil {
			t.Fatal(err)
		}
		if err := f.Do(t.Context(), web.Fault{Verb: "cut", Peer: sidOf(2)}); err == nil || errors.Is(err, web.ErrBadFault) {
			t.Errorf("%v", err)
		}
	})
}
