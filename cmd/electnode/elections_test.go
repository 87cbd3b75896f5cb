package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/node"
	"electnode/internal/quorum"
	"electnode/internal/recorder"
	"electnode/internal/sim"
	"electnode/internal/web"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write what is printed into testdata")

// simulated is what the recorders of a simulated ensemble of three kept of some seconds with crashes.
func simulated(t *testing.T) map[quorum.SID]*recorder.Recorder {
	t.Helper()
	var spec quorum.Spec
	all := map[quorum.SID]*recorder.Recorder{}
	for sid := quorum.SID(1); sid <= 3; sid++ {
		spec.Members = append(spec.Members, quorum.Member{SID: sid, Addresses: []quorum.Address{
			{Host: "127.0.0.1", QuorumPort: 2000 + int(sid), ElectionPort: 3000 + int(sid)}}})
		all[sid] = recorder.New(recorder.Options{Base: time.Unix(1_700_000_000, 0), Queue: 1 << 17})
	}
	view, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	w := sim.New(4, sim.Options{View: view, Crashes: 2 * time.Second, Downtime: 2 * time.Second},
		event.SinkFunc(func(s event.Stamped) { all[s.Node].Record(s) }))
	w.Run(6 * time.Second)
	w.Heal()
	w.Run(3 * time.Second)
	if err := w.Check(); err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		r.Close(time.Minute)
	}
	return all
}

// silent is a node that is not asked for its status.
type silent struct{}

func (silent) Status(context.Context) (node.Status, error) {
	return node.Status{}, errors.New("silent")
}

// served are the URLs of the recorders, by ascending sid.
func served(t *testing.T, all map[quorum.SID]*recorder.Recorder) []string {
	t.Helper()
	var urls []string
	for sid := quorum.SID(1); int(sid) <= len(all); sid++ {
		s := httptest.NewServer(web.Handler(web.Site{Node: silent{}, History: all[sid]}))
		t.Cleanup(func() { http.DefaultClient.CloseIdleConnections(); s.Close() })
		urls = append(urls, s.URL)
	}
	return urls
}

// failover is the id on its first server of an election that followed the loss of a leader.
func failover(t *testing.T, all map[quorum.SID]*recorder.Recorder) (at int, id string) {
	t.Helper()
	for sid := quorum.SID(1); int(sid) <= len(all); sid++ {
		for _, e := range all[sid].Elections() {
			if e.Reason == event.ReasonLeaderLost && e.Epoch != nil {
				return int(sid) - 1, e.ID
			}
		}
	}
	t.Fatal("no fail-over in this history")
	return 0, ""
}

// TestListing prints a fail-over as three servers tell it, and as one of them does.
func TestListing(t *testing.T) {
	all := simulated(t)
	urls := served(t, all)
	at, id := failover(t, all)
	urls[0], urls[at] = urls[at], urls[0]
	for name, args := range map[string][]string{"merged": append(slices.Clone(urls), id), "one": {urls[0], id}} {
		code, out, errs := executed(append([]string{"elections"}, args...)...)
		if code != 0 || errs != "" {
			t.Errorf("%s: exit %d, %s", name, code, errs)
		}
		for line := range strings.Lines(out) {
			if line = strings.TrimSuffix(line, "\n"); len(line) > listingWidth || strings.TrimRight(line, " ") != line || plain(line) != line {
				t.Errorf("%s: %q has %d columns", name, line, len(line))
			}
		}
		golden(t, "testdata/listing-"+name+".txt", out)
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-rewrite writes it anew):\n%s", path, d)
	}
}

// TestElectionsJSON: a list of all, and the lines of one election, each server's in their order and every sending
// before its receipt.
func TestElectionsJSON(t *testing.T) {
	all := simulated(t)
	urls := served(t, all)
	at, id := failover(t, all)
	urls[0], urls[at] = urls[at], urls[0]
	code, out, errs := executed(append([]string{"elections", "--json"}, urls...)...)
	var list web.ElectionList
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 || errs != "" {
		t.Fatalf("exit %d, %v, %s", code, err, errs)
	}
	want, events := 0, 0
	var trace string
	for sid, r := range all {
		want += len(r.Elections())
		if e, ok := r.Election(id); ok && int(sid) == at+1 {
			trace = e.Summary.TraceID
		}
	}
	for _, e := range list.Elections {
		if e.TraceID == trace {
			events += int(e.Events)
		}
	}
	if newest := slices.IsSortedFunc(list.Elections, func(a, b recorder.Summary) int { return b.Start.Compare(a.Start) }); len(list.Elections) != want || !newest {
		t.Errorf("%d elections of %d, newest first: %t", len(list.Elections), want, newest)
	}

	// By the trace id it is the same election, from whichever server.
	code, byTrace, _ := executed(append([]string{"elections", "--json", trace}, urls...)...)
	code2, out, errs := executed(append([]string{"elections", "--json", id}, urls...)...)
	if code != 0 || code2 != 0 || errs != "" || byTrace != out {
		t.Errorf("exit %d and %d, %s", code, code2, errs)
	}
	lines, received := 0, 0
	sent, last := map[uint64]bool{}, map[quorum.SID]time.Duration{}
	for line := range bytes.Lines([]byte(out)) {
		s, mono, err := event.ParseTimed(line)
		if err != nil {
			t.Fatal(err)
		}
		switch ev := s.Event.(type) {
		case *event.NotificationSent:
			sent[ev.MessageID] = true
		case *event.NotificationReceived:
			received++
			if !sent[ev.MessageID] {
				t.Errorf("received before it was sent: %s", line)
			}
		}
		if mono < last[s.Node] {
			t.Errorf("server %d goes back in time: %s", s.Node, line)
		}
		last[s.Node] = mono
		lines++
	}
	if lines != events || received < 6 || len(last) != 3 {
		t.Errorf("%d lines of %d, %d received, %d servers", lines, events, received, len(last))
	}
}

