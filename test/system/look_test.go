package system

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"
	"electnode/test/zk"
)

// keys lists what a JSON object has, and what its first list and its vote have.
func keys(t testing.TB, body []byte) (all, peer, vote []string) {
	t.Helper()
	var s struct {
		Peers []map[string]any
		Vote  map[string]any
	}
	var top map[string]any
	if err := json.Unmarshal(body, &top); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &s); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(top)), slices.Sorted(maps.Keys(s.Peers[0])), slices.Sorted(maps.Keys(s.Vote))
}

func get(t testing.TB, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return body
}

// TestHTTPPaths asks a lonely server, which has no leader, and then an ensemble with an observer, at every path.
func TestHTTPPaths(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 4, defaults)
	for _, s := range e.servers {
		s.Configure(strings.Replace(readCfg(t, s), fmt.Sprintf(":%d\n", e.server(4).election),
			fmt.Sprintf(":%d:observer\n", e.server(4).election), 1))
	}
	want := func(s *server, codes map[string]int) {
		t.Helper()
		for _, path := range slices.Sorted(maps.Keys(codes)) {
			if got := code(s, path); got != codes[path] {
				t.Errorf("server %d: %s is %d, want %d", s.SID, path, got, codes[path])
			}
		}
	}
	lonely := e.server(1)
	lonely.StartAndWait()
	want(lonely, map[string]int{"/healthz": 200, "/readyz": 503, "/leader": 503, "/follower": 503, "/observer": 503,
		"/api/v1/status": 200, "/nothing": 404})
	var looking map[string]any
	if err := json.Unmarshal(get(t, "http://"+lonely.HTTP+"/api/v1/status"), &looking); err != nil {
		t.Fatal(err)
	}
	if leader, there := looking["leader"]; leader != nil || !there || looking["state"] != "LOOKING" || looking["established"] != false {
		t.Errorf("while LOOKING: %v", looking)
	}
	for _, s := range e.others(lonely) {
		s.Start()
	}
	leader, _ := e.established()
	for _, s := range e.servers {
		codes := map[string]int{"/healthz": 200, "/readyz": 200, "/leader": 503, "/follower": 503, "/observer": 503}
		switch {
		case s == leader:
			codes["/leader"] = 200
		case s.SID == 4:
			codes["/observer"] = 200
		default:
			codes["/follower"] = 200
		}
		want(s, codes)
		all, peer, vote := keys(t, get(t, "http://"+s.HTTP+"/api/v1/status"))
		for _, c := range []struct{ got, want []string }{
			{all, []string{"accepted_epoch", "config_version", "current_epoch", "ensemble", "established",
				"established_since", "failure_tolerance", "leader", "leaderless_seconds_total", "peers", "role", "round", "sid", "since", "state", "vote", "zxid"}},
			{peer, []string{"connected", "dialled_by_us", "leader", "round", "sid", "since", "state"}},
			{vote, []string{"leader", "peer_epoch", "zxid"}},
		} {
			if !slices.Equal(c.got, c.want) {
				t.Errorf("server %d: fields %v, want %v", s.SID, c.got, c.want)
			}
		}
	}
}

func readCfg(t testing.TB, s *server) string {
	t.Helper()
	var all strings.Builder
	for _, line := range s.config(t) {
		if !strings.HasPrefix(line, "dataDir=") {
			all.WriteString(line + "\n")
		}
	}
	return all.String()
}

