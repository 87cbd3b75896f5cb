package watch

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"electnode/internal/qcm/memnet"
	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	serverAnswer = "Zookeeper version: 3.8.0-5a02a05, built on 2022-02-25 08:49 UTC\nLatency min/avg/max: 0/0.0/0\n" +
		"Received: 1\nZxid: 0x30000000f\nMode: leader\nNode count: 5\n"
	monitorAnswer = "zk_version\t3.8.0\nzk_learners\t3\nzk_synced_followers\t2\nzk_avg_election_time\t213.5\nzk_x\tNaN\n"
)

// clientPorts answers words at the client ports of all servers, until stop.
type clientPorts struct {
	mu     sync.Mutex
	said   []string
	answer map[string]string
	hang   bool
	open   int // at once
	most   int
}

func (p *clientPorts) serve(c net.Conn) {
	p.mu.Lock()
	p.open++
	p.most = max(p.most, p.open)
	p.mu.Unlock()
	said := make([]byte, 4)
	_, err := io.ReadFull(c, said)
	p.mu.Lock()
	p.said = append(p.said, string(said))
	answer, hang := p.answer[string(said)], p.hang
	p.mu.Unlock()
	switch {
	case err != nil:
	case hang:
		_, _ = io.Copy(io.Discard, c)
	default:
		_, _ = io.WriteString(c, answer)
	}
	p.mu.Lock()
	p.open--
	p.mu.Unlock()
}

// enriched is a bubble in which servers have client ports, whose addresses the configuration tells, but for that of
// server 2. f looks at it after a minute.
func enriched(t *testing.T, p *clientPorts, f func(*scene)) {
	t.Helper()
	bubble(t, func(o *Options) { o.Enrich = true }, func(s *scene) {
		config := strings.ReplaceAll(text(3), ":participant", ":participant;0.0.0.0:2181")
		config = strings.Replace(config, "server.2=zk2:2888:3888:participant;0.0.0.0:2181", "server.2=zk2:2888:3888:participant", 1)
		for i, f := range s.servers {
			f.mu.Lock()
			f.config = config
			f.mu.Unlock()
			defer port(t, s.net.Host(f.ip), fmt.Sprintf("10.0.0.%d:2181", i+1), p.serve)()
		}
		time.Sleep(time.Minute)
		f(s)
	})
}

