package recorder

import (
	"bytes"
	"strconv"

	"electnode/internal/event"
)

// recording is one election: its events as lines, and what is to be told of it. The owner's lock guards it;
// once it is closed nothing changes any more.
type recording struct {
	tally
	started bool   // ElectionStarted was seen; what came before it belongs to the first election of a life
	events  uint64 // that happened; the number of the last line
	lost    uint64
	packed  []byte  // once it is closed
	final   Summary // once it is closed

	// While it grows: the election itself, what happened after the leader was established, and the chatter of
	// settled times, each with bounds of its own, so that none pushes out another.
	body, after, chatter section
}

// overhead is what a recording takes beside its lines: itself, its texts, its place in a list.
const overhead = 1536

// newRecording makes one whose sections share limit bytes.
func newRecording(limit int) *recording {
	return &recording{body: newSection(limit*3/8, limit*3/8), after: newSection(limit/32, limit/16),
		chatter: newSection(limit/64, limit/32)}
}

// add keeps the line of s, as far as there is room. What strangers cause has no part in the room of the election.
func (r *recording) add(s event.Stamped, line []byte, stranger bool) {
	r.events++
	switch {
	case stranger:
		r.chatter.add(r.events, line)
	case r.sum.Established == nil:
		r.body.add(r.events, line)
	case chatters(s.Event):
		r.chatter.add(r.events, line)
	default:
		r.after.add(r.events, line)
	}
}

// chatters reports whether an event is one of those that happen again and again while nothing else does.
func chatters(ev event.Event) bool {
	switch ev := ev.(type) {
	case event.HeartbeatAnswered, *event.NotificationSent, *event.NotificationReceived, event.NotificationReplaced,
		event.ResendScheduled, event.ConnectionAttempt, event.ConnectionTieBreak, event.HandshakeCompleted,
		event.HandshakeRejected, event.PeerResolved, event.ListenFailed, event.RequestRefused, event.EventsDropped,
		event.LinesLeftOut:
		return true
	case event.ConfigSeen:
		return !ev.Adopted
	}
	return false
}

// close makes the recording final: no byte more than its lines need.
func (r *recording) close(opt Options) {
	r.over = true
	r.final = r.now(opt)
	r.packed = merge(r.parts()...)
	r.body, r.after, r.chatter = section{}, section{}, section{}
	r.final.Bytes = r.size()
}

// parts are copies of the sections.
func (r *recording) parts() [][]byte {
	return [][]byte{r.body.packed(), r.after.packed(), r.chatter.packed()}
}

// size is the memory that the recording takes, in bytes.
func (r *recording) size() int {
	return overhead + len(r.packed) + r.body.size() + r.after.size() + r.chatter.size()
}

// about is the summary of the recording.
func (r *recording) about(opt Options) Summary {
	if r.over {
		return r.final
	}
	return r.now(opt)
}

// now is the summary of a recording that grows.
func (r *recording) now(opt Options) Summary {
	sum := r.summary(opt)
	kept := r.body.lines() + r.after.lines() + r.chatter.lines()
	sum.Events, sum.Lost, sum.LeftOut, sum.Bytes = r.events, r.lost, r.events-uint64(kept), r.size()
	return sum
}

// Recording is an election with its events.
type Recording struct {
	Summary Summary
	// Lines are the events in the form of event.AppendJSON, in their order. Where some were left out stands an
	// EventsDropped of the sink "recorder" that counts them.
	Lines [][]byte
}

// linesOf makes the lines of a packed text whose numbers go from 1 to last, gaps named.
func linesOf(packed []byte, last uint64) [][]byte {
	var lines [][]byte
	next := uint64(1)
	for e := range entries(packed) {
		if e.seq > next {
			lines = append(lines, gapLine(e.text, e.seq-next))
		}
		lines = append(lines, e.text)
		next = e.seq + 1
	}
	if next <= last && len(lines) > 0 {
		lines = append(lines, gapLine(lines[len(lines)-1], last+1-next))
	}
	return lines
}

// gapLine is an event in the place of n that were left out, at the time of the line beside it.
func gapLine(beside []byte, n uint64) []byte {
	const key = `"event":`
	circumstances, _, _ := bytes.Cut(beside, []byte(key))
	line := append(bytes.Clone(circumstances), key+`"EventsDropped","sink":"`+sinkName+`","count":`...)
	return append(strconv.AppendUint(line, n, 10), '}')
}
