package interop

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/watch"
	"electnode/test/proc"
)

// failOver kills the leader and waits until the watcher and the servers agree on the next; what the watcher told
// of the time in between is compared with the servers' own logs.
func (e *ensemble) failOver(s *sight, a agreement) agreement {
	e.t.Helper()
	before := s.w.Status()
	killed := time.Now()
	e.kill(a.leader)
	s.leaderless(killed)
	b := e.agree()
	s.agrees(e, b)
	st := s.w.Status()
	if st.LeaderChanges <= before.LeaderChanges || len(st.Conflicting) > 0 || st.LeaderlessTotal <= before.LeaderlessTotal {
		e.t.Errorf("after the fail-over from %+v to %+v: %+v, before: %+v", a, b, st, before)
	}
	var voters []int
	for _, m := range e.members {
		if m.running() {
			voters = append(voters, m.sid)
		}
	}
	s.tells(killed, b, voters...)
	return b
}

// TestWatchFive watches five real servers: a fail-over, a majority that is stopped and stays so, and the return.
func TestWatchFive(t *testing.T) {
	t.Parallel()
	e, a := form(t, plan{kinds: "jjjjj"})
	s := e.observe(t, a.leader)
	s.agrees(e, a)
	killed := time.Now()
	b := e.failOver(s, a)
	e.compare(s.w.Status(), killed, s.since(killed), b.leader)

	rest := slices.DeleteFunc(e.sids(), func(sid int) bool { return sid == a.leader || sid == b.leader })
	killed = time.Now()
	e.kill(b.leader, rest[0])
	s.leaderless(killed)
	stopped := func() error {
		st := s.w.Status()
		if st.HasLeader || !st.Leaderless || !st.Blind || len(st.Conflicting) > 0 {
			return fmt.Errorf("%+v", st)
		}
		return nil
	}
	proc.Eventually(t, patience, "a majority is stopped", stopped)
	total, from := s.w.Status().LeaderlessTotal, time.Now()
	proc.Throughout(t, 3*time.Second, "no leader", stopped)
	if grown, passed := s.w.Status().LeaderlessTotal-total, time.Since(from); (grown - passed).Abs() > slack {
		t.Errorf("the leaderless time grew by %s in %s", grown, passed)
	}
	e.start(a.leader)
	c := e.agree()
	s.agrees(e, c)
	s.stop()
	e.unharmed()
}

