package node

import (
	"context"
	"time"

	"electnode/internal/qcm"
	"electnode/internal/quorum"
)

// Status is a copy of everything that there is to know of a node.
type Status struct {
	CoreStatus
	Links []qcm.LinkStatus
}

// do has f run on the node's goroutine, with Run's context, and waits until it has.
func (n *Node) do(ctx context.Context, f func(ctx context.Context, now time.Time)) error {
	ran := make(chan struct{})
	select {
	case n.asks <- func(own context.Context, now time.Time) { f(own, now); close(ran) }:
		<-ran
		return nil
	case <-n.stopped:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Status asks the node for a copy of its state. A paused node does not answer: give ctx a deadline.
func (n *Node) Status(ctx context.Context) (Status, error) {
	var s Status
	err := n.do(ctx, func(_ context.Context, now time.Time) { s.CoreStatus = n.core.Status(now) })
	if err != nil {
		return s, err
	}
	s.Links = n.links.Links()
	return s, nil
}

// Resign makes the node leave its place and look again.
func (n *Node) Resign(ctx context.Context) error {
	return n.do(ctx, func(own context.Context, now time.Time) { n.carryOut(own, now, n.core.Resign(now)) })
}

// Pause stops the node's goroutine, as SIGSTOP would, until resume is called or Run ends. Its sockets
// stay open.
func (n *Node) Pause(ctx context.Context) (resume func(), err error) {
	gate := make(chan struct{})
	if err := n.do(ctx, func(context.Context, time.Time) { n.paused = gate }); err != nil {
		return nil, err
	}
	return func() { close(gate) }, nil
}

// Cut ends every connection with peer, on both ports, and lets no new one come up; on false lifts that.
func (n *Node) Cut(ctx context.Context, peer quorum.SID, on bool) error {
	return n.do(ctx, func(own context.Context, now time.Time) {
		fault := qcm.Fault(0)
		if on {
			fault = qcm.FaultRefuse
		}
		n.links.SetFault(peer, fault)
		n.carryOut(own, now, n.core.Cut(now, peer, on))
	})
}

// SetFault makes election messages with a peer impossible, in the ways that f says, until it is lifted
// with 0.
func (n *Node) SetFault(peer quorum.SID, f qcm.Fault) { n.links.SetFault(peer, f) }
