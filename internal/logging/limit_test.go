package logging

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// flooded is a sink that writes into memory, of a node whose only member is server 2.
type flooded struct {
	*Sink
	out bytes.Buffer
}

func newFlooded(t *testing.T, opt SinkOptions) *flooded {
	t.Helper()
	f := &flooded{}
	var level slog.LevelVar
	log, err := New(&f.out, JSON, false, &level)
	if err != nil {
		t.Fatal(err)
	}
	f.Sink = NewSink(log, opt)
	f.emit(event.NodeStarted{View: view(t)})
	return f
}

func (f *flooded) emit(ev event.Event) {
	f.Record(event.Stamped{Time: time.Now(), Node: 2, Event: ev})
	synctest.Wait()
}

// lines counts the lines with a message, and adds up what they say was left out.
func (f *flooded) lines(t *testing.T, msg string) (n int, left float64) {
	t.Helper()
	synctest.Wait()
	for line := range strings.Lines(f.out.String()) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l["msg"] == msg {
			n++
		}
		if l["msg"] == "lines left out" && l["line"] == msg {
			left += l["count"].(float64)
		}
	}
	return n, left
}

func rejection(reason string) event.Event {
	return event.HandshakeRejected{Port: event.PortElection, Reason: reason}
}

// TestFloodOfLines: of a minute of a flood there are the first lines, one a second, and what is missing is told;
// nothing of elections is.
func TestFloodOfLines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFlooded(t, SinkOptions{})
		const flood, pace = 6000, 10 * time.Millisecond
		for i := range flood {
			f.emit(rejection(event.RejectSilent))
			if i%60 == 0 { // a hundred of each that must all be there
				f.emit(event.StateChanged{From: quorum.Following, To: quorum.Looking})
				f.emit(event.LeaderLost{Leader: 3})
				f.emit(event.ListenFailed{Final: true})
			}
			time.Sleep(pace)
		}
		n, left := f.lines(t, "hand-shake rejected")
		if n < kindBurst+58 || n > kindBurst+61 || left < flood-1200 {
			t.Errorf("%d lines and %v left out of %d", n, left, flood)
		}
		if reports, _ := f.lines(t, "lines left out"); reports < 5 || reports > 7 {
			t.Errorf("%d reports in a minute", reports)
		}
		for _, msg := range []string{"state", "leader lost", "cannot listen"} {
			if n, _ := f.lines(t, msg); n != 100 {
				t.Errorf("%d lines %q of 100", n, msg)
			}
		}
		time.Sleep(leftEnded)
		if n, left := f.lines(t, "hand-shake rejected"); float64(n)+left != flood {
			t.Errorf("after the end %d lines and %v left out of %d", n, left, flood)
		}
		time.Sleep(time.Minute)
		f.emit(rejection(event.RejectSilent))
		if again, _ := f.lines(t, "hand-shake rejected"); again != n+1 {
			t.Errorf("%d lines after a quiet minute, want %d", again, n+1)
		}
		f.Close(time.Minute)
	})
}

// TestKindsOfLines: a flood of one kind costs no line of another, of another port, reason or member; strangers are
// one kind. What stands for several counts as such.
func TestKindsOfLines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFlooded(t, SinkOptions{})
		for sid := range quorum.SID(100) {
			f.emit(event.ConnectionUp{Peer: 1000 + sid})
			f.emit(event.ConnectionDown{Peer: 1000 + sid, Reason: event.DropEvicted})
			f.emit(rejection(event.RejectTooMany))
		}
		before, _ := f.lines(t, "hand-shake rejected")
		if up, _ := f.lines(t, "connection up"); up != kindBurst || before != kindBurst {
			t.Errorf("%d lines of strangers' connections, %d of rejections", up, before)
		}
		for range 5 {
			f.emit(event.ConnectionUp{Peer: 2})
			f.emit(event.ConnectionDown{Peer: 2, Reason: event.DropEvicted})
			f.emit(rejection(event.RejectTLS))
			f.emit(event.HandshakeRejected{Port: event.PortQuorum, Reason: event.RejectTooMany})
		}
		up, _ := f.lines(t, "connection up")
		down, _ := f.lines(t, "connection down")
		if rejected, _ := f.lines(t, "hand-shake rejected"); up != kindBurst+5 || down != kindBurst+5 || rejected != kindBurst+10 {
			t.Errorf("%d, %d and %d lines", up, down, rejected)
		}
		f.emit(event.HandshakeRejected{Port: event.PortElection, Reason: event.RejectTooMany, More: 1000})
		f.Close(time.Minute)
		if _, left := f.lines(t, "hand-shake rejected"); left != 80+1001 {
			t.Errorf("%v left out", left)
		}
	})
}

// TestLeftOutIsTold: who asked for it gets the event, and no line is written beside it.
func TestLeftOutIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var told []event.LinesLeftOut
		f := newFlooded(t, SinkOptions{LeftOut: func(ev event.LinesLeftOut) { told = append(told, ev) }})
		for range 2 * kindBurst {
			f.emit(rejection(event.RejectSilent))
		}
		time.Sleep(leftEnded)
		synctest.Wait()
		want := event.LinesLeftOut{Line: "hand-shake rejected", Reason: "election silent", Count: kindBurst}
		if len(told) != 1 || told[0] != want {
			t.Errorf("told %+v", told)
		}
		f.Close(time.Minute)
		if n, _ := f.lines(t, "lines left out"); n != 0 {
			t.Errorf("%d lines besides", n)
		}
	})
}

// TestKindsAreBounded: members that come and go without end take no memory without end.
func TestKindsAreBounded(t *testing.T) {
	l := limiter{kinds: map[lineKind]*kindState{}}
	now := time.Now()
	everybody := func(quorum.SID) bool { return true }
	for i := range 10 * maxKinds {
		now = now.Add(time.Second)
		ev := event.ConnectionUp{Peer: quorum.SID(i)}
		l.leftOut(event.Stamped{Time: now, Event: ev}, "connection up", everybody)
	}
	if len(l.kinds) > maxKinds {
		t.Errorf("%d kinds are remembered", len(l.kinds))
	}
}
