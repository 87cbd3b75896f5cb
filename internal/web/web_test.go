package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/node"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/zab"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// still is a node that always says the same.
type still struct {
	status node.Status
	err    error
}

func (s still) Status(context.Context) (node.Status, error) { return s.status, s.err }

var errStuck = errors.New("stuck")

// follower is server 1 of three, following server 3 in epoch 5, round 2.
func follower(t testing.TB) node.Status {
	t.Helper()
	var spec quorum.Spec
	for sid := quorum.SID(1); sid <= 3; sid++ {
		spec.Members = append(spec.Members, quorum.Member{SID: sid,
			Addresses: []quorum.Address{{Host: "zoo.example", QuorumPort: 2888, ElectionPort: 3888}}})
	}
	view, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 15, 4, 5, 123e6, time.UTC)
	vote := quorum.Vote{Leader: 3, Zxid: 0x400000000, PeerEpoch: 5}
	return node.Status{
		CoreStatus: node.CoreStatus{SID: 1, State: quorum.Following, Since: at, View: view,
			Established: zab.Established{Leader: 3, Epoch: 5}, EstablishedSince: at, Leaderless: 412 * time.Millisecond,
			Epochs: zab.Epochs{Accepted: 5, Current: 5},
			Election: fle.Status{Round: 2, Current: vote, Began: at, Peers: []fle.PeerStatus{{SID: 2, At: at,
				Said: event.Notification{State: quorum.Following, Vote: vote, Round: 2}}}}},
		Links: []qcm.LinkStatus{{Peer: 2, Connected: true, Since: at}, {Peer: 3}},
	}
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestStatus(t *testing.T) {
	s := follower(t)
	code, body := get(t, Handler(Site{Node: still{status: s}}), "/api/v1/status")
	want := `{"ensemble":"` + s.View.EnsembleID() + `","sid":1,"role":"participant","state":"FOLLOWING","leader":3,` +
		`"established":true,"round":"2","accepted_epoch":"5","current_epoch":"5","zxid":"0x500000000",` +
		`"vote":{"leader":3,"zxid":"0x400000000","peer_epoch":"5"},"since":"2026-01-02T15:04:05.123Z",` +
		`"leaderless_seconds_total":0.412,"config_version":"0x0","failure_tolerance":null,"established_since":"2026-01-02T15:04:05.123Z","peers":[` +
		`{"sid":2,"connected":true,"dialled_by_us":false,"since":"2026-01-02T15:04:05.123Z","state":"FOLLOWING","leader":3,"round":"2"},` +
		`{"sid":3,"connected":false,"dialled_by_us":false,"since":null,"state":null,"leader":null,"round":null}]}` + "\n"
	if d := cmp.Diff(want, body); code != http.StatusOK || d != "" {
		t.Errorf("%d %s", code, d)
	}
}

// TestTolerance: the established leader says how many voters it may still lose, and nobody else does.
func TestTolerance(t *testing.T) {
	s := follower(t)
	s.SID, s.State = 3, quorum.Leading
	for _, c := range []struct {
		learners []zab.LearnerStatus
		want     int
	}{
		{nil, -1},
		{[]zab.LearnerStatus{{SID: 1, Live: true}}, 0},
		{[]zab.LearnerStatus{{SID: 1, Live: true}, {SID: 2}}, 0},
		{[]zab.LearnerStatus{{SID: 1, Live: true}, {SID: 2, Live: true}}, 1},
		{[]zab.LearnerStatus{{SID: 1, Live: true}, {SID: 2, Live: true, Observer: true}}, 0},
	} {
		s.Zab.Learners = c.learners
		if got := NewStatus(s).FailureTolerance; got == nil || *got != c.want {
			t.Errorf("with %+v: %v, want %d", c.learners, got, c.want)
		}
	}
}

func TestStatusWhileLooking(t *testing.T) {
	s := follower(t)
	s.State, s.Established = quorum.Looking, zab.Established{}
	s.Election.Proposal = quorum.Vote{Leader: 2}
	var got Status
	_, body := get(t, Handler(Site{Node: still{status: s}}), "/api/v1/status")
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Leader != nil || got.Established || got.Vote.Leader != 2 || !strings.Contains(body, `"leader":null`) {
		t.Errorf("%s", body)
	}
}

func TestHealth(t *testing.T) {
	serving, looking, elected := follower(t), follower(t), follower(t)
	looking.State, looking.Established = quorum.Looking, zab.Established{}
	elected.Established = zab.Established{}
	for _, c := range []struct {
		name, path string
		src        still
		code       int
		says       string
	}{
		{"alive", "/healthz", still{err: errStuck}, 200, "ok"},
		{"serving", "/readyz", still{status: serving}, 200, "server 3 is established in epoch 5"},
		{"looking", "/readyz", still{status: looking}, 503, "looking for a leader in round 2"},
		{"elected only", "/readyz", still{status: elected}, 503, "not established yet"},
		{"stuck", "/readyz", still{err: errStuck}, 503, "stuck"},
		{"is follower", "/follower", still{status: serving}, 200, "ready"},
		{"is no leader", "/leader", still{status: serving}, 503, "this node is follower"},
		{"is no observer", "/observer", still{status: serving}, 503, "this node is follower"},
		{"follower of nobody", "/follower", still{status: elected}, 503, "not established yet"},
		{"status of a stuck node", "/api/v1/status", still{err: errStuck}, 503, "does not answer"},
		{"no such path", "/nowhere", still{}, 404, ""},
		{"no metrics", "/metrics", still{}, 404, ""},
	} {
		code, body := get(t, Handler(Site{Node: c.src}), c.path)
		if code != c.code || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s", c.name, code, body)
		}
	}
}

