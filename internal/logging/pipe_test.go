package logging

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
)

// TestPipe: lines come out whole and in order; Close waits for them.
func TestPipe(t *testing.T) {
	var out bytes.Buffer
	p := NewPipe(&out)
	var want strings.Builder
	for i := range 1000 {
		line := fmt.Sprintf("line %d\n", i)
		want.WriteString(line)
		fmt.Fprint(p, line)
	}
	p.Close(time.Minute)
	p.Close(time.Minute)
	if out.String() != want.String() || p.Lost() != 0 {
		t.Errorf("%d bytes of %d, %d lines lost", out.Len(), len(want.String()), p.Lost())
	}
}

// TestPipeThatNobodyReads: whoever writes goes on, the oldest lines are lost and counted, and the end is bounded.
func TestPipeThatNobodyReads(t *testing.T) {
	r, w := io.Pipe()
	p := NewPipe(w)
	line := strings.Repeat("x", 1000) + "\n"
	const lines = 3 * pipeSize / 1000
	for range lines {
		fmt.Fprint(p, line)
	}
	lost := p.Lost()
	if !p.Stuck() || lost < lines/2 || lost > lines {
		t.Errorf("stuck: %t, %d of %d lines lost", p.Stuck(), lost, lines)
	}
	p.Close(time.Millisecond)
	read := make(chan int)
	// Owned by this test: ends when the pipe is closed.
	go func() {
		raw, _ := io.ReadAll(r)
		read <- bytes.Count(raw, []byte("\n"))
	}()
	<-p.done
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n := uint64(<-read); n+lost != lines {
		t.Errorf("%d lines read and %d lost of %d", n, lost, lines)
	}
}

// TestLinesLostInThePipeAreCounted: while nobody reads the log, its loss is told to whoever counts.
func TestLinesLostInThePipeAreCounted(t *testing.T) {
	r, w := io.Pipe()
	p := NewPipe(w)
	var level slog.LevelVar
	log, err := New(p, JSON, false, &level)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan uint64, 100)
	s := NewSink(log, SinkOptions{Pipe: p, Dropped: func(n uint64) { told <- n }})
	lost := uint64(0)
	for lost == 0 {
		for range queueSize / 4 {
			s.Record(event.Stamped{Time: time.Now(), Event: event.LeaderLost{Detail: strings.Repeat("x", 1000)}})
		}
		select {
		case n := <-told:
			lost += n
		case <-time.After(100 * time.Millisecond):
		}
	}
	// Owned by this test: ends when the pipe is closed.
	go func() { _, _ = io.Copy(io.Discard, r) }()
	s.Close(time.Minute)
	p.Close(time.Minute)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
