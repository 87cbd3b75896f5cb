package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/recorder"
	"electnode/internal/watch"

	"github.com/google/go-cmp/cmp"
)

// foreignEnsemble is one of three voters: server 2 leads, 1 follows, 3 is out of sight.
func foreignEnsemble(t testing.TB) watch.Status {
	t.Helper()
	v, err := quorum.ParseText("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nversion=10", quorum.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	at := fixedTime()
	vote := quorum.Vote{Leader: 2, Zxid: 0x400000007, PeerEpoch: 5}
	up := func(sid quorum.SID, state quorum.State) watch.Server {
		return watch.Server{SID: sid, Weight: 1, Addresses: []string{"h:2"}, Up: true, Since: at, Known: true, State: state, Vote: vote,
			Round: 3, ConfigKnown: true, ConfigVersion: 0x10, LastAnswer: at, Latency: time.Millisecond, Answers: 7}
	}
	gone := watch.Server{SID: 3, Weight: 1, Since: at, LastFailure: watch.FailRefused, FailureDetail: "nobody listens", FailedAt: at,
		Failures: map[watch.Reason]uint64{watch.FailRefused: 2}}
	leads := up(2, quorum.Leading)
	leads.Client = &watch.ClientInfo{Address: "b:2181", At: at, Mode: "leader", Zxid: 0x500000009, ZxidKnown: true, Followers: 1,
		SyncedFollowers: -1, ElectionTime: -1}
	return watch.Status{At: at, View: v, HasLeader: true, EverLed: true, Leader: 2, Epoch: 5, Since: at, LeaderlessTotal: 1500 * time.Millisecond,
		LeaderChanges: 4, Servers: []watch.Server{up(1, quorum.Following), leads, gone}}
}

// watchedOf is an ensemble with this status, and the recordings of server 1.
func watchedOf(t testing.TB, name string, s *watch.Status) Watched {
	t.Helper()
	own := past(t)
	return Watched{Name: name, SID: 1<<62 + 1, Interval: 250 * time.Millisecond, Status: func() watch.Status { return *s },
		Histories: func() map[quorum.SID]History { return map[quorum.SID]History{1: own} }, Events: own}
}

// asked is an answer to GET.
func asked(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

// TestWatchStatus: all that is known is told, 64-bit numbers as text, and null for what is not known.
func TestWatchStatus(t *testing.T) {
	s := foreignEnsemble(t)
	h := WatchHandler(WatchSite{Ensembles: []Watched{watchedOf(t, "prod", &s)}})
	w := asked(t, h, "/api/v1/watch")
	var body struct{ Ensembles []map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || len(body.Ensembles) != 1 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	got := body.Ensembles[0]
	const at = "2026-01-02T15:04:05Z"
	servers, _ := got["servers"].([]any)
	delete(got, "servers")
	want := map[string]any{"name": "prod", "ready": true, "reason": "server 2 leads in epoch 5", "watcher_sid": "4611686018427387905",
		"interval_seconds": 0.25, "enriched": false, "at": at, "discovered": true, "ensemble": s.View.EnsembleID(), "has_leader": true,
		"ever_led": true, "leader": 2.0, "epoch": "5", "since": at, "leaderless": false, "leaderless_since": nil,
		"leaderless_seconds_total": 1.5, "leader_changes_total": 4.0, "conflicting_leaders": []any{}, "blind": false,
		"failure_tolerance": 0.0, "config_version": "0x10", "voters": []any{1.0, 2.0, 3.0}, "observers": []any{}, "seeds": []any{}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	wantGone := map[string]any{"sid": 3.0, "role": "participant", "weight": 1.0, "group": 0.0, "addresses": []any{}, "up": false, "since": at,
		"state": nil, "vote": nil, "round": nil, "config_version": nil, "config_problem": "", "electnode": false, "stale": false,
		"last_answer": nil, "latency_seconds": nil, "answers_total": 0.0, "failures_total": map[string]any{"refused": 2.0},
		"last_failure": "refused", "failure_detail": "nobody listens", "failed_at": at, "client_address": "", "client": nil}
	wantLeads := map[string]any{"sid": 2.0, "role": "participant", "weight": 1.0, "group": 0.0, "addresses": []any{"h:2"}, "up": true, "since": at,
		"state": "LEADING", "vote": map[string]any{"leader": 2.0, "zxid": "0x400000007", "peer_epoch": "5"}, "round": "3",
		"config_version": "0x10", "config_problem": "", "electnode": false, "stale": false, "last_answer": at, "latency_seconds": 0.001,
		"answers_total": 7.0, "failures_total": map[string]any{}, "last_failure": "", "failure_detail": "", "failed_at": nil,
		"client_address": "", "client": map[string]any{"address": "b:2181", "at": at, "version": "", "mode": "leader", "zxid": "0x500000009",
			"followers": 1.0, "synced_followers": nil, "election_time_seconds": nil, "problem": ""}}
	if len(servers) != 3 {
		t.Fatalf("%d servers", len(servers))
	}
	if d := cmp.Diff([]any{wantLeads, wantGone}, servers[1:]); d != "" {
		t.Error(d)
	}
}

// TestWatchedMembers: the page and electnode status get a server in the form of a node, null for what nobody outside
// knows, and an error for one that is out of sight. Servers that are discovered later are there when they are.
func TestWatchedMembers(t *testing.T) {
	s := foreignEnsemble(t)
	h := WatchHandler(WatchSite{Ensembles: []Watched{watchedOf(t, "prod", &s)}, TraceURL: "http://traces/{trace_id}"})
	var list []nodeAnswer
	w := asked(t, h, "/api/v1/status")
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list) != 3 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	one, two := list[0].Status, list[1].Status
	if !one.Established || *one.Leader != 2 || one.CurrentEpoch != "5" || one.FailureTolerance != nil || two.FailureTolerance == nil ||
		two.Zxid != "0x500000009" || list[2].Status != nil || list[2].Error != "refused: nobody listens" || !list[2].Watched {
		t.Errorf("%s", w.Body)
	}
	for _, unknown := range []string{`"accepted_epoch":null`, `"zxid":null`} {
		if !strings.Contains(w.Body.String(), unknown) {
			t.Errorf("no %s in %s", unknown, w.Body)
		}
	}
	text := asked(t, h, "/api/v1/status?format=text").Body.String()
	if want := "prod, seen from outside: server 2 leads in epoch 5\nserver 1   FOLLOWING, says that server 2 leads\n" +
		"server 2   LEADING, says that server 2 leads\nserver 3   out of sight: refused: nobody listens\n"; text != want {
		t.Errorf("%s", text)
	}

	var page ensembleAnswer
	all := s.Servers
	s.Servers = nil
	for _, path := range []string{"/api/v1/ensemble", "/ensembles/prod/api/v1/ensemble"} {
		w = asked(t, h, path)
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || page.Kind != KindWatch || page.TraceURL == "" || page.Watch.Name != "prod" ||
			len(page.Members) != len(s.Servers) || len(page.Watch.Servers) != len(s.Servers) || len(page.Faults) != 0 {
			t.Errorf("%s: %v: %s", path, err, w.Body)
		}
		s.Servers = all // discovered
	}
	if page.Members[2].Error != "refused: nobody listens" || page.Members[0].Status.State != "FOLLOWING" {
		t.Errorf("%+v", page.Members)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/v1/faults", strings.NewReader("{}")))
	if w.Code != http.StatusForbidden {
		t.Errorf("a fault: %d", w.Code)
	}
}

// TestWatchReady: 503 while an ensemble is blind or unknown; without a leader, or with two, the watcher itself is well.
func TestWatchReady(t *testing.T) {
	seen := foreignEnsemble(t)
	blind, without, two := seen, seen, seen
	blind.Blind, without.HasLeader, two.Conflicting = true, false, []quorum.SID{1, 2}
	unknown := watch.Status{Blind: true, Seeds: []watch.Seed{{Address: "x:1", Reason: watch.FailTimeout}}}
	for _, c := range []struct {
		name   string
		status watch.Status
		code   int
		reason string
	}{
		{"seen", seen, 200, "server 2 leads in epoch 5"},
		{"without a leader", without, 200, "in sight, without a leader"},
		{"two leaders", two, 200, "in sight, and 2 servers say LEADING: [1 2]"},
		{"blind", blind, 503, "blind: too few voters are in sight to judge (server 3 refused)"},
		{"unknown", unknown, 503, "unknown: no server has told the configuration yet (x:1 timeout)"},
		{"before anything", watch.Status{}, 503, "unknown: no server has told the configuration yet"},
	} {
		h := WatchHandler(WatchSite{Ensembles: []Watched{watchedOf(t, "lab", &seen), watchedOf(t, "prod", &c.status)}, Events: past(t)})
		w := asked(t, h, "/readyz")
		var body WatchReadiness
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != c.code || body.Ready != (c.code == 200) ||
			len(body.Ensembles) != 2 || !body.Ensembles[0].Ready || body.Ensembles[1].Reason != c.reason {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if one := asked(t, h, "/ensembles/lab/readyz"); one.Code != http.StatusOK {
			t.Errorf("%s: the other one: %d", c.name, one.Code)
		}
	}
}

// TestWatchedElections: the elections of all servers under ids that tell them apart, here and for one ensemble.
func TestWatchedElections(t *testing.T) {
	s := foreignEnsemble(t)
	a, b := watchedOf(t, "a:1", &s), watchedOf(t, "b", &s)
	h := WatchHandler(WatchSite{Ensembles: []Watched{a, b}, Events: past(t)})
	number := past(t).Elections()[0].ID
	for prefix, want := range map[string][]string{"": {"a:1:1." + number, "b:1." + number}, "/ensembles/a:1": {"1." + number}} {
		var list ElectionList
		w := asked(t, h, prefix+"/api/v1/elections")
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
		for _, id := range want {
			if !slices.ContainsFunc(list.Elections, func(e recorder.Summary) bool { return e.ID == id }) {
				t.Errorf("%s: no %s in %s", prefix, id, w.Body)
			}
			var one ElectionEvents
			w = asked(t, h, prefix+"/api/v1/elections/"+id)
			if err := json.Unmarshal(w.Body.Bytes(), &one); err != nil || one.Election.ID != id || len(one.Events) == 0 {
				t.Errorf("%s: %v: %s", id, err, w.Body)
			}
		}
		if w = asked(t, h, prefix+"/api/v1/elections/9.9"); w.Code != http.StatusNotFound {
			t.Errorf("one that is not there: %d", w.Code)
		}
	}
	if w := asked(t, h, "/ensembles/b/api/v1/ensemble/elections/1/"+number); w.Code != http.StatusOK || w.Body.Len() == 0 {
		t.Errorf("as the page asks: %d", w.Code)
	}
}

// TestWatchedPages: one ensemble has its page at /, several have a list there; each has its page below its name.
func TestWatchedPages(t *testing.T) {
	s := foreignEnsemble(t)
	one := WatchHandler(WatchSite{Ensembles: []Watched{watchedOf(t, "a:1", &s)}})
	two := WatchHandler(WatchSite{Ensembles: []Watched{watchedOf(t, "a:1", &s), watchedOf(t, "b", &s)}, Events: past(t)})
	for _, c := range []struct {
		name string
		h    http.Handler
		path string
		want string
	}{
		{"one", one, "/", `id="spacetime"`}, {"one by name", one, "/ensembles/a:1/", `id="spacetime"`}, {"its script", one, "/ensembles/a:1/page/app.js", "class App"}, {"escaped", one, "/ensembles/a%3A1/page/app.js", "class App"},
		{"two", two, "/", `id="ensembles"`}, {"the first", two, "/ensembles/a:1/", `id="spacetime"`}, {"the list's script", two, "/page/list.js", "api/v1/watch"},
	} {
		w := asked(t, c.h, c.path)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), c.want) || w.Header().Get("Content-Security-Policy") != policy {
			t.Errorf("%s: %d, no %q", c.name, w.Code, c.want)
		}
	}
	if w := asked(t, two, "/ensembles/b"); w.Header().Get("Location") != "/ensembles/b/" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	if w := asked(t, two, "/api/v1/status"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "/ensembles/a:1 /ensembles/b") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := asked(t, two, "/ensembles/c/"); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
	for _, path := range []string{"/healthz", "/ensembles/b/healthz"} {
		if w := asked(t, two, path); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