func TestElectionsTable(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 123456789, time.UTC)
	var out bytes.Buffer
	if err := electionTable(&out, []recorder.Summary{
		{ID: "4", SID: 1, Start: at, Reason: "no_leader", Running: true, Duration: 3 * time.Second, Rounds: 1, Bad: []string{"slow", "rounds"}},
		{ID: "3", SID: 1, Start: at, Reason: "quorum_lost", Outcome: "leading", How: "waited", Leader: new(quorum.SID(1)), Rounds: 1},
		{ID: "2", SID: 1, Start: at, Reason: "leader_lost", Outcome: "following", How: "all_heard", Leader: new(quorum.SID(3)),
			Epoch: new("7"), Rounds: 2, VoteChanges: 1, Sent: 4, Received: 5, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
			Phases: recorder.Phases{FirstVoteHeard: 1234567, Quorum: 2e6, Decided: 3e6, Established: 15e6}},
		{ID: "1", SID: 1, Start: at, Reason: "start\x1b[2J", Outcome: "aborted"},
	}); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/elections-table.txt", out.String())
	out.Reset()
	if err := electionTable(&out, nil); err != nil || out.String() != "no election was recorded yet\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// TestElectionsOfADemo: a URL that answers for several servers leads to each of them.
func TestElectionsOfADemo(t *testing.T) {
	all := simulated(t)
	mux := http.NewServeMux()
	sources := map[quorum.SID]web.Source{}
	for sid, r := range all {
		sources[sid] = silent{}
		prefix := "/nodes/" + sid.String()
		mux.Handle(prefix+"/", http.StripPrefix(prefix, web.Handler(web.Site{Node: silent{}, History: r})))
	}
	mux.Handle("/", web.EnsembleHandler([]quorum.SID{1, 2, 3}, sources))
	s := httptest.NewServer(mux)
	defer s.Close()
	defer http.DefaultClient.CloseIdleConnections()
	code, out, errs := executed("elections", s.URL)
	rows := 1
	for _, r := range all {
		rows += len(r.Elections())
	}
	if code != 0 || errs != "" || strings.Count(out, "\n") != rows {
		t.Errorf("exit %d, %s\n%s", code, errs, out)
	}
}

