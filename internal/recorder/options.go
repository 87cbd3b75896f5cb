package recorder

import (
	"crypto/rand"
	"time"
)

// Options bounds a Recorder or a Stream and says when an election went badly.
type Options struct {
	// Bytes is what all the recorded events may take in memory, with what is needed to find them [8 MiB, at
	// least 1 MiB]. Half of it is for the last elections, three eighths for older ones that went badly, an
	// eighth for the last events of all. One election takes a sixteenth at most. A Stream has it all for events.
	Bytes int
	// Queue is how many events may wait to be recorded; a few hundred bytes each, beside Bytes [4096].
	Queue int
	// Slow is how long an election may take until its leader is established [2 s].
	Slow time.Duration
	// Rounds is how many rounds an election may go through [4].
	Rounds int
	// Base is where mono_ns counts from [the time of the call].
	Base time.Time
	// Token tells this process from others in the positions of streams: letters and digits [random].
	Token string
	// Dropped is told how many events were lost since the last call because they came too fast. It is called by
	// the recorder's goroutine, must not wait, and may record an event. Nil: nobody is told.
	Dropped func(n uint64)
}

const (
	defaultBytes = 8 << 20
	leastBytes   = 1 << 20
	defaultQueue = 4096
)

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	if o.Bytes <= 0 {
		o.Bytes = defaultBytes
	}
	o.Bytes = max(o.Bytes, leastBytes)
	if o.Queue <= 0 {
		o.Queue = defaultQueue
	}
	if o.Slow <= 0 {
		o.Slow = 2 * time.Second
	}
	if o.Rounds <= 0 {
		o.Rounds = 4
	}
	if o.Base.IsZero() {
		o.Base = time.Now()
	}
	if o.Token == "" {
		o.Token = rand.Text()[:10]
	}
	if o.Dropped == nil {
		o.Dropped = func(uint64) {}
	}
	return o
}

// shares are the parts of Options.Bytes.
type shares struct {
	recent, bad, tape int
	election          int // one election
	line              int // one event; a longer one is left out
}

func (o Options) shares() shares {
	return shares{recent: o.Bytes / 2, bad: o.Bytes * 3 / 8, tape: o.Bytes / 8, election: o.Bytes / 16,
		line: o.Bytes / 128}
}