// TestEnrich: both words are said to one server after the other, every five seconds, where the configuration
// says that there is a client port, and what they tell stands beside the rest.
func TestEnrich(t *testing.T) {
	p := &clientPorts{answer: map[string]string{"srvr": serverAnswer, "mntr": monitorAnswer}}
	enriched(t, p, func(s *scene) {
		want := &ClientInfo{Address: "zk3:2181", Version: "3.8.0-5a02a05, built on 2022-02-25 08:49 UTC", Mode: "leader",
			Zxid: 0x30000000f, ZxidKnown: true, Followers: 3, SyncedFollowers: 2, ElectionTime: 213500 * time.Microsecond}
		three := s.server(3)
		if diff := cmp.Diff(want, three.Client, cmpopts.IgnoreFields(ClientInfo{}, "At")); diff != "" {
			t.Error(diff)
		}
		if age := time.Since(three.Client.At); age > wordsEvery+time.Second || three.ClientAddress != "zk3:2181" {
			t.Errorf("%s old: %+v", age, three)
		}
		if two := s.server(2); two.Client != nil || two.ClientAddress != "" || !two.Up {
			t.Errorf("%+v", two)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if n := len(p.said); n < 40 || n > 52 || p.most != 1 {
			t.Errorf("%d words, %d at once", n, p.most)
		}
		for _, w := range p.said {
			if w != "srvr" && w != "mntr" {
				t.Errorf("said %q", w)
			}
		}
	})
}

// TestEnrichProblems: what a client port does instead of answering is told, and never disturbs the election port.
func TestEnrichProblems(t *testing.T) {
	for name, c := range map[string]struct {
		ports   *clientPorts
		problem string
	}{
		"refused word":   {&clientPorts{answer: map[string]string{"srvr": "srvr is not executed because it is not in the whitelist."}}, "4lw.commands.whitelist"},
		"second only":    {&clientPorts{answer: map[string]string{"srvr": serverAnswer, "mntr": "mntr is not executed because it is not in the whitelist."}}, "mntr"},
		"not serving":    {&clientPorts{answer: map[string]string{"srvr": "This ZooKeeper instance is not currently serving requests\n"}}, "not serving"},
		"closes":         {&clientPorts{}, "client port"},
		"says nothing":   {&clientPorts{hang: true}, "no answer within 1s"},
		"without end":    {&clientPorts{answer: map[string]string{"srvr": strings.Repeat("x", 3*maxWordAnswer), "mntr": "zk_learners\t-1\n"}}, ""},
		"odd numbers":    {&clientPorts{answer: map[string]string{"srvr": "Zxid: 0xx\nMode: leader\n", "mntr": "zk_learners\t-1\nzk_synced_followers\t1e99\n"}}, ""},
		"bytes, no text": {&clientPorts{answer: map[string]string{"srvr": "Mode: \xff\xfe" + strings.Repeat("m", 999), "mntr": "\x00"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			enriched(t, c.ports, func(s *scene) {
				o := s.server(1)
				if o.Client == nil || (c.problem == "") != (o.Client.Problem == "") || !strings.Contains(o.Client.Problem, c.problem) ||
					o.Client.Followers != -1 || len(o.Client.Mode) > 200 {
					t.Errorf("%+v", o.Client)
				}
				if !o.Up || o.Answers < 230 || len(o.Failures) > 0 {
					t.Errorf("%+v", o)
				}
			})
		})
	}
}

// TestEnrichOnlyInSight: the client port of a server whose election port does not answer is left alone.
func TestEnrichOnlyInSight(t *testing.T) {
	p := &clientPorts{answer: map[string]string{"srvr": serverAnswer, "mntr": monitorAnswer}}
	enriched(t, p, func(s *scene) {
		s.servers[0].behave("hang")
		time.Sleep(2*wordsEvery + 2*time.Second)
		since := s.server(1).Client.At
		time.Sleep(time.Minute)
		synctest.Wait()
		if o := s.server(1); o.Up || !o.Client.At.Equal(since) {
			t.Errorf("asked again after %s: %+v", o.Client.At.Sub(since), o)
		}
	})
}

// TestWordAnswers: no more is read than the limit, and only a leader's count of its followers is believed.
func TestWordAnswers(t *testing.T) {
	n := memnet.New()
	stop := port(t, n.Host("10.0.0.1"), "10.0.0.1:2181", func(c net.Conn) { says(c, strings.Repeat("x", 2*maxWordAnswer)) })
	defer stop()
	a := &asker{network: n.Host("10.0.0.9")}
	if answer, err := a.say(t.Context(), "10.0.0.1:2181", wordServer); err != nil || len(answer) != maxWordAnswer {
		t.Errorf("%d bytes, %v", len(answer), err)
	}
	info := &ClientInfo{Mode: "follower"}
	if info.readMonitor(monitorAnswer); info.Followers != -1 || info.SyncedFollowers != -1 {
		t.Errorf("%+v", info)
	}
}

// TestClientAddress: where a client port is, as a configuration tells it.
func TestClientAddress(t *testing.T) {
	for client, want := range map[string]string{"10.0.0.1:2181": "10.0.0.1:2181", "0.0.0.0:2181": "zk1:2181", "[::]:2181": "zk1:2181",
		"": "", "x": "", "a:0": "", "a:99999": "", "zk9:1": "zk9:1"} {
		if got := clientAddress(quorum.Member{Client: client}, []string{"zk1:3888"}); got != want {
			t.Errorf("%q: %q, want %q", client, got, want)
		}
	}
	if got := clientAddress(quorum.Member{Client: "0.0.0.0:2181"}, nil); got != "" {
		t.Errorf("%q", got)
	}
}
