package watch

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/names"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
)

// TestWatch: three servers from one seed, over one connection each, asked at the interval.
func TestWatch(t *testing.T) {
	bubble(t, nil, func(s *scene) {
		s.led(3)
		time.Sleep(time.Minute)
		st := s.w.Status()
		if len(st.Servers) != 3 || st.LeaderChanges != 0 || st.LeaderlessTotal != 0 || st.Blind {
			t.Errorf("%+v", st)
		}
		for _, f := range s.servers {
			if hellos, asks := f.count("hello"), f.count("ask"); hellos != 1 || asks < 235 || asks > 255 {
				t.Errorf("server %d: %d connections, %d questions in 61 s", f.sid, hellos, asks)
			}
			plan, err := DryRun(s.w.opt)
			if err != nil {
				t.Fatal(err)
			}
			f.mu.Lock()
			for i := 3; i < len(f.askedWhen); i++ { // the first two come together
				if gap := f.askedWhen[i].Sub(f.askedWhen[i-1]).Seconds(); gap < 1/plan.QuestionsPerSecond {
					t.Errorf("server %d: %.3f s between two questions", f.sid, gap)
				}
			}
			f.mu.Unlock()
			if o := s.server(quorum.SID(f.sid)); !o.Up || o.Latency != 2*time.Millisecond || o.Answers < 230 {
				t.Errorf("%+v", o)
			}
		}
	})
}

// TestEvents: what a watcher does is told as a node's doings are; the connection of a seed becomes its
// server's, and what goes up comes down.
func TestEvents(t *testing.T) {
	var s *scene
	bubble(t, nil, func(o *scene) { s = o })
	up, counts := map[quorum.SID]int{}, map[string]int{}
	for _, e := range s.events {
		if foreign := e.Node >= 1 && e.Node <= 3; e.Time.IsZero() || !foreign && e.Node != testSID {
			t.Errorf("%+v", e)
		} else if foreign {
			counts["of servers"]++
			continue
		}
		counts[e.Event.Name()]++
		switch e := e.Event.(type) {
		case event.ConnectionUp:
			up[e.Peer]++
		case event.ConnectionDown:
			up[e.Peer]--
			if e.Peer != quorum.NoSID && e.Reason != event.DropStopped {
				t.Errorf("%+v", e)
			}
		case *event.NotificationSent:
			if e.Cause != event.SendProbe {
				t.Errorf("%+v", e)
			}
		case *event.NotificationReceived:
			if e.Outcome != event.ReceivedCounted || e.Peer == quorum.NoSID {
				t.Errorf("%+v", e)
			}
		}
	}
	for sid, n := range up {
		if n != 0 {
			t.Errorf("server %d: %d connections are not down", sid, n)
		}
	}
	if len(up) != 4 || counts["LeaderEstablished"] != 1 || counts["ConfigSeen"] != 1 || counts["PeerResolved"] != 3 ||
		counts["ConnectionAttempt"] != 3 || counts["StateChanged"] != 0 || counts["LeaderLost"] != 0 ||
		counts["of servers"] != 9 {
		t.Errorf("%v\n%s", counts, s.transcript())
	}
}

// TestLeaderDies: no leader within a second, then the new one, and the leaderless time is that.
func TestLeaderDies(t *testing.T) {
	bubble(t, nil, func(s *scene) {
		s.servers[2].crash()
		s.servers[0].is(quorum.Looking, 3)
		s.servers[1].is(quorum.Looking, 3)
		began := time.Now()
		time.Sleep(2 * time.Millisecond)
		s.led(0) // the end of its connection says so, before the next question
		time.Sleep(500 * time.Millisecond)
		if st := s.w.Status(); !st.Leaderless || len(st.Conflicting) != 0 {
			t.Errorf("%+v", st)
		}
		time.Sleep(498 * time.Millisecond)
		s.servers[0].is(quorum.Following, 2)
		s.servers[1].is(quorum.Leading, 2)
		truth := time.Since(began)
		time.Sleep(time.Second)
		s.led(2)
		st := s.w.Status()
		if off := st.LeaderlessTotal - truth; st.LeaderChanges != 1 || off.Abs() > 300*time.Millisecond {
			t.Errorf("off by %s: %+v", off, st)
		}
		if o := s.server(3); o.Up || o.LastFailure != FailRefused {
			t.Errorf("%+v", o)
		}
		s.servers[2].listen()
		s.servers[2].is(quorum.Following, 2)
		time.Sleep(3 * time.Second)
		if o := s.server(3); !o.Up || o.Vote.Leader != 2 {
			t.Errorf("back: %+v", o)
		}
	})
}

