package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/recorder"
)

// Bounds of the columns of a lane. There are as many lanes as fit into less than half of the width; servers beyond
// these are named in the text only.
const (
	narrowLane = 4
	wideLane   = 10
)

// listing is one election as text: time goes down, each server has a lane.
type listing struct {
	chosen   recorder.Summary   // whose start is 0
	recorded []recorder.Summary // by whom it is told
	tales    [][]told           // of each of these
	unknown  int                // events of a later release
	width    int                // columns
}

// text makes the whole of it. No line is longer than the width, and all is printable ASCII.
func (l listing) text() string {
	events := mergeTales(l.tales)
	p := &painter{start: l.chosen.Start, width: l.width, lane: map[quorum.SID]int{}, number: map[uint64]int{}}
	for _, ev := range events {
		if _, ok := ev.Event.(event.ElectionStarted); ok && ev.Node == l.chosen.SID && ev.Election == l.chosen.Election {
			p.start = ev.at
		}
	}
	p.lanes(l.recorded, events)
	p.wrapped("", l.title())
	for _, e := range l.recorded {
		p.wrapped("  ", fmt.Sprintf("server %d, its election %s: %s, %s; %d of %d events", e.SID, e.ID, e.Reason,
			ending(e), e.Events-min(e.LeftOut, e.Events), e.Events))
	}
	if l.unknown > 0 {
		p.wrapped("  ", fmt.Sprintf("%d events of a later release are not shown", l.unknown))
	}
	p.wrapped("  ", legend)
	p.heading()
	for i := 0; i < len(events); {
		i += p.paint(events[i:])
	}
	return p.out.String()
}

// title says what is listed.
func (l listing) title() string {
	e := l.chosen
	trace := e.TraceID
	if trace == "" {
		trace = "unknown"
	}
	return fmt.Sprintf("election %s of server %d, %s UTC, trace %s", e.ID, e.SID,
		e.Start.UTC().Format("2006-01-02 15:04:05.000000"), trace)
}

// painter draws the rows.
type painter struct {
	start  time.Time
	width  int
	sids   []quorum.SID       // by lane
	told   []bool             // whether the server of a lane recorded something itself
	lane   map[quorum.SID]int // which lane
	column int                // width of a lane
	digits int                // width of the times
	number map[uint64]int     // of notifications, by message id
	out    strings.Builder
}

// lanes gives a lane to every server that tells something, and to the peers that are met most.
func (p *painter) lanes(recorded []recorder.Summary, events []told) {
	tellers, met := map[quorum.SID]bool{}, map[quorum.SID]int{}
	for _, e := range recorded {
		tellers[e.SID] = true
		met[e.SID] = len(events) + 1
	}
	p.digits = 9
	for _, ev := range events {
		p.digits = max(p.digits, len(p.micros(ev)))
		if peer, ok := peerOf(ev.Event); ok {
			met[peer]++
		}
	}
	for sid := range met {
		p.sids = append(p.sids, sid)
	}
	slices.Sort(p.sids)
	room := p.width * 45 / 100
	if most := room / narrowLane; len(p.sids) > most {
		slices.SortStableFunc(p.sids, func(a, b quorum.SID) int { return met[b] - met[a] })
		p.sids = p.sids[:most]
		slices.Sort(p.sids)
	}
	p.column = min(wideLane, max(narrowLane, room/max(1, len(p.sids))))
	for i, sid := range p.sids {
		p.lane[sid] = i
		p.told = append(p.told, tellers[sid])
	}
}

// peerOf is the server at the other end of a notification.
func peerOf(ev event.Event) (quorum.SID, bool) {
	switch ev := ev.(type) {
	case *event.NotificationSent:
		return ev.Peer, true
	case *event.NotificationReceived:
		return ev.Peer, true
	}
	return 0, false
}

func (p *painter) micros(ev told) string { return fmt.Sprintf("%d", ev.at.Sub(p.start).Microseconds()) }

// heading names the lanes. A sid that is too long for its lane becomes a letter, explained above.
func (p *painter) heading() {
	row := bytes.Repeat([]byte{' '}, p.column*len(p.sids))
	for i, sid := range p.sids {
		name := sid.String()
		if len(name) > p.column-2 {
			name = string(rune('a' + i))
			p.wrapped("  ", fmt.Sprintf("%s is server %d", name, sid))
		}
		copy(row[p.center(i)-(len(name)-1)/2:], name)
	}
	p.row(fmt.Sprintf("%*s", p.digits, "us"), row, "")
}

func (p *painter) center(lane int) int { return lane*p.column + p.column/2 }

// empty is a row of lanes in which nothing happens.
func (p *painter) empty() []byte {
	row := bytes.Repeat([]byte{' '}, p.column*len(p.sids))
	for i, told := range p.told {
		row[p.center(i)] = '.'
		if told {
			row[p.center(i)] = '|'
		}
	}
	return row
}

