package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"electnode/internal/quorum"
)

// Limits of what peers tell.
const (
	peerBytes   = 8 << 20          // of events that are kept, of all together
	peerLine    = 1 << 20          // of one event
	peerAnswer  = 16 << 20         // of any other answer
	peerSilence = 40 * time.Second // of a stream, which gives a sign of life every 15 s
	peerPause   = time.Second      // before a peer is asked again
	peerLinger  = 10 * time.Second // after the last page was closed
)

// Peers merges the events of a node with those that its peers tell over HTTP. They are asked while somebody looks,
// and for ten seconds more. Close ends its goroutines.
type Peers struct {
	*merged
	self    quorum.SID
	own     Events
	remotes []*remote
	linger  time.Duration

	mu       sync.Mutex
	watchers int
	stop     context.CancelFunc // nil: nobody is asked
	idle     *time.Timer        // runs while nobody looks
	closed   bool
	asking   sync.WaitGroup
	ownNext  uint64 // of the own events; the goroutine that reads them has it
}

// NewPeers merges own, the events of the node self, with those at the addresses; that of the node itself may be
// among them.
func NewPeers(self quorum.SID, own Events, addresses []string) *Peers {
	// Connections of its own: nothing is shared, and Close closes them.
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, IdleConnTimeout: time.Minute,
		ResponseHeaderTimeout: listTime}}
	p := &Peers{merged: newMerged(own.Token(), peerBytes), self: self, own: own, linger: peerLinger, ownNext: 1}
	for _, a := range addresses {
		p.remotes = append(p.remotes, &remote{base: a, self: self, client: client})
	}
	p.idle = time.AfterFunc(time.Hour, p.rest)
	p.idle.Stop()
	return p
}

// Members lists the peers, without the node itself.
func (p *Peers) Members() []Member {
	var all []Member
	for _, r := range p.remotes {
		all = append(all, r)
	}
	return all
}

// Watch implements Costly.
func (p *Peers) Watch() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers++
	p.idle.Stop()
	if p.stop == nil && !p.closed {
		p.start()
	}
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.watchers--; p.watchers == 0 && !p.closed {
			p.idle.Reset(p.linger)
		}
	})
}

// start begins to ask. The caller holds the lock.
func (p *Peers) start() {
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	// Owned by p, as are the others: they end with ctx, which rest and Close cancel and wait for.
	p.asking.Go(func() { p.readOwn(ctx) })
	for _, r := range p.remotes {
		p.asking.Go(func() { p.listen(ctx, r) })
	}
}

// rest stops asking when nobody has looked for a while.
func (p *Peers) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watchers == 0 {
		p.end()
	}
}

// end stops asking and waits. The caller holds the lock.
func (p *Peers) end() {
	if p.stop == nil {
		return
	}
	p.stop()
	p.asking.Wait()
	p.stop = nil
}

// Close stops asking for good.
func (p *Peers) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.idle.Stop()
	p.end()
	for _, r := range p.remotes {
		r.client.CloseIdleConnections()
	}
	return nil
}

// readOwn reads the node's own events, those of its end included.
func (p *Peers) readOwn(ctx context.Context) {
	for {
		ended := ctx.Err() != nil // before they are read
		b := p.own.Read(p.ownNext, streamBatch)
		if b.Missed > 0 && p.ownNext > 1 { // what was before the first one that is kept is not missed
			p.gap(b.Missed)
		}
		p.ownNext = b.Next
		for _, line := range b.Lines {
			p.add(line)
		}
		if ended {
			return
		}
		if len(b.Lines) > 0 {
			continue
		}
		select {
		case <-b.Wait:
		case <-ctx.Done():
		}
	}
}

// listen reads the stream of a peer, again and again.
func (p *Peers) listen(ctx context.Context, r *remote) {
	for ctx.Err() == nil {
		_ = r.stream(ctx, p.add, p.gap) // the page asks for its status too, and says that it does not answer
		timer := time.NewTimer(peerPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}