// TestWords asks a running ensemble with four-letter words, with the default whitelist and with all.
func TestWords(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, defaults+"4lw.commands.whitelist=*\n")
	alone := newEnsemble(t, 1, "tickTime=2000\n")
	leader, _ := e.start()
	alone.start()
	ask := func(s *server, word string) string { return zk.Word(fmt.Sprintf("127.0.0.1:%d", s.client), word) }
	for word, want := range map[string]string{
		"ruok": "imok", "isro": "rw", "srvr": "Mode: leader\n", "stat": "Mode: leader\n", "conf": "electionAlg=3\n",
		"mntr": "zk_server_state\tleader\n", "envi": "zookeeper.version=", "dirs": "datadir_size: ", "cons": "(queued=0",
		"crst": "Connection stats reset.\n", "srst": "Server stats reset.\n", "gtmk": "0", "nope": "", "RUOK": "",
	} {
		if got := ask(leader, word); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
	for _, s := range e.others(leader) {
		if got := ask(s, "srvr"); !strings.Contains(got, "Mode: follower\n") {
			t.Errorf("server %d: srvr: %q", s.SID, got)
		}
		mntr := zk.Mntr(fmt.Sprintf("127.0.0.1:%d", s.client))
		if mntr["zk_leader"] != fmt.Sprint(leader.SID) || mntr["zk_quorum_size"] != "3" || mntr["zk_peer_state"] != "following - broadcast" {
			t.Errorf("server %d: mntr: %v", s.SID, mntr)
		}
	}
	if got := ask(leader, "mntr"); !strings.Contains(got, "zk_synced_followers\t2\n") {
		t.Errorf("mntr of the leader: %q", got)
	}
	if got := ask(alone.server(1), "ruok"); got != "ruok is not executed because it is not in the whitelist.\n" {
		t.Errorf("ruok with the default whitelist: %q", got)
	}
	if got := ask(alone.server(1), "srvr"); !strings.Contains(got, "Mode: ") {
		t.Errorf("srvr with the default whitelist: %q", got)
	}
}

// TestClientSession tries to open a session, which is refused at once by closing the connection.
func TestClientSession(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, defaults)
	leader, _ := e.start()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", leader.client))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begun := time.Now()
	if err := c.SetDeadline(begun.Add(patience)); err != nil {
		t.Fatal(err)
	}
	session := clientAttacks(0)[6]
	if _, err := c.Write(session.bytes); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("answered with %d bytes, %v", n, err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("closed after %s", took)
	}
}

// TestStatusCommand asks an ensemble in all its moods.
func TestStatusCommand(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 3, defaults)
	var urls []string
	for _, s := range e.servers {
		urls = append(urls, "http://"+s.HTTP)
	}
	status := func(want int, args ...string) outcome {
		t.Helper()
		o := run(t, append([]string{"status"}, args...)...)
		if o.code != want {
			t.Errorf("status %q: exit %d, want %d: %s%s", args, o.code, want, o.stdout, o.stderr)
		}
		return o
	}
	status(1, urls...)
	e.server(1).StartAndWait()
	status(3, urls[0])
	for _, s := range e.others(e.server(1)) {
		s.Start()
	}
	leader, epoch := e.established()
	o := status(0, urls...)
	if n := strings.Count(o.stdout, "\n"); n != 6 || !strings.Contains(o.stdout, "LEADING") ||
		!strings.HasPrefix(o.stdout, "SID") || !strings.Contains(o.stdout, "one more voter may be lost") {
		t.Errorf("table:\n%s", o.stdout)
	}
	status(0, e.server(1).HTTP) // without the scheme
	var all []struct {
		URL    string `json:"url"`
		Status struct {
			Leader       int    `json:"leader"`
			CurrentEpoch string `json:"current_epoch"`
		} `json:"status"`
	}
	if err := json.Unmarshal([]byte(status(0, append(urls, "--json")...).stdout), &all); err != nil {
		t.Fatal(err)
	}
	for i, a := range all {
		if a.URL != urls[i] || a.Status.Leader != leader.SID || a.Status.CurrentEpoch != epoch {
			t.Errorf("%+v", a)
		}
	}
	e.others(leader)[0].Kill()
	if o := status(3, urls...); !strings.Contains(o.stdout, "refused") || !strings.Contains(o.stdout, "ONE MORE LOSS") {
		t.Errorf("with one dead server:\n%s", o.stdout)
	}
	e.others(leader)[1].Kill()
	proc.Eventually(t, patience, "the leader gives up", func() error {
		if o := run(t, "status", "http://"+leader.HTTP); o.code != 3 {
			return fmt.Errorf("exit %d: %s", o.code, o.stdout)
		}
		return nil
	})
}
