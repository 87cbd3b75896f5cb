package demo

import (
	"fmt"
	"io"
	"sync"
	"time"

	"electnode/internal/event"
)

// Printer is a sink that writes a line for every change of state, vote and leader, with the time since
// the start. Lines are for people; it writes from the goroutine that records, to a terminal.
type Printer struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

// NewPrinter makes a printer that counts time from start.
func NewPrinter(out io.Writer, start time.Time) *Printer { return &Printer{out: out, start: start} }

// Record implements event.Sink.
func (p *Printer) Record(s event.Stamped) {
	if text := lineOf(s.Event); text != "" {
		p.line(s.Time, fmt.Sprintf("server %d", s.Node), text)
	}
}

// Say writes a line of the demo's own.
func (p *Printer) Say(text string) { p.line(time.Now(), "demo", text) }

func (p *Printer) line(at time.Time, who, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// A terminal that is gone has nobody who could be told.
	_, _ = fmt.Fprintf(p.out, "%10.4fs  %-9s  %s\n", at.Sub(p.start).Seconds(), who, text)
}

func lineOf(ev event.Event) string {
	switch ev := ev.(type) {
	case event.ElectionStarted:
		return fmt.Sprintf("LOOKING     round %d, because of %s; votes %s", ev.Round, ev.Reason, ev.Vote)
	case event.VoteChanged:
		return fmt.Sprintf("votes       %s instead of %s: %s from server %d", ev.To, ev.From, ev.Cause, ev.Peer)
	case event.RoundChanged:
		if ev.Cause == event.RoundStart {
			return ""
		}
		return fmt.Sprintf("round       %d -> %d, %s %d", ev.From, ev.To, ev.Cause, ev.Peer)
	case event.ElectionDecided:
		return fmt.Sprintf("%-10s  decided for server %d after %s (%s)", ev.State, ev.Vote.Leader,
			ev.Phases.Decided.Round(time.Microsecond), ev.How)
	case event.LeaderEstablished:
		return fmt.Sprintf("established server %d leads in epoch %d, %s after the decision", ev.Leader, ev.Epoch,
			ev.After.Round(time.Microsecond))
	case event.LeaderLost:
		return fmt.Sprintf("lost        server %d, epoch %d: %s %s", ev.Leader, ev.Epoch, ev.Reason, ev.Detail)
	case event.NodeStopped:
		return "stopped     " + ev.Error
	}
	return ""
}
