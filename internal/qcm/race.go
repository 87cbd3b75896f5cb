package qcm

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// stagger is how long an address may keep silent before the next one is tried beside it: RFC 8305 names
// 250 ms.
const stagger = 250 * time.Millisecond

// dialled is a connection that a dial made, with what the event about it needs.
type dialled struct {
	net.Conn
	addr  string
	start time.Time
	asOf  uint64 // the configuration by which it was judged
}

// attempt tries one way to a peer.
type attempt func(context.Context) (*dialled, error)

type attemptResult struct {
	conn *dialled
	err  error
}

// race runs attempts in their order, each when the one before has failed or stagger after it started, and
// those from more, which may be nil, at once. The first connection wins; the others are ended, and closed
// if they come all the same. Errors: all those of the attempts when every one has failed, else the cause
// of ctx.
//
// The attempts run in goroutines of wg; each ends with its attempt, which must end when ctx does.
func race(ctx context.Context, wg *sync.WaitGroup, attempts []attempt, more <-chan attempt) (*dialled, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan attemptResult) // without capacity: what is not taken here is closed by its maker
	running := 0
	start := func(a attempt) {
		running++
		wg.Go(func() { report(ctx, a, results) })
	}
	timer := time.NewTimer(stagger)
	defer timer.Stop()
	due := true // for the next of attempts
	var errs []error
	for {
		if due && len(attempts) > 0 {
			start(attempts[0])
			attempts = attempts[1:]
			timer.Reset(stagger)
		}
		due = false
		if running == 0 && len(more) == 0 {
			return nil, errors.Join(errs...)
		}
		select {
		case r := <-results:
			running--
			if r.err == nil {
				return r.conn, nil
			}
			errs = append(errs, r.err)
			due = true
		case a := <-more:
			start(a)
		case <-timer.C:
			due = true
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// report hands the result of a to results, or closes its connection when nobody wants it any more.
func report(ctx context.Context, a attempt, results chan<- attemptResult) {
	conn, err := a(ctx)
	select {
	case results <- attemptResult{conn, err}:
	case <-ctx.Done():
		if err == nil {
			conn.Close()
		}
	}
}