func TestListen(t *testing.T) {
	s, err := Listen(ListenOptions{Addrs: []string{"127.0.0.1:0", "127.0.0.1:0"}}, Handler(Site{Node: still{}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range s.Addrs() {
		resp, err := http.Get("http://" + addr + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if _, err := Listen(ListenOptions{Addrs: []string{"127.0.0.1:0", s.Addrs()[0]}}, nil); err == nil || !strings.Contains(err.Error(), s.Addrs()[0]) {
		t.Errorf("an address that is taken: %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestEnsembleHandler(t *testing.T) {
	h := EnsembleHandler([]quorum.SID{1, 2}, map[quorum.SID]Source{1: still{status: follower(t)}, 2: still{err: errStuck}})
	_, text := get(t, h, "/api/v1/status?format=text")
	for _, want := range []string{"server 1   FOLLOWING, leader 3 is established in epoch 5", "server 2   does not answer: stuck"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	var all []nodeAnswer
	if _, body := get(t, h, "/api/v1/status"); json.Unmarshal([]byte(body), &all) != nil || len(all) != 2 || all[1].Error == "" {
		t.Errorf("%s", body)
	}
}

// words starts a client port for src and returns how to ask it.
func words(t *testing.T, src Source, whitelist ...string) (ask func(string) string, events chan event.Stamped) {
	t.Helper()
	events = make(chan event.Stamped, 100)
	w, err := ListenWords(WordOptions{Addr: "127.0.0.1:0", Whitelist: whitelist, Source: src, DataDir: t.TempDir(),
		Config: func(*quorum.View) []string { return []string{"serverId=1"} }, Version: "test",
		Events: event.NewEmitter(1, time.Now, event.SinkFunc(func(s event.Stamped) { events <- s }))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(word string) string {
		c, err := net.Dial("tcp", w.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, word); err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(c) // a reset is an answer too: nothing
		return string(answer)
	}, events
}

func TestWords(t *testing.T) {
	ask, _ := words(t, still{status: follower(t)}, "*")
	for word, want := range map[string][]string{
		"ruok": {"imok"},
		"srvr": {"Zookeeper version: electnode test\n", "\nZxid: 0x500000000\nMode: follower\n"},
		"stat": {"Clients:\n /127.0.0.1:", "Mode: follower"},
		"mntr": {"zk_server_state\tfollower\n", "zk_peer_state\tfollowing - broadcast\n", "zk_leader\t3\n"},
		"isro": {"rw"}, "conf": {"serverId=1\n"}, "envi": {"Environment:\n", "os.name="},
		"dirs": {"datadir_size: 0\n"}, "cons": {"recved=1"}, "crst": {"Connection stats reset.\n"},
		"srst": {"Server stats reset.\n"}, "gtmk": {"0"},
	} {
		got := ask(word)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: %q lacks %q", word, got, w)
			}
		}
	}
}

func TestWordsOfALeader(t *testing.T) {
	s := follower(t)
	s.State = quorum.Leading
	s.Zab.Learners = []zab.LearnerStatus{{SID: 2, Live: true}, {SID: 3}, {SID: 4, Observer: true, Live: true}}
	ask, _ := words(t, still{status: s}, "mntr")
	got := ask("mntr")
	for _, want := range []string{"zk_server_state\tleader\n", "zk_learners\t3\n", "zk_followers\t2\n",
		"zk_synced_followers\t1\n", "zk_synced_observers\t1\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}

func TestWordsRefused(t *testing.T) {
	looking := follower(t)
	looking.State, looking.Established = quorum.Looking, zab.Established{}
	ask, events := words(t, still{status: looking}, "isro")
	for word, want := range map[string]string{
		"ruok": "ruok is not executed because it is not in the whitelist.\n",
		"srvr": notServing, // always allowed
		"isro": "null",
	} {
		if got := ask(word); got != want {
			t.Errorf("%s: %q", word, got)
		}
	}
	// The head of a session request, as a client sends it: closed at once, and said once.
	if got := ask("\x00\x00\x00\x2d\x00\x00\x00\x00"); got != "" {
		t.Errorf("a session request got %q", got)
	}
	ev := (<-events).Event.(event.HandshakeRejected)
	if ev.Reason != event.RejectProtocol || len(events) != 0 {
		t.Errorf("%+v and %d more", ev, len(events))
	}
}