// paint draws the first of the events, or as many as go into one row, and returns how many.
func (p *painter) paint(events []told) int {
	ev := events[0]
	row := p.empty()
	n, text := 1, ""
	switch e := ev.Event.(type) {
	case *event.NotificationSent:
		p.arrow(row, ev.Node, e.Peer, ev.Node, markSent)
		text = fmt.Sprintf("%sto %d: %s (%s)", p.tag(e.MessageID), e.Peer, says(e.Notification), e.Cause)
	case *event.NotificationReceived:
		p.arrow(row, e.Peer, ev.Node, ev.Node, markReceived)
		text = fmt.Sprintf("%sfrom %d: %s => %s%s", p.tag(e.MessageID), e.Peer, says(e.Notification), e.Outcome, because(e.Detail))
	case event.HeartbeatAnswered:
		n, text = heartbeats(events)
		p.mark(row, ev.Node, markOther)
	default:
		mark, words := describeElectionEvent(ev.Event)
		if text = words; text == "" {
			mark, text = markOther, describeLinkEvent(ev.Event)
		}
		if text == "" {
			text = describeNodeEvent(ev.Event)
		}
		p.mark(row, ev.Node, mark)
	}
	if _, ok := p.lane[ev.Node]; !ok {
		text = fmt.Sprintf("server %d: %s", ev.Node, text)
	}
	p.row(fmt.Sprintf("%*s", p.digits, p.micros(ev)), row, text)
	return n
}

// heartbeats says in one line what a row of answered heartbeats has in common.
func heartbeats(events []told) (n int, text string) {
	var slowest time.Duration
	for _, ev := range events {
		answer, ok := ev.Event.(event.HeartbeatAnswered)
		if !ok || ev.Node != events[0].Node {
			break
		}
		n++
		slowest = max(slowest, answer.RTT)
	}
	if n == 1 {
		return 1, describeNodeEvent(events[0].Event)
	}
	return n, fmt.Sprintf("%d heartbeats answered within %s, the slowest in %s", n,
		short(events[n-1].at.Sub(events[0].at)), short(slowest))
}

// tag is a short name for a notification, the same where it is sent and where it is received.
func (p *painter) tag(id uint64) string {
	if id == 0 {
		return ""
	}
	if p.number[id] == 0 {
		p.number[id] = len(p.number) + 1
	}
	return fmt.Sprintf("&%d ", p.number[id])
}

// mark puts a letter on the lane of sid.
func (p *painter) mark(row []byte, sid quorum.SID, mark byte) {
	if i, ok := p.lane[sid]; ok {
		row[p.center(i)] = mark
	}
}

// arrow draws a line between two lanes and the mark where it happens.
func (p *painter) arrow(row []byte, from, to, at quorum.SID, mark byte) {
	a, okFrom := p.lane[from]
	b, okTo := p.lane[to]
	if okFrom && okTo && a != b {
		left, right, tip := p.center(a)+1, p.center(b)-1, p.center(b)-1
		head := byte('>')
		if a > b {
			left, right, tip, head = p.center(b)+1, p.center(a)-1, p.center(b)+1, '<'
		}
		for i := left; i <= right; i++ {
			row[i] = '-'
		}
		row[tip] = head
	}
	p.mark(row, at, mark)
}

// row writes one row; text that does not fit goes on below, beside empty lanes.
func (p *painter) row(when string, lanes []byte, text string) {
	const gap = "  "
	room := max(20, p.width-len(when)-len(gap)-len(lanes)-1)
	for i, part := range wrap(plain(text), room) {
		if i > 0 {
			when, lanes = strings.Repeat(" ", len(when)), p.empty()
			part = "  " + part
		}
		p.line(when + gap + string(lanes) + " " + part)
	}
}

// wrapped writes a paragraph across the whole width.
func (p *painter) wrapped(indent, text string) {
	for i, part := range wrap(plain(text), p.width-len(indent)) {
		if i > 0 {
			part = "  " + part
		}
		p.line(indent + part)
	}
}

func (p *painter) line(s string) { p.out.WriteString(strings.TrimRight(s, " ") + "\n") }

// wrap cuts text at blanks into parts of at most width bytes, two less from the second on. A word that is
// too long is cut.
func wrap(text string, width int) []string {
	var parts []string
	for len(text) > width {
		at := strings.LastIndexByte(text[:width+1], ' ')
		if at <= 0 {
			at = width
		}
		parts = append(parts, text[:at])
		text = strings.TrimLeft(text[at:], " ")
		if len(parts) == 1 {
			width -= 2
		}
	}
	return append(parts, text)
}