// TestWatchPaused stops servers and lets them go on: a follower is out of sight and comes back as it was; a leader
// is replaced, and comes back as a follower. A server that restarts joins again.
func TestWatchPaused(t *testing.T) {
	t.Parallel()
	e, a := form(t, plan{kinds: "jjj"})
	e.expected = []string{"java.net.SocketTimeoutException: Read timed out"} // of the paused leader
	s := e.observe(t, a.leader)
	s.agrees(e, a)
	follower := a.leader%3 + 1
	e.member(follower).process().Signal(syscall.SIGSTOP)
	proc.Eventually(t, patience, "the follower is out of sight", func() error {
		o, _ := s.w.Status().Server(quorum.SID(follower))
		if o.Up || o.LastFailure != watch.FailNoAnswer && o.LastFailure != watch.FailTimeout {
			return fmt.Errorf("%+v", o)
		}
		return nil
	})
	if st := s.w.Status(); st.Blind || st.LeaderChanges != 0 {
		t.Errorf("with a paused follower: %+v", st)
	}
	e.member(follower).process().Signal(syscall.SIGCONT)
	s.agrees(e, e.agree())

	b := e.agree()
	paused := time.Now()
	e.member(b.leader).process().Signal(syscall.SIGSTOP)
	s.leaderless(paused)
	others := slices.DeleteFunc(e.sids(), func(sid int) bool { return sid == b.leader })
	c := e.agree(others...)
	proc.Eventually(t, patience, "the next leader is seen", func() error {
		if st := s.w.Status(); !st.HasLeader || int(st.Leader) != c.leader {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
	e.member(b.leader).process().Signal(syscall.SIGCONT)
	d := e.agree()
	s.agrees(e, d)

	restarted := slices.DeleteFunc(e.sids(), func(sid int) bool { return sid == d.leader })[0]
	at := time.Now()
	e.kill(restarted)
	e.start(restarted)
	s.agrees(e, e.agree())
	s.tells(at, d, restarted)
	s.stop()
	e.unharmed()
}

// TestWatchObserver watches an ensemble with an observer: it is seen as one, and its end is no harm.
func TestWatchObserver(t *testing.T) {
	t.Parallel()
	e, a := form(t, plan{kinds: "jjjJ"})
	s := e.observe(t, 4)
	s.agrees(e, a)
	e.kill(4)
	proc.Eventually(t, patience, "the observer is out of sight", func() error {
		if o, ok := s.w.Status().Server(4); !ok || o.Up || o.Role != quorum.Observer {
			return fmt.Errorf("%+v", o)
		}
		return nil
	})
	if st := s.w.Status(); !st.HasLeader || st.Blind || st.LeaderlessTotal != 0 || len(st.View.Voters()) != 3 {
		t.Errorf("%+v", st)
	}
	e.start(4)
	b := e.failOver(s, a)
	s.agrees(e, b)
	s.stop()
	e.unharmed()
}

// TestWatchGroups watches a hierarchical ensemble: those without weight decide nothing, and two of the three
// others are a quorum.
func TestWatchGroups(t *testing.T) {
	t.Parallel()
	e, a := form(t, plan{kinds: "jjjjjj", cfg: "group.1=1:2\ngroup.2=3:4\ngroup.3=5:6\n" +
		"weight.1=1\nweight.2=0\nweight.3=1\nweight.4=0\nweight.5=1\nweight.6=0\n"})
	s := e.observe(t, 2)
	s.agrees(e, a)
	e.kill(2, 4, 6)
	s.agrees(e, a)
	if st := s.w.Status(); st.LeaderlessTotal != 0 || st.LeaderChanges != 0 || !st.View.Hierarchical() {
		t.Errorf("without those without weight: %+v", st)
	}
	b := e.failOver(s, a)
	killed := time.Now()
	e.kill(b.leader)
	s.leaderless(killed)
	proc.Eventually(t, patience, "one of three groups is none", func() error {
		if st := s.w.Status(); st.HasLeader || !st.Blind {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
	e.start(a.leader)
	s.agrees(e, e.agree())
	s.stop()
	e.unharmed()
}

// TestWatchAddresses watches servers with two addresses each, which they announce in the second form of the
// preamble.
func TestWatchAddresses(t *testing.T) {
	t.Parallel()
	e, a := form(t, plan{kinds: "jjj", hosts: []string{"127.0.0.1", "127.0.0.2"},
		cfg: "multiAddress.enabled=true\n", jvm: []string{"-Dzookeeper.multiAddress.enabled=true"}})
	s := e.observe(t, 1)
	s.agrees(e, a)
	for _, o := range s.w.Status().Servers {
		if len(o.Addresses) != 2 {
			t.Errorf("%+v", o)
		}
	}
	e.failOver(s, a)
	s.stop()
	e.unharmed()
}

// TestWatchElectnodes watches an ensemble without a real server: a fail-over, and a stopped majority.
func TestWatchElectnodes(t *testing.T) {
	t.Parallel()
	e, a := form(t, plan{kinds: "eee"})
	s := e.observe(t, 1)
	s.agrees(e, a)
	b := e.failOver(s, a)
	killed := time.Now()
	e.kill(b.leader)
	s.leaderless(killed)
	rest := slices.DeleteFunc(e.sids(), func(sid int) bool { return sid == a.leader || sid == b.leader })[0]
	s.survivor(rest, time.Second)
	e.start(a.leader, b.leader)
	s.agrees(e, e.agree())
}

// TestWatchWrongPorts points a watcher at what is no election port: the reason is told, and what to do.
func TestWatchWrongPorts(t *testing.T) {
	t.Parallel()
	e, a := form(t, plan{kinds: "jjj"})
	e.expected = []string{"java.io.IOException: Len error"} // the preamble at a client port
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	for name, c := range map[string]struct {
		addr    string
		reasons []watch.Reason
		hint    string
	}{
		"client port": {e.member(1).clientAddr(), []watch.Reason{watch.FailClosed}, "client port"},
		"web server":  {strings.TrimPrefix(web.URL, "http://"), []watch.Reason{watch.FailBadFrame}, "web server"},
		"closed port": {at("127.0.0.1", proc.Ports(t, 1)[0]), []watch.Reason{watch.FailRefused}, "refused"},
	} {
		s := look(t, c.addr, nil)
		proc.Eventually(t, patience, name+" is told", func() error {
			st := s.w.Status()
			if len(st.Seeds) != 1 || !slices.Contains(c.reasons, st.Seeds[0].Reason) || !strings.Contains(st.Seeds[0].Problem, c.hint) {
				return fmt.Errorf("%+v", st.Seeds)
			}
			return nil
		})
		s.stop()
	}
	e.keeps(a, time.Second)
}
