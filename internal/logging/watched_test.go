package logging

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/watch"

	"github.com/google/go-cmp/cmp"
)

// trio is a configuration of three voters.
func trio(t *testing.T) *quorum.View {
	t.Helper()
	v, err := quorum.ParseText("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nversion=0", quorum.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// foreign is the status of three servers of which each says something, L for LOOKING, 1 to 3 for whom it follows
// or that it is; - is out of sight and ? was not asked yet.
func foreign(v *quorum.View, says string, leader quorum.SID) watch.Status {
	s := watch.Status{View: v, HasLeader: leader != 0, EverLed: true, Leader: leader, Epoch: 5}
	at := time.Unix(1000, 0)
	for i, c := range says {
		o := watch.Server{SID: quorum.SID(i + 1), Known: true, Up: true, Since: at, State: quorum.Looking, Round: 2}
		switch {
		case c == '?':
			o.Up, o.Known, o.Since = false, false, time.Time{}
		case c == '-':
			o.Up, o.LastFailure, o.FailureDetail, o.FailedAt = false, watch.FailRefused, "connection refused", at
		case c != 'L':
			o.Vote.Leader = quorum.SID(c - '0')
			o.State = quorum.Following
			if o.Vote.Leader == o.SID {
				o.State = quorum.Leading
			}
		}
		s.Servers = append(s.Servers, o)
	}
	s.Blind = strings.Count(says, "-")+strings.Count(says, "?") > 1
	return s
}

// lines are what was written, without the time.
func lines(b *bytes.Buffer) []string {
	var all []string
	for line := range strings.Lines(b.String()) {
		line = strings.TrimSpace(line)
		_, rest, _ := strings.Cut(line, " ")
		all = append(all, strings.TrimPrefix(rest, "level="))
	}
	b.Reset()
	return all
}

// TestWatched follows an ensemble through a fail-over, two leaders, and the loss of sight: a line for each change, and
// none for what is as before.
func TestWatched(t *testing.T) {
	var b bytes.Buffer
	w := NewWatched(slog.New(slog.NewTextHandler(&b, nil)))
	v := trio(t)
	led := func(s watch.Status, leaderless bool) watch.Status {
		s.Leaderless = leaderless
		return s
	}
	two := foreign(v, "112", 1)
	two.Servers[1].State, two.Servers[1].Vote.Leader, two.Conflicting = quorum.Leading, 2, []quorum.SID{1, 2}
	epoch := foreign(v, "-22", 2)
	epoch.Epoch = 6
	for i, c := range []struct {
		status watch.Status
		want   []string
	}{
		{foreign(v, "???", 0), []string{`INFO msg="configuration seen" version=0x0 voters="[1 2 3]" observers=[]`}},
		{foreign(v, "1??", 0), []string{`INFO msg="server up" peer=1 state=LEADING vote="(1 0x0 0)" round=2 electnode=false`}},
		{foreign(v, "111", 1), []string{`INFO msg="server up" peer=2 state=FOLLOWING vote="(1 0x0 0)" round=2 electnode=false`,
			`INFO msg="server up" peer=3 state=FOLLOWING vote="(1 0x0 0)" round=2 electnode=false`, `INFO msg="leader seen" leader=1 epoch=5`}},
		{foreign(v, "111", 1), nil},
		{two, []string{`INFO msg="server state" peer=2 state=LEADING vote="(2 0x0 0)" round=2 from=FOLLOWING`,
			`WARN msg="several servers say LEADING" servers="[1 2]"`}},
		{foreign(v, "111", 1), []string{`INFO msg="server state" peer=2 state=FOLLOWING vote="(1 0x0 0)" round=2 from=LEADING`,
			`INFO msg="one leader at most again"`}},
		{led(foreign(v, "-LL", 0), true), []string{`INFO msg="server state" peer=2 state=LOOKING vote="(0 0x0 0)" round=2 from=FOLLOWING`,
			`INFO msg="server state" peer=3 state=LOOKING vote="(0 0x0 0)" round=2 from=FOLLOWING`,
			`WARN msg="leader lost" leader=1 epoch=5 detail="out of sight: connection refused"`}},
		{foreign(v, "-22", 2), []string{`INFO msg="server state" peer=2 state=LEADING vote="(2 0x0 0)" round=2 from=LOOKING`,
			`INFO msg="server state" peer=3 state=FOLLOWING vote="(2 0x0 0)" round=2 from=LOOKING`,
			`INFO msg="leader seen" leader=2 epoch=5 leaderless_seconds=0`}},
		{epoch, []string{`INFO msg="epoch of the leader" leader=2 epoch=6`}},
		{led(foreign(v, "--3", 0), true), []string{`INFO msg="server state" peer=3 state=LEADING vote="(3 0x0 0)" round=2 from=FOLLOWING`,
			`WARN msg="leader lost" leader=2 epoch=6 detail="out of sight: connection refused"`,
			`WARN msg="blind: a quorum of the voters is out of sight"`}},
		{foreign(v, "---", 0), nil},
		{led(foreign(v, "-LL", 0), true), []string{`INFO msg="server up" peer=2 state=LOOKING vote="(0 0x0 0)" round=2 electnode=false`,
			`INFO msg="server up" peer=3 state=LOOKING vote="(0 0x0 0)" round=2 electnode=false`,
			`WARN msg="no leader"`, `INFO msg="in sight again"`}},
	} {
		w.Changed(c.status)
		if d := cmp.Diff(c.want, lines(&b)); d != "" {
			t.Errorf("step %d:\n%s", i, d)
		}
	}
}

// TestWatchedFailures: a line for the first failure and for each other reason, not for each dial, until the server
// answers again.
func TestWatchedFailures(t *testing.T) {
	var b bytes.Buffer
	w := NewWatched(slog.New(slog.NewTextHandler(&b, nil)))
	fail := func(sid quorum.SID, reason watch.Reason) {
		w.Probed(watch.Probe{Server: sid, Address: "a:1", Failure: reason, Detail: "why"})
	}
	for range 3 {
		fail(1, watch.FailClosed)
		fail(1, watch.FailRefused)
		fail(quorum.NoSID, watch.FailTimeout)
	}
	want := []string{`WARN msg="server down" peer=1 address=a:1 reason=closed detail=why`,
		`WARN msg="server still down" peer=1 address=a:1 reason=refused detail=why`,
		`WARN msg="server down" target=a:1 address=a:1 reason=timeout detail=why`}
	if d := cmp.Diff(want, lines(&b)); d != "" {
		t.Error(d)
	}
	w.Probed(watch.Probe{Server: 1, Address: "a:1"})
	fail(1, watch.FailRefused)
	if d := cmp.Diff([]string{`WARN msg="server down" peer=1 address=a:1 reason=refused detail=why`}, lines(&b)); d != "" {
		t.Error(d)
	}
	// Who is in no configuration any more is forgotten.
	w.Changed(watch.Status{})
	if n := len(w.failures); n != 1 {
		t.Errorf("%d are remembered: %v", n, w.failures)
	}
}

// TestQuiet: what is loud elsewhere is a line of level debug, with all its attributes.
func TestQuiet(t *testing.T) {
	var b bytes.Buffer
	level := new(slog.LevelVar)
	log := Quiet(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: level}))).With("a", 1).WithGroup("g")
	log.Error("unheard")
	level.Set(slog.LevelDebug)
	log.Error("heard", "b", 2)
	if got := fmt.Sprint(lines(&b)); got != "[DEBUG msg=heard a=1 g.b=2]" {
		t.Error(got)
	}
}