// TestSurvivors: two survivors that look are not two leaders, and one is no leader, for as long as it lasts.
func TestSurvivors(t *testing.T) {
	bubble(t, nil, func(s *scene) {
		s.servers[2].crash()
		s.servers[0].is(quorum.Looking, 3)
		s.servers[1].is(quorum.Looking, 3)
		time.Sleep(time.Second)
		if st := s.w.Status(); st.HasLeader || st.Conflicting != nil || st.Blind {
			t.Errorf("%+v", st)
		}
		s.servers[1].crash()
		for range 60 {
			time.Sleep(time.Second)
			if st := s.w.Status(); st.HasLeader || st.Conflicting != nil || !st.Blind || !st.Leaderless || !s.server(1).Up {
				t.Fatalf("%+v", st)
			}
		}
		if st := s.w.Status(); st.LeaderlessTotal < 60*time.Second || st.LeaderlessTotal > 62*time.Second {
			t.Errorf("%+v", st)
		}
	})
}

// TestStaleFirstAnswer: what a server repeats on a new connection is not believed.
func TestStaleFirstAnswer(t *testing.T) {
	bubble(t, nil, func(s *scene) {
		s.servers[0].is(quorum.Looking, 1)
		time.Sleep(time.Second)
		s.servers[0].is(quorum.Following, 3)
		s.mu.Lock()
		mark := len(s.events)
		s.mu.Unlock()
		s.net.Break("10.0.0.99", "10.0.0.1")
		time.Sleep(5 * time.Second)
		s.mu.Lock()
		defer s.mu.Unlock()
		heard := 0
		for _, e := range s.events[mark:] {
			n, ok := e.Event.(*event.NotificationReceived)
			if ok && n.Peer == 1 {
				heard++
				if n.State == quorum.Looking {
					t.Errorf("the answer of an earlier connection was believed at %s", e.Time)
				}
			}
		}
		if heard == 0 || s.servers[0].count("hello") != 2 {
			t.Errorf("%d answers, %d connections", heard, s.servers[0].count("hello"))
		}
	})
}

// TestOddServers: what is wrong with a server is told by a reason, does not trouble the others, costs the
// server few connections, and ends when it ends.
func TestOddServers(t *testing.T) {
	for name, c := range map[string]struct {
		odd    string
		reason Reason
		hellos int // at most, in a minute
	}{
		"hangs":            {"hang", FailNoAnswer, 8},
		"closes at once":   {"close", FailClosed, 10},
		"answers garbage":  {"garbage", FailMalformed, 1},
		"is no server":     {"http", FailBadFrame, 10},
		"talks unasked":    {"chatter", FailFlood, 10},
		"another ensemble": {"", FailOtherEnsemble, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(s *scene) {
				odd := s.servers[1]
				odd.behave(c.odd)
				if c.odd == "" {
					odd.mu.Lock()
					odd.config = "server.1=o1:1:2\nserver.2=zk2:2888:3888\nserver.3=o3:1:2\nversion=900000000"
					odd.mu.Unlock()
				}
				before := odd.count("hello")
				s.net.Break("10.0.0.99", odd.ip)
				time.Sleep(time.Minute)
				s.led(3)
				o := s.server(2)
				if o.Up || o.LastFailure != c.reason || o.FailureDetail == "" || o.Failures[c.reason] == 0 {
					t.Errorf("%+v", o)
				}
				if n := odd.count("hello") - before; n > c.hellos {
					t.Errorf("%d connections in a minute", n)
				}
				if s.failures(c.reason) == 0 {
					t.Error("no probe told of it")
				}
				for _, sid := range []quorum.SID{1, 3} {
					if o := s.server(sid); !o.Up || o.Answers < 230 || len(o.Failures) != 0 {
						t.Errorf("%+v", o)
					}
				}
				odd.behave("")
				odd.mu.Lock()
				odd.config = text(3)
				odd.mu.Unlock()
				time.Sleep(redialLast + silenceLimit)
				if o := s.server(2); !o.Up {
					t.Errorf("%+v", o)
				}
			})
		})
	}
}

