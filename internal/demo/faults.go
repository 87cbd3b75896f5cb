package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"electnode/internal/node"
	"electnode/internal/quorum"
)

// ErrNoLeader is what a fault for the leader gets when there is none.
var ErrNoLeader = errors.New("there is no established leader at the moment")

// Do carries an action out now. Lines that a partition or isolation does not name stay as they are.
func (e *Ensemble) Do(ctx context.Context, a Action) error {
	var sids []quorum.SID
	for _, t := range a.Targets {
		sid, err := e.resolve(ctx, t)
		if err != nil {
			return fmt.Errorf("%s: %w", a.Text, err)
		}
		sids = append(sids, sid)
	}
	for _, side := range a.Sides {
		for _, sid := range side {
			if !slices.Contains(e.SIDs(), sid) {
				return fmt.Errorf("%s: there is no server %d", a.Text, sid)
			}
		}
	}
	if err := e.carryOut(ctx, a, sids); err != nil {
		return fmt.Errorf("%s: %w", a.Text, err)
	}
	return nil
}

func (e *Ensemble) resolve(ctx context.Context, t Target) (quorum.SID, error) {
	if t.Leader {
		est, ok := e.Leader(ctx)
		if !ok {
			return 0, ErrNoLeader
		}
		return est.Leader, nil
	}
	if !slices.Contains(e.SIDs(), t.SID) {
		return 0, fmt.Errorf("there is no server %d", t.SID)
	}
	return t.SID, nil
}

func (e *Ensemble) carryOut(ctx context.Context, a Action, sids []quorum.SID) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errors.New("the ensemble is closed")
	}
	switch a.Verb {
	case Kill:
		return e.servers[sids[0]].kill()
	case Restart:
		return e.restart(e.servers[sids[0]])
	case RaiseZxid:
		e.servers[sids[0]].zxid = a.Zxid
		return e.restart(e.servers[sids[0]])
	case Resign:
		return e.resign(ctx, e.servers[sids[0]])
	case Pause:
		return e.pause(ctx, e.servers[sids[0]])
	case Resume:
		e.wake(e.servers[sids[0]])
	case Isolate:
		for _, l := range e.sortedPairs() {
			if l.a == sids[0] || l.b == sids[0] {
				e.board.set(l, false)
			}
		}
	case Cut:
		e.board.set(between(sids[0], sids[1]), false)
	case Partition:
		e.partition(a.Sides)
	case Heal:
		e.board.mendAll()
		for _, s := range e.servers {
			e.wake(s)
		}
	}
	return nil
}

func (e *Ensemble) restart(s *server) error {
	if err := s.kill(); err != nil {
		return err
	}
	return e.boot(s)
}

func (e *Ensemble) resign(ctx context.Context, s *server) error {
	if s.node == nil {
		return node.ErrStopped
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return s.node.Resign(ctx)
}

func (e *Ensemble) pause(ctx context.Context, s *server) error {
	if s.node == nil || s.resume != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	resume, err := s.node.Pause(ctx)
	s.resume = resume
	return err
}

func (e *Ensemble) wake(s *server) {
	if s.resume != nil {
		s.resume()
		s.resume = nil
	}
}

// partition cuts the lines between the sides and mends those within each.
func (e *Ensemble) partition(sides [][]quorum.SID) {
	sideOf := map[quorum.SID]int{}
	for i, side := range sides {
		for _, sid := range side {
			sideOf[sid] = i + 1
		}
	}
	for _, l := range e.sortedPairs() {
		if a, b := sideOf[l.a], sideOf[l.b]; a > 0 && b > 0 {
			e.board.set(l, a == b)
		}
	}
}
