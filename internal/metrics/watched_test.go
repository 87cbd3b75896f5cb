package metrics

import (
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/watch"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// sight is one watched ensemble, "a", whose status the test sets.
type sight struct {
	*Watched
	status atomic.Pointer[watch.Status]
}

func newSight(t testing.TB, st watch.Status) *sight {
	t.Helper()
	s := &sight{Watched: NewWatched(WatchedOptions{Build: Build{"1.2.3", "abc", "go1.26"}})}
	s.status.Store(&st)
	s.Add("a", func() watch.Status { return *s.status.Load() })
	return s
}

// change sets another status.
func (s *sight) change(f func(st *watch.Status)) {
	st := *s.status.Load()
	st.Servers = slices.Clone(st.Servers)
	f(&st)
	s.status.Store(&st)
}

// text is what a scrape with this Accept header reads.
func (s *sight) text(t testing.TB, accept string) string {
	t.Helper()
	req := httptest.NewRequest("GET", "/metrics", nil)
	req.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, req)
	if w.Code != 200 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// want compares the values of series of ensemble a, named as in the text without it.
func (s *sight) want(t testing.TB, values map[string]string) {
	t.Helper()
	text := s.text(t, "text/plain")
	got := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		name = strings.NewReplacer(`ensemble="a",`, "", `{ensemble="a"}`, "").Replace(name)
		if _, asked := values[name]; asked {
			got[name] = value
		}
	}
	if d := cmp.Diff(values, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// led is an ensemble of voters 1 to 3 and observer 4, of which 3 leads.
func led(t testing.TB) watch.Status {
	t.Helper()
	st := watch.Status{View: ensemble(t), HasLeader: true, EverLed: true, Leader: 3, Epoch: 2, Since: start(), LeaderChanges: 1,
		LeaderlessTotal: 1500 * ms}
	for _, m := range st.View.Members() {
		o := watch.Server{SID: m.SID, Role: m.Role, Up: true, Known: true, State: quorum.Following, Round: 7, ConfigKnown: true,
			Vote: quorum.Vote{Leader: 3, PeerEpoch: 2}, ConfigVersion: 0x300000000, LastAnswer: start().Add(250 * ms)}
		switch m.SID {
		case 3:
			o.State = quorum.Leading
		case 4:
			o.State = quorum.Observing
		}
		st.Servers = append(st.Servers, o)
	}
	return st
}

// TestWatchedExposition compares the whole text of /metrics with testdata: one ensemble in a fail-over, and one
// of which nothing is known but a target.
func TestWatchedExposition(t *testing.T) {
	s := newSight(t, led(t))
	s.Add(`b "\`, func() watch.Status {
		return watch.Status{Blind: true, Servers: []watch.Server{{SID: -5, Failures: map[watch.Reason]uint64{}}}}
	})
	s.change(func(st *watch.Status) {
		st.HasLeader, st.Leaderless, st.Conflicting = false, true, []quorum.SID{2, 3}
		st.Servers[0].Stale = true
		st.Servers[0].Client = &watch.ClientInfo{At: start(), Mode: "follower", Zxid: 0x200000007, ZxidKnown: true, Followers: -1,
			SyncedFollowers: -1, ElectionTime: 213 * ms}
		st.Servers[1].Client = &watch.ClientInfo{At: start(), Followers: 2, SyncedFollowers: 1, ElectionTime: -1, Problem: "it is slow"}
		st.Servers[1].State, st.Servers[1].Vote.Leader = quorum.Leading, 2
		st.Servers[2].Up = false
		st.Servers[3].Vote, st.Servers[3].State = quorum.Vote{Leader: quorum.NoSID, PeerEpoch: quorum.MinEpoch}, quorum.Looking
	})
	for _, p := range []watch.Probe{{Server: 1, Took: 150 * time.Microsecond}, {Server: 1, Took: 3 * ms},
		{Server: 3, Failure: watch.FailRefused}, {Server: 9, Failure: watch.FailRefused}, {Server: quorum.NoSID, Took: time.Minute},
		{Server: 3, Failure: "of nobody's words"}} {
		s.Probed("a", p)
	}
	s.Probed(`b "\`, watch.Probe{Server: -5, Failure: watch.FailBadFrame})
	got := s.text(t, "text/plain")
	const file = "testdata/watched.txt"
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("/metrics changed (-want +got); -rewrite if that is right:\n%s", d)
	}
}

// TestWatchedLint wants names and texts that Prometheus's own tools have nothing to say against, from the start
// and in each form of a scrape.
func TestWatchedLint(t *testing.T) {
	s := newSight(t, led(t))
	for _, p := range []watch.Probe{{Server: 2, Took: ms}, {Server: 2, Failure: watch.FailClosed}} {
		s.Probed("a", p)
	}
	problems, err := testutil.GatherAndLint(s.Registry())
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	if n := strings.Count(s.text(t, openMetrics), "\nelectnode_watch_"); n < 100 {
		t.Errorf("%d series", n)
	}
	samples(t, s.text(t, openMetrics))
	families, err := s.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "electnode_watch_probe_duration_seconds" && len(f.GetMetric()[1].GetHistogram().GetPositiveSpan()) == 0 {
			t.Errorf("no native buckets in %v", f.GetMetric()[1])
		}
	}
	runtime := NewWatched(WatchedOptions{Runtime: true})
	if n, err := testutil.GatherAndCount(runtime.Registry(), "go_goroutines", "process_start_time_seconds", "electnode_build_info"); err != nil || n != 3 {
		t.Errorf("%d runtime series, %v", n, err)
	}
}

// TestServersComeAndGo: series are there as soon as a server is known, before anybody asked it, and go with it;
// one that comes again begins at 0. Strangers share one.
func TestServersComeAndGo(t *testing.T) {
	s := newSight(t, watch.Status{Blind: true})
	const failed = `electnode_watch_probe_failures_total{reason="refused",server="%s"}`
	s.want(t, map[string]string{"electnode_watch_has_leader": "0", "electnode_watch_leader_sid": "-1", "electnode_watch_blind": "1",
		"electnode_watch_servers": "0", "electnode_watch_voters": "0", "electnode_watch_failure_tolerance": "-1", "electnode_watch_failure_tolerance_possible": "0",
		"electnode_watch_verdict_timestamp_seconds": "0", fmt.Sprintf(failed, "unknown"): "0"})
	if text := s.text(t, "text/plain"); strings.Contains(text, "electnode_watch_up{") {
		t.Errorf("a server of nobody: %s", text)
	}

	s.Probed("a", watch.Probe{Server: 5, Failure: watch.FailRefused})
	s.change(func(st *watch.Status) {
		*st = watch.Status{View: ensemble(t), Servers: []watch.Server{{SID: 5, Role: quorum.Observer}}}
	})
	s.want(t, map[string]string{`electnode_watch_up{server="5"}`: "0", `electnode_watch_server_voter{server="5"}`: "0",
		`electnode_watch_server_state{server="5",state="LOOKING"}`: "0", `electnode_watch_server_leader_sid{server="5"}`: "-1",
		`electnode_watch_server_round{server="5"}`: "-1", `electnode_watch_server_peer_epoch{server="5"}`: "-1",
		`electnode_watch_server_config_version{server="5"}`: "-1", `electnode_watch_server_stale{server="5"}`: "0",
		`electnode_watch_server_last_answer_timestamp_seconds{server="5"}`:        "0",
		`electnode_watch_probe_duration_seconds_bucket{server="5",le="0.001"}`:    "0",
		`electnode_watch_probe_failures_total{reason="no_address",server="5"}`:    "0",
		`electnode_watch_probe_failures_total{reason="refused",server="unknown"}`: "1",
		`electnode_watch_probe_failures_total{reason="refused",server="5"}`:       "0", "electnode_watch_voters": "3"})
	s.Probed("a", watch.Probe{Server: 5, Failure: watch.FailRefused})
	s.want(t, map[string]string{`electnode_watch_probe_failures_total{reason="refused",server="5"}`: "1"})

	back := *s.status.Load()
	s.change(func(st *watch.Status) { st.Servers = nil })
	if text := s.text(t, "text/plain"); strings.Contains(text, `server="5"`) {
		t.Errorf("server 5 left: %s", text)
	}
	s.Probed("a", watch.Probe{Server: 5, Failure: watch.FailRefused})
	s.status.Store(&back)
	s.want(t, map[string]string{`electnode_watch_probe_failures_total{reason="refused",server="5"}`: "0",
		`electnode_watch_probe_failures_total{reason="refused",server="unknown"}`: "2"})
}

// TestWatchedLeader follows the verdict through a fail-over.
func TestWatchedLeader(t *testing.T) {
	s := newSight(t, led(t))
	s.want(t, map[string]string{"electnode_watch_has_leader": "1", "electnode_watch_leader_sid": "3", "electnode_watch_leaderless": "0",
		"electnode_watch_failure_tolerance": "1", "electnode_watch_failure_tolerance_possible": "1", "electnode_watch_leaderless_seconds_total": "1.5", "electnode_watch_leader_changes_total": "1",
		"electnode_watch_servers": "4", "electnode_watch_voters": "3", "electnode_watch_conflicting_leaders": "0",
		`electnode_watch_server_state{server="3",state="LEADING"}`: "1", `electnode_watch_server_state{server="3",state="FOLLOWING"}`: "0",
		`electnode_watch_server_state{server="4",state="OBSERVING"}`: "1"})
	for down, want := range []string{"1", "0", "-1"} {
		s.change(func(st *watch.Status) {
			for i := range down {
				st.Servers[i].Up = false
			}
		})
		s.want(t, map[string]string{"electnode_watch_failure_tolerance": want, "electnode_watch_failure_tolerance_possible": "1"})
	}
	s.change(func(st *watch.Status) { st.HasLeader, st.Leaderless = false, true })
	s.want(t, map[string]string{"electnode_watch_has_leader": "0", "electnode_watch_leader_sid": "-1", "electnode_watch_leaderless": "1",
		"electnode_watch_failure_tolerance": "-1", `electnode_watch_server_state{server="1",state="FOLLOWING"}`: "0",
		`electnode_watch_server_leader_sid{server="1"}`: "-1", `electnode_watch_server_round{server="1"}`: "7"})
}

// TestLeaderlessNeverFalls: an answer may be dated before the scrape that it comes after, and Prometheus takes a
// counter that falls for one that began again.
func TestLeaderlessNeverFalls(t *testing.T) {
	s := newSight(t, led(t))
	for _, step := range []struct {
		is    time.Duration
		shown string
	}{{2 * time.Second, "2"}, {1750 * ms, "2"}, {1900 * ms, "2"}, {2100 * ms, "2.1"}} {
		s.change(func(st *watch.Status) { st.LeaderlessTotal = step.is })
		s.want(t, map[string]string{"electnode_watch_leaderless_seconds_total": step.shown})
	}
}

// TestWatchedAtOnce has watchers, scrapes and changes of the configuration at the same time; the race detector
// looks on, and nothing is counted twice or lost.
func TestWatchedAtOnce(t *testing.T) {
	const each = 500
	s := newSight(t, led(t))
	var wg sync.WaitGroup
	for i := range 4 {
		// The test's own; ends after its rounds, and the test waits for it.
		wg.Go(func() {
			for n := range each {
				s.Probed("a", watch.Probe{Server: quorum.SID(i + 1), Took: ms})
				if n%50 == 0 {
					s.text(t, "text/plain")
				}
			}
		})
	}
	// The test's own; ends by itself, and the test waits for it.
	wg.Go(func() {
		for i := range 20 {
			s.Add(fmt.Sprint("other ", i), func() watch.Status { return led(t) })
			s.change(func(st *watch.Status) { st.Servers[3].SID = 9 })
			s.text(t, "text/plain")
			s.change(func(st *watch.Status) { st.Servers[3].SID = 4 })
		}
	})
	wg.Wait()
	for sid := 1; sid <= 3; sid++ { // 4 came and went
		s.want(t, map[string]string{fmt.Sprintf(`electnode_watch_probe_duration_seconds_count{server="%d"}`, sid): fmt.Sprint(each)})
	}
}

// TestWatchedNames: an ensemble that is there twice, or not at all, is a mistake of the program; a name that is
// no text is none.
func TestWatchedNames(t *testing.T) {
	s := newSight(t, led(t))
	for name, f := range map[string]func(){
		"twice": func() { s.Add("a", func() watch.Status { return watch.Status{} }) },
		"none":  func() { s.Probed("c", watch.Probe{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
	s.Add("\xff", func() watch.Status { return watch.Status{} })
	s.Probed("\xff", watch.Probe{Server: quorum.NoSID, Failure: watch.FailTimeout})
	if text := s.text(t, "text/plain"); !strings.Contains(text, `electnode_watch_probe_failures_total{ensemble="�",reason="timeout",server="unknown"} 1`) {
		t.Error(text)
	}
}

// many is an ensemble of as many servers as a watcher takes.
func many(t testing.TB) *sight {
	t.Helper()
	st := led(t)
	for sid := quorum.SID(5); sid <= 64; sid++ {
		o := st.Servers[0]
		o.SID = sid
		st.Servers = append(st.Servers, o)
	}
	return newSight(t, st)
}

func BenchmarkWatchedScrape(b *testing.B) {
	s := many(b)
	b.ReportAllocs()
	for b.Loop() {
		s.text(b, "text/plain")
	}
}

func BenchmarkProbed(b *testing.B) {
	s := many(b)
	b.ReportAllocs()
	for b.Loop() {
		s.Probed("a", watch.Probe{Server: 60, Took: ms})
	}
}

// TestProbedDoesNotAllocate holds what each question costs the watcher to no memory at all.
func TestProbedDoesNotAllocate(t *testing.T) {
	s := many(t)
	for _, p := range []watch.Probe{{Server: 60, Took: ms}, {Server: 60, Failure: watch.FailRefused}, {Server: quorum.NoSID, Failure: watch.FailRefused}} {
		if n := testing.AllocsPerRun(100, func() { s.Probed("a", p) }); n > 0 {
			t.Errorf("%+v: %v allocations", p, n)
		}
	}
}
