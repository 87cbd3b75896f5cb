package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"electnode/internal/node"
	"electnode/internal/quorum"
	"electnode/internal/web"
)

// Times of faults that name none, of the answer that a dying node still gives, and between two attempts to lift a cut.
const (
	pauseTime  = 5 * time.Second
	lastAnswer = 100 * time.Millisecond
	mendAgain  = time.Second
)

// nodeFaults carries out what a node that was started with --faults.enabled is asked for.
type nodeFaults struct {
	node *node.Node
	self quorum.SID
	// die ends the process at once.
	die func()

	mu     sync.Mutex
	resume func()                     // not nil: paused
	cuts   map[quorum.SID]*time.Timer // cut off; the timer lifts it, nil: somebody must
	wake   *time.Timer                // ends the pause
}

// newNodeFaults makes the faults of n, which is server self.
func newNodeFaults(n *node.Node, self quorum.SID) *nodeFaults {
	return &nodeFaults{node: n, self: self, cuts: map[quorum.SID]*time.Timer{}, die: func() {
		time.AfterFunc(lastAnswer, func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }) // it cannot fail to reach us
	}}
}

// Verbs implements web.Faults.
func (f *nodeFaults) Verbs() []string {
	return []string{"kill", "resign", "pause", "isolate", "cut", "heal"}
}

// Do implements web.Faults.
func (f *nodeFaults) Do(ctx context.Context, fault web.Fault) error {
	after, err := f.check(fault)
	if err != nil {
		return fmt.Errorf("%w: %s", web.ErrBadFault, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch fault.Verb {
	case "kill":
		f.die()
		return nil
	case "resign":
		return f.node.Resign(ctx)
	case "pause":
		return f.pause(ctx, after)
	case "isolate":
		peers, err := f.peers(ctx)
		if err != nil {
			return err
		}
		return f.cut(ctx, peers, after)
	case "cut":
		return f.cutOne(ctx, fault.Peer, after)
	default: // heal
		return f.heal(ctx)
	}
}

// check says what is wrong with a fault, and for how long it is wanted; 0: until heal.
func (f *nodeFaults) check(fault web.Fault) (time.Duration, error) {
	if !slices.Contains(f.Verbs(), fault.Verb) {
		return 0, fmt.Errorf("no such fault: %.40q", fault.Verb)
	}
	if fault.SID != nil && *fault.SID != f.self {
		return 0, fmt.Errorf("this is server %d, not %d", f.self, *fault.SID)
	}
	if fault.For == "" {
		return 0, nil
	}
	after, err := time.ParseDuration(fault.For)
	if err != nil || after <= 0 || after > maxFaultTime {
		return 0, fmt.Errorf("for %s: a duration up to %s is wanted", strconv.Quote(fault.For), maxFaultTime)
	}
	if fault.Verb == "kill" || fault.Verb == "resign" || fault.Verb == "heal" {
		return 0, fmt.Errorf("%s cannot be undone after a time", fault.Verb)
	}
	return after, nil
}

// pause stops the node until after, or pauseTime: who is paused cannot be asked to go on by other nodes.
func (f *nodeFaults) pause(ctx context.Context, after time.Duration) error {
	if f.resume == nil {
		resume, err := f.node.Pause(ctx)
		if err != nil {
			return err
		}
		f.resume = resume
	}
	if after == 0 {
		after = pauseTime
	}
	if f.wake != nil {
		f.wake.Stop()
	}
	f.wake = time.AfterFunc(after, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.goOn()
	})
	return nil
}

// goOn ends a pause. The caller holds the lock.
func (f *nodeFaults) goOn() {
	if f.resume != nil {
		f.resume()
		f.resume = nil
	}
}

// peers lists the other members of the configuration in force.
func (f *nodeFaults) peers(ctx context.Context) ([]quorum.SID, error) {
	s, err := f.node.Status(ctx)
	if err != nil {
		return nil, err
	}
	var all []quorum.SID
	for _, m := range s.View.Members() {
		if m.SID != f.self {
			all = append(all, m.SID)
		}
	}
	return all, nil
}

// cutOne cuts the node off from peer, which must be a member.
func (f *nodeFaults) cutOne(ctx context.Context, peer *quorum.SID, after time.Duration) error {
	peers, err := f.peers(ctx)
	if err != nil {
		return err
	}
	if peer == nil || !slices.Contains(peers, *peer) {
		return fmt.Errorf("%w: cut: which peer? There are %v", web.ErrBadFault, peers)
	}
	return f.cut(ctx, []quorum.SID{*peer}, after)
}

// cut cuts the node off from peers, for a time or, with 0, until heal.
func (f *nodeFaults) cut(ctx context.Context, peers []quorum.SID, after time.Duration) error {
	for _, peer := range peers {
		if err := f.node.Cut(ctx, peer, true); err != nil {
			return err
		}
		if old := f.cuts[peer]; old != nil {
			old.Stop()
		}
		f.cuts[peer] = nil
		if after > 0 {
			f.mendAfter(peer, after)
		}
	}
	return nil
}

// mendAfter has a cut lifted after a time, unless it was lifted or made anew by then. The caller holds the lock.
func (f *nodeFaults) mendAfter(peer quorum.SID, after time.Duration) {
	var timer *time.Timer
	timer = time.AfterFunc(after, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.cuts[peer] == timer {
			f.mend(peer)
		}
	})
	f.cuts[peer] = timer
}

// mend lifts a cut whose time is over, and tries again later when the node does not answer. One that is paused is not
// asked: it would not, and whoever wants it to go on would wait for the lock. The caller holds that.
func (f *nodeFaults) mend(peer quorum.SID) {
	if f.resume == nil {
		ctx, cancel := context.WithTimeout(context.Background(), askTime)
		defer cancel()
		if err := f.node.Cut(ctx, peer, false); err == nil || errors.Is(err, node.ErrStopped) {
			delete(f.cuts, peer)
			return
		}
	}
	f.mendAfter(peer, mendAgain)
}

// heal ends every fault.
func (f *nodeFaults) heal(ctx context.Context) error {
	f.goOn()
	for peer, timer := range f.cuts {
		if err := f.node.Cut(ctx, peer, false); err != nil {
			return err
		}
		if timer != nil {
			timer.Stop() // only now: where heal does not succeed, it still ends the cut
		}
		delete(f.cuts, peer)
	}
	return nil
}

// close ends what would still happen later.
func (f *nodeFaults) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.goOn()
	if f.wake != nil {
		f.wake.Stop()
	}
	for _, timer := range f.cuts {
		if timer != nil {
			timer.Stop()
		}
	}
}
