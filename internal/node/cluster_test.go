package node

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// memStore keeps epochs in memory; like a disk it outlives the node.
type memStore struct{ zab.Epochs }

func (m *memStore) WriteAccepted(e quorum.Epoch) error { m.Accepted = e; return nil }
func (m *memStore) WriteCurrent(e quorum.Epoch) error  { m.Current = e; return nil }

// cluster is an ensemble in this process. Events of all its nodes are kept; established waits for them.
type cluster struct {
	t       testing.TB
	view    *quorum.View
	network func(quorum.SID) qcm.Network
	stores  map[quorum.SID]*memStore
	running map[quorum.SID]*member
	// adjust may change the options of a node before it starts; nil: nobody does.
	adjust func(quorum.SID, *Options)

	mu     sync.Mutex
	events []event.Stamped
	change chan struct{} // closed and renewed at each event
}

type member struct {
	*Node
	cancel context.CancelFunc
	done   chan error
}

func newCluster(t testing.TB, view *quorum.View, network func(quorum.SID) qcm.Network) *cluster {
	c := &cluster{t: t, view: view, network: network, stores: map[quorum.SID]*memStore{},
		running: map[quorum.SID]*member{}, change: make(chan struct{})}
	t.Cleanup(c.stopAll)
	return c
}

// Record implements event.Sink.
func (c *cluster) Record(s event.Stamped) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, s)
	close(c.change)
	c.change = make(chan struct{})
}

func (c *cluster) start(sids ...quorum.SID) {
	c.t.Helper()
	for _, sid := range sids {
		store := c.stores[sid]
		if store == nil {
			store = &memStore{}
			c.stores[sid] = store
		}
		m, _ := c.view.Member(sid)
		a := m.Addresses[0]
		opt := Options{
			Core: CoreOptions{
				Election: fle.Options{Self: sid, View: c.view, MessageSeed: uint64(sid) << 32},
				Role:     zab.Options{Tick: 200 * time.Millisecond, InitLimit: 10, SyncLimit: 5},
				Epochs:   store.Epochs,
			},
			Links: qcm.Options{Listen: []string{fmt.Sprintf("%s:%d", a.Host, a.ElectionPort)},
				Announce: []string{fmt.Sprintf("%s:%d", a.Host, a.ElectionPort)}, Network: c.network(sid)},
			Quorum:       zab.TransportOptions{Network: c.network(sid)},
			QuorumListen: []string{fmt.Sprintf("%s:%d", a.Host, a.QuorumPort)},
			Store:        store,
			Events:       event.NewEmitter(sid, time.Now, c),
		}
		if c.adjust != nil {
			c.adjust(sid, &opt)
		}
		n, err := New(opt)
		if err != nil {
			c.t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(c.t.Context())
		done := make(chan error, 1)
		// Owned by the cluster: stop ends it and waits.
		go func() { done <- n.Run(ctx) }()
		c.running[sid] = &member{n, cancel, done}
	}
}

func (c *cluster) stop(sid quorum.SID) {
	m := c.running[sid]
	delete(c.running, sid)
	m.cancel()
	if err := <-m.done; err != nil {
		c.t.Errorf("server %d: %v", sid, err)
	}
}

func (c *cluster) stopAll() {
	for len(c.running) > 0 {
		for sid := range c.running {
			c.stop(sid)
		}
	}
}

// mark is a place in the stream of events: established looks at what comes after it.
func (c *cluster) mark() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.events)
}

// await waits until an event since mark makes is true, and returns it.
func (c *cluster) await(mark int, what string, is func(event.Stamped) bool) event.Stamped {
	c.t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for {
		c.mu.Lock()
		i := slices.IndexFunc(c.events[mark:], is)
		var found event.Stamped
		if i >= 0 {
			found = c.events[mark+i]
		}
		change := c.change
		c.mu.Unlock()
		if i >= 0 {
			return found
		}
		select {
		case <-change:
		case <-limit.C:
			c.t.Fatalf("never happened: %s", what)
		}
	}
}

// dump logs the last events but heartbeats, and every node's state.
func (c *cluster) dump() {
	c.mu.Lock()
	events := slices.DeleteFunc(slices.Clone(c.events), func(s event.Stamped) bool {
		return s.Event.Name() == "HeartbeatAnswered"
	})
	c.mu.Unlock()
	for _, s := range events[max(0, len(events)-60):] {
		c.t.Logf("%s %d %s %+v", s.Time.Format("05.000000"), s.Node, s.Event.Name(), s.Event)
	}
	for sid, m := range c.running {
		s, err := m.Status(context.Background())
		c.t.Logf("server %d: %+v %v", sid, s, err)
	}
}

// sids lists the running servers, ascending.
func (c *cluster) sids() []quorum.SID {
	var all []quorum.SID
	for sid := range c.running {
		all = append(all, sid)
	}
	slices.Sort(all)
	return all
}

// settle waits until all running servers agree, from mark on.
func (c *cluster) settle(mark int) event.LeaderEstablished {
	c.t.Helper()
	return c.established(mark, c.sids()...)
}

// established waits until each of the sids has an established leader since mark, all the same one.
func (c *cluster) established(mark int, sids ...quorum.SID) event.LeaderEstablished {
	c.t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for {
		c.mu.Lock()
		have := map[quorum.SID]event.LeaderEstablished{}
		for _, s := range c.events[mark:] {
			switch ev := s.Event.(type) {
			case event.LeaderEstablished:
				have[s.Node] = ev
			case event.LeaderLost:
				delete(have, s.Node)
			}
		}
		change := c.change
		c.mu.Unlock()
		first, ok := have[sids[0]]
		agree := ok && !slices.ContainsFunc(sids, func(sid quorum.SID) bool {
			return have[sid].Leader != first.Leader || have[sid].Epoch != first.Epoch
		})
		if agree {
			return first
		}
		select {
		case <-change:
		case <-limit.C:
			c.t.Fatalf("no agreement of %v: %+v", sids, have)
		}
	}
}