// TestElectionsFail: exit status 1 and a line that says why, and no more of what others made up than is printable.
func TestElectionsFail(t *testing.T) {
	all := simulated(t)
	urls := served(t, all)
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bare/api/v1/elections" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("<html>")) // the client looks at what arrives
	}))
	defer foreign.Close()
	defer http.DefaultClient.CloseIdleConnections()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"nobody there", []string{gone.URL}, exitFailed, "no node answers"},
		{"something else", []string{foreign.URL}, exitFailed, "this is no electnode"},
		{"no recorder", []string{foreign.URL + "/bare/"}, exitFailed, "no elections are recorded there"},
		{"one of two", []string{gone.URL, urls[0]}, 0, "refused"},
		{"no such election", []string{urls[0], "12345"}, exitFailed, "no election 12345: " + urls[0] + " has 1 to "},
		{"no such trace", []string{urls[0], strings.Repeat("a", 32)}, exitFailed, "no election aaaa"},
		{"two elections", []string{"1", "2"}, exitUsage, "one at a time"},
	} {
		code, _, errs := executed(append([]string{"elections"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%s: exit %d, %s", c.name, code, errs)
		}
	}
}

// tell makes a tale of events, a millisecond apart.
func tell(sid quorum.SID, at time.Time, events ...event.Event) []told {
	var all []told
	for i, ev := range events {
		at := at.Add(time.Duration(i) * time.Millisecond)
		all = append(all, told{Stamped: event.Stamped{Time: at, Node: sid, Election: 1, Event: ev}, at: at})
	}
	return all
}

// TestMergeTales: clocks that differ by more than a message takes do not put effects before causes, and tales that
// contradict each other still end.
func TestMergeTales(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	sent := func(to quorum.SID, id uint64) event.Event { return &event.NotificationSent{Peer: to, MessageID: id} }
	got := func(from quorum.SID, id uint64) event.Event {
		return &event.NotificationReceived{Peer: from, MessageID: id}
	}
	for _, c := range []struct {
		name  string
		tales [][]told
		want  string
	}{
		{"a clock that is late", [][]told{
			tell(1, at, sent(2, 7), got(2, 8), event.QuorumReached{}),
			tell(2, at.Add(-time.Hour), event.ElectionStarted{}, got(1, 7), sent(1, 8)),
		}, "2 ElectionStarted, 1 NotificationSent, 2 NotificationReceived, 2 NotificationSent, 1 NotificationReceived, 1 QuorumReached"},
		{"messages nobody recorded", [][]told{
			tell(1, at, got(2, 0), got(3, 99)), tell(2, at.Add(time.Microsecond), sent(1, 0)),
		}, "1 NotificationReceived, 2 NotificationSent, 1 NotificationReceived"},
		{"a contradiction", [][]told{
			tell(1, at, got(2, 8), sent(2, 7)), tell(2, at.Add(time.Microsecond), got(1, 7), sent(1, 8)),
		}, "1 NotificationReceived, 1 NotificationSent, 2 NotificationReceived, 2 NotificationSent"},
	} {
		var order []string
		for _, ev := range mergeTales(c.tales) {
			order = append(order, ev.Node.String()+" "+ev.Event.Name())
		}
		if d := cmp.Diff(c.want, strings.Join(order, ", ")); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// TestListingOfEverything: every event there is has words, many servers and long ids keep within the columns, and
// hostile text stays text.
func TestListingOfEverything(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	hostile := event.NodeStopped{Error: "\x1b[31m" + strings.Repeat("long ", 60) + strings.Repeat("x", 300) + "\u202e"}
	events := append([]event.Event{event.ElectionStarted{}, hostile}, event.All()...)
	for sid := range quorum.SID(40) {
		events = append(events, &event.NotificationSent{Peer: sid * 1_000_000_007, MessageID: uint64(sid)})
	}
	for _, width := range []int{60, 80, 100} {
		// The wall clock was set between the start and the first line.
		l := listing{chosen: recorder.Summary{ID: "1", SID: 9_000_000_000_000_000_000, Election: 1, Start: at.Add(-time.Hour)}, width: width,
			tales: [][]told{tell(9_000_000_000_000_000_000, at, events...)}, unknown: 3}
		l.recorded = []recorder.Summary{l.chosen}
		text := l.text()
		for line := range strings.Lines(text) {
			if line = strings.TrimSuffix(line, "\n"); len(line) > width || plain(line) != line {
				t.Errorf("width %d: %q has %d columns", width, line, len(line))
			}
		}
		for _, want := range []string{"\n        0  ", "is server 9000000000000000000", "3 events of a later release", `\u001b[31mlong`, `\u202e`} {
			if !strings.Contains(text, want) {
				t.Errorf("width %d: no %q in\n%s", width, want, text)
			}
		}
	}
	for _, ev := range event.All() {
		_, words := describeElectionEvent(ev)
		if words += describeLinkEvent(ev); words == "" {
			words = describeNodeEvent(ev)
		}
		_, notification := peerOf(ev)
		if words == ev.Name() && !notification {
			t.Errorf("no words for %s", ev.Name())
		}
	}
}

// TestHeartbeatsInOneRow: those of one server, one after the other.
func TestHeartbeatsInOneRow(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	var beats []event.Event
	for i := range 5 {
		beats = append(beats, event.HeartbeatAnswered{Peer: 2, RTT: time.Duration(i) * time.Millisecond})
	}
	l := listing{chosen: recorder.Summary{ID: "1", SID: 1, Election: 1, Start: at}, width: 100,
		recorded: []recorder.Summary{{SID: 1}}, tales: [][]told{tell(1, at, append(beats, event.QuorumUndone{}, beats[0])...)}}
	text := l.text()
	for _, want := range []string{"5 heartbeats answered within 4ms, the slowest in 4ms\n", "2 answered a heartbeat in -\n"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "-", 1234: "1us", 12345678: "12.35ms", 1234567890: "1.23s", 3*time.Minute + 1: "3m0s"} {
		if got := short(d); got != want {
			t.Errorf("%d ns is %s, want %s", d, got, want)
		}
	}
}
