package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"electnode/internal/demo"
	"electnode/internal/quorum"
	"electnode/internal/web"
)

// maxFaultTime bounds what a fault may be asked for.
const maxFaultTime = time.Hour

// demoFaults carries out what the page asks for.
type demoFaults struct {
	e       *demo.Ensemble
	actions *web.Actions

	mu     sync.Mutex
	timers map[*time.Timer]struct{} // of faults that will be undone
	closed bool
}

func newDemoFaults(e *demo.Ensemble, actions *web.Actions) *demoFaults {
	return &demoFaults{e: e, actions: actions, timers: map[*time.Timer]struct{}{}}
}

// Verbs implements web.Faults.
func (f *demoFaults) Verbs() []string {
	return []string{"kill", "restart", "resign", "pause", "resume", "isolate", "cut", "heal", "zxid"}
}

// Do implements web.Faults.
func (f *demoFaults) Do(ctx context.Context, fault web.Fault) error {
	a, err := faultAction(fault)
	if err != nil {
		return fmt.Errorf("%w: %s", web.ErrBadFault, err)
	}
	undo, after, err := f.undoing(fault)
	if err != nil {
		return fmt.Errorf("%w: %s", web.ErrBadFault, err)
	}
	// What was begun is carried out, even if nobody waits for the answer any more.
	if err := f.e.Do(context.WithoutCancel(ctx), a); err != nil {
		return err
	}
	if after > 0 {
		f.later(after, undo)
	}
	return nil
}

// faultAction makes an action of a fault.
func faultAction(fault web.Fault) (demo.Action, error) {
	words := []string{fault.Verb}
	switch demo.Verb(fault.Verb) {
	case demo.Partition:
		return demo.Action{}, fmt.Errorf("no such fault: %q", fault.Verb)
	case demo.Heal:
		if fault.SID != nil && fault.Peer != nil {
			return mend(*fault.SID, *fault.Peer), nil
		}
		if fault.SID != nil || fault.Peer != nil {
			return demo.Action{}, fmt.Errorf("heal takes sid and peer, the ends of a line, or neither")
		}
	default:
		if fault.SID == nil {
			return demo.Action{}, fmt.Errorf("%s: no sid: which server?", fault.Verb)
		}
		words = append(words, fault.SID.String())
		if fault.Peer != nil {
			words = append(words, fault.Peer.String())
		}
		if fault.Zxid != "" {
			words = append(words, fault.Zxid)
		}
	}
	return demo.ParseFault(strings.Join(words, " "))
}

// mend makes the line between two servers work again.
func mend(a, b quorum.SID) demo.Action {
	text := "heal " + a.String() + " " + b.String()
	return demo.Action{Verb: demo.Partition, Sides: [][]quorum.SID{{a, b}}, Text: text}
}

// undoing says what undoes a fault, and when; 0: never.
func (f *demoFaults) undoing(fault web.Fault) ([]web.Fault, time.Duration, error) {
	if fault.For == "" {
		return nil, 0, nil
	}
	after, err := time.ParseDuration(fault.For)
	if err != nil || after <= 0 || after > maxFaultTime {
		return nil, 0, fmt.Errorf("for %s: a duration up to %s is wanted", strconv.Quote(fault.For), maxFaultTime)
	}
	switch demo.Verb(fault.Verb) {
	case demo.Kill:
		return []web.Fault{{Verb: "restart", SID: fault.SID}}, after, nil
	case demo.Pause:
		return []web.Fault{{Verb: "resume", SID: fault.SID}}, after, nil
	case demo.Cut:
		return []web.Fault{{Verb: "heal", SID: fault.SID, Peer: fault.Peer}}, after, nil
	case demo.Isolate:
		var all []web.Fault
		for _, sid := range f.e.SIDs() {
			if sid != *fault.SID {
				all = append(all, web.Fault{Verb: "heal", SID: fault.SID, Peer: &sid})
			}
		}
		return all, after, nil
	default:
		return nil, 0, fmt.Errorf("%s cannot be undone after a time", fault.Verb)
	}
}

// later undoes a fault after a time, unless close comes first.
func (f *demoFaults) later(after time.Duration, undo []web.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	var t *time.Timer
	t = time.AfterFunc(after, func() {
		f.mu.Lock()
		_, wanted := f.timers[t]
		delete(f.timers, t)
		f.mu.Unlock()
		if !wanted {
			return
		}
		for _, fault := range undo {
			start := time.Now()
			f.actions.Note(start, fault, f.Do(context.Background(), fault))
		}
	})
	f.timers[t] = struct{}{}
}

// close drops what would be undone later. The ensemble refuses what is under way.
func (f *demoFaults) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for t := range f.timers {
		t.Stop()
		delete(f.timers, t)
	}
}

// faultOf tells an action of a script as a fault, for the time line.
func faultOf(a demo.Action) web.Fault {
	leader := func(t demo.Target) bool { return t.Leader }
	if a.Sides != nil || len(a.Targets) > 2 || slices.ContainsFunc(a.Targets, leader) {
		return web.Fault{Verb: textOf(a)} // the text says it
	}
	f := web.Fault{Verb: string(a.Verb)}
	if len(a.Targets) > 0 {
		f.SID = &a.Targets[0].SID
	}
	if len(a.Targets) > 1 {
		f.Peer = &a.Targets[1].SID
	}
	if a.Verb == demo.RaiseZxid {
		f.Zxid = a.Zxid.String()
	}
	return f
}

// textOf is an action as written in its script, without its time.
func textOf(a demo.Action) string {
	words := strings.Fields(a.Text)
	if len(words) > 2 && words[0] == "at" {
		words = words[2:]
	}
	return strings.Join(words, " ")
}
