package web

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"electnode/internal/config"
	"electnode/internal/node"
	"electnode/internal/quorum"
)

// confView is a configuration in which server 1 has a role and ports; without it when they are 0.
func confView(t *testing.T, version quorum.Version, role quorum.Role, port int) *quorum.View {
	t.Helper()
	spec := quorum.Spec{Version: version, Members: []quorum.Member{
		{SID: 2, Addresses: []quorum.Address{{Host: "b", QuorumPort: 2888, ElectionPort: 3888}}}}}
	if port > 0 {
		spec.Members = append(spec.Members, quorum.Member{SID: 1, Role: role,
			Addresses: []quorum.Address{{Host: "a", QuorumPort: port, ElectionPort: port + 1}}})
	}
	v, err := quorum.NewView(spec)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// moving is a node whose status changes.
type moving struct{ now atomic.Pointer[node.Status] }

func (m *moving) Status(context.Context) (node.Status, error) { return *m.now.Load(), nil }

// TestConfFollows: conf tells of the configuration that is in force when it is asked.
func TestConfFollows(t *testing.T) {
	first := confView(t, 0, quorum.Participant, 2888)
	cfg := &config.Config{MyID: 1, Role: quorum.Participant, View: first, Tick: 2 * time.Second, ClientAddress: "a:2181"}
	src := &moving{}
	w, err := ListenWords(WordOptions{Addr: "127.0.0.1:0", Whitelist: []string{"*"}, Source: src,
		Config: func(v *quorum.View) []string { return ConfLines(cfg, v) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	const two = "server.2=b:2888:3888:participant\n"
	for _, c := range []struct {
		name      string
		view      *quorum.View
		want, not []string
	}{
		{"of the start", first, []string{"clientPort=2181\n", "serverId=1\n", "electionPort=2889\nquorumPort=2888\npeerType=0\n",
			"membership: \nserver.1=a:2888:2889:participant\n", "version=0"}, nil},
		{"a newer one", confView(t, 5, quorum.Observer, 4000), []string{"electionPort=4001\nquorumPort=4000\npeerType=1\n",
			"membership: \nserver.1=a:4000:4001:observer\n", two, "version=5"}, []string{"2889"}},
		{"one without it", confView(t, 6, 0, 0), []string{"peerType=0\n", "membership: \n" + two, "version=6"},
			[]string{"server.1", "electionPort"}},
	} {
		src.now.Store(&node.Status{CoreStatus: node.CoreStatus{SID: 1, View: c.view}})
		got := w.run(t.Context(), "conf")
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, got)
			}
		}
		for _, not := range c.not {
			if strings.Contains(got, not) {
				t.Errorf("%s: %q in\n%s", c.name, not, got)
			}
		}
	}
}

// TestConfOfStuck: who does not tell its configuration does not serve.
func TestConfOfStuck(t *testing.T) {
	ask, _ := words(t, still{err: errStuck}, "*")
	if got := ask("conf"); got != notServing {
		t.Errorf("%q", got)
	}
}