// TestPaused: a server that stops and goes on keeps its connection, and is believed again at once.
func TestPaused(t *testing.T) {
	bubble(t, nil, func(s *scene) {
		s.servers[2].behave("hang")
		time.Sleep(2 * time.Second)
		s.led(0)
		if o := s.server(3); o.LastFailure != FailNoAnswer {
			t.Errorf("%+v", o)
		}
		s.servers[2].behave("")
		time.Sleep(3 * time.Second)
		s.led(3)
		if n := s.servers[2].count("hello"); n != 1 {
			t.Errorf("%d connections", n)
		}
		if st := s.w.Status(); st.LeaderChanges != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestVanished: a server whose packets go nowhere is out of sight, and asked again when they arrive.
func TestVanished(t *testing.T) {
	bubble(t, nil, func(s *scene) {
		s.net.CutBoth("10.0.0.99", "10.0.0.2")
		time.Sleep(time.Minute)
		s.led(3)
		if o := s.server(2); o.Up || o.LastFailure != FailTimeout || o.Failures[FailNoAnswer] == 0 {
			t.Errorf("%+v", o)
		}
		s.net.MendBoth("10.0.0.99", "10.0.0.2")
		time.Sleep(redialLast)
		if o := s.server(2); !o.Up {
			t.Errorf("%+v", o)
		}
	})
}

// naming notes for which name each address is dialled.
type naming struct {
	qcm.Network
	mu    sync.Mutex
	names map[string]string
}

func (n *naming) Dial(ctx context.Context, addr string) (net.Conn, error) {
	n.mu.Lock()
	n.names[addr] = names.Host(ctx)
	n.mu.Unlock()
	return n.Network.Dial(ctx, addr)
}

// TestDialledNames: TLS hears which name it is that is dialled.
func TestDialledNames(t *testing.T) {
	heard := &naming{names: map[string]string{}}
	bubble(t, func(o *Options) {
		heard.Network = o.Network
		o.Network = heard
	}, func(s *scene) {
		time.Sleep(5 * time.Second)
		heard.mu.Lock()
		defer heard.mu.Unlock()
		found := 0
		for addr, name := range heard.names {
			if strings.HasPrefix(name, "zk") && !strings.HasPrefix(addr, "zk") {
				found++
			}
		}
		if found != 3 {
			t.Errorf("dialled %v", heard.names)
		}
	})
}

// TestMovedName: names are resolved at each dial.
func TestMovedName(t *testing.T) {
	bubble(t, nil, func(s *scene) {
		s.servers[1].crash()
		s.servers[1].ip = "10.0.0.22"
		s.net.Name("zk2", 0)
		time.Sleep(5 * time.Second)
		if o := s.server(2); o.LastFailure != FailUnresolved {
			t.Errorf("%+v", o)
		}
		s.net.Name("zk2", 0, "10.0.0.22")
		s.servers[1].listen()
		time.Sleep(5 * time.Second)
		if o := s.server(2); !o.Up {
			t.Errorf("%+v", o)
		}
	})
}

// TestSecondSeed: with the first seed dead and one server given twice under other names, all are found, and
// no server is asked over two connections that close each other.
func TestSecondSeed(t *testing.T) {
	bubble(t, func(o *Options) {
		o.Targets = []Target{{quorum.NoSID, "10.0.0.77:3888"}, {quorum.NoSID, "10.0.0.2:3888"}, {quorum.NoSID, "zk2:3888"}}
	}, func(s *scene) {
		time.Sleep(10 * time.Second)
		s.led(3)
		before := s.servers[1].count("hello")
		time.Sleep(time.Minute)
		if after := s.servers[1].count("hello"); after != before || before > 6 {
			t.Errorf("%d connections, then %d", before, after)
		}
		for _, seed := range s.w.Status().Seeds {
			if seed.Asked {
				t.Errorf("%+v", seed)
			}
		}
	})
}

// TestNobodyThere: with every target dead the status says what is wrong with each.
func TestNobodyThere(t *testing.T) {
	bubble(t, func(o *Options) {
		o.Targets = []Target{{quorum.NoSID, "10.0.0.77:3888"}, {quorum.NoSID, "nowhere:3888"}, {5, "10.0.0.78:3888"}}
	}, func(s *scene) {
		st := s.w.Status()
		var reasons []Reason
		for _, seed := range st.Seeds {
			reasons = append(reasons, seed.Reason)
		}
		if !slices.Equal(reasons, []Reason{FailRefused, FailUnresolved}) || !st.Blind || st.HasLeader || s.server(5).LastFailure != FailRefused {
			t.Errorf("%+v", st)
		}
	})
}

// TestBackAfterRefusals: dials that were refused while a server was away do not make the first connections
// with it, one of which it closes, rare.
func TestBackAfterRefusals(t *testing.T) {
	bubble(t, nil, func(s *scene) {
		two := s.servers[1]
		two.crash()
		time.Sleep(time.Minute)
		if n := s.server(2).Failures[FailRefused]; n < 25 {
			t.Errorf("%d dials in a minute", n)
		}
		two.behave("close")
		before := two.count("hello")
		two.listen()
		for two.count("hello") == before {
			time.Sleep(10 * time.Millisecond)
		}
		two.behave("")
		time.Sleep(5 * time.Second)
		if o := s.server(2); !o.Up {
			t.Errorf("%+v", o)
		}
	})
}

// TestSecondAddress: of several addresses of a server the first that answers is taken.
func TestSecondAddress(t *testing.T) {
	bubble(t, nil, func(s *scene) {
		config := strings.ReplaceAll(text(3), "server.2=", "server.2=10.0.0.66:2888:3888|")
		for _, f := range s.servers {
			f.mu.Lock()
			f.config = config
			f.mu.Unlock()
		}
		time.Sleep(time.Second)
		s.net.Break("10.0.0.99", "10.0.0.2")
		time.Sleep(5 * time.Second)
		want := []string{"10.0.0.66:3888", "zk2:3888"}
		if o := s.server(2); !o.Up || !slices.Equal(o.Addresses, want) {
			t.Errorf("%+v", o)
		}
	})
}
