package watch

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"electnode/internal/event"
)

// Watcher watches one ensemble. Several may live in one process, each with its own sid or ensemble.
type Watcher struct {
	opt    Options
	hello  []byte
	events *event.Emitter
	status atomic.Pointer[Status]
}

// New makes a watcher that asks nobody yet. The error names every problem of opt.
func New(opt Options) (*Watcher, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	hello, err := preamble(opt.SID)
	if err != nil {
		return nil, err
	}
	w := &Watcher{opt: opt, hello: hello, events: event.NewEmitter(opt.SID, time.Now, opt.Sink)}
	w.status.Store(&Status{})
	return w, nil
}

// Status is what was last known, as of now. From any goroutine, before, during and after Run.
func (w *Watcher) Status() Status { return w.status.Load().asOf(time.Now()) }

// Run watches until ctx ends, and returns when all connections are closed. It is called once.
func (w *Watcher) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	d := &driver{Watcher: w, links: map[int]*link{}, reports: make(chan report), words: make(chan informed)}
	defer d.wg.Wait()
	defer cancel()
	c := newCore(w.opt.SID, w.opt.Targets, w.opt.View)
	now := time.Now()
	d.carryOut(ctx, now, c.start(now))
	if w.opt.Enrich {
		a := &asker{network: w.opt.ClientNetwork, servers: func() []Server { return w.status.Load().Servers }, reports: d.words}
		// Owned by Run, which waits for it; ends with the context of Run.
		d.wg.Go(func() { a.run(ctx) })
	}
	for {
		select {
		case r := <-d.reports:
			if d.links[r.link] == nil {
				continue // it was ended with this on its tongue
			}
			d.carryOut(ctx, r.at, c.step(r))
			w.opt.OnProbe(c.probe(r))
		case r := <-d.words:
			d.carryOut(ctx, r.at, c.inform(r))
		case <-ctx.Done():
			return
		}
	}
}

// driver is one Run: the links that the core wants.
type driver struct {
	*Watcher
	wg      sync.WaitGroup
	links   map[int]*link
	reports chan report // unbuffered: who is faster waits its turn
	words   chan informed
}

// carryOut does what the core wants done.
func (d *driver) carryOut(ctx context.Context, at time.Time, out output) {
	for _, id := range out.stop {
		d.links[id].cancel()
		delete(d.links, id)
	}
	for _, want := range out.links {
		l := d.links[want.id]
		fresh := l == nil
		if fresh {
			l = &link{id: want.id, opt: &d.opt, hello: d.hello, events: d.events, reports: d.reports,
				rand: rand.New(rand.NewPCG(uint64(d.opt.SID), uint64(want.id)))}
		}
		l.sid.Store(int64(want.sid))
		l.addresses.Store(&want.addresses)
		if fresh {
			d.launch(ctx, l)
		}
	}
	for _, e := range out.events {
		d.opt.Sink.Record(event.Stamped{Time: at, Node: e.node, Election: e.election, Event: e.event})
	}
	d.status.Store(&out.status)
	if out.changed {
		d.opt.OnChange(out.status.asOf(at))
	}
}

// launch sets a new link going.
func (d *driver) launch(ctx context.Context, l *link) {
	d.links[l.id] = l
	ctx, l.cancel = context.WithCancel(ctx)
	// Owned by Run, which waits for it; ends when the core stops the link or the context of Run ends.
	d.wg.Go(func() { l.run(ctx) })
}
