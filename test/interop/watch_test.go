package interop

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/watch"
	"electnode/test/proc"
	"electnode/test/zk"
)

// watcherSID is above all members' and not the stranger's.
const watcherSID quorum.SID = 1 << 62

// answerTime is how long a server may take to answer on a machine that has other things to do too.
const answerTime = 3 * time.Second

// sight is a watcher and what it said, verdict by verdict.
type sight struct {
	t *testing.T
	w *watch.Watcher
	// stop ends the watcher and waits for it.
	stop func()

	mu      sync.Mutex
	history []verdict
	heard   []event.Stamped // of the servers
}

// verdict is one leader or none, and when that was said.
type verdict struct {
	at     time.Time
	leader int // 0: none
}

// observe watches the ensemble from one seed until the test ends.
func (e *ensemble) observe(t *testing.T, seed int) *sight {
	t.Helper()
	return look(t, e.member(seed).electionAddr(), nil)
}

// look watches the ensemble that has a server at addr, with options that change may change.
func look(t *testing.T, addr string, change func(*watch.Options)) *sight {
	t.Helper()
	s := &sight{t: t}
	target, err := watch.ParseTarget(addr)
	if err != nil {
		t.Fatal(err)
	}
	opt := watch.Options{Targets: []watch.Target{target}, SID: watcherSID, OnChange: s.note, Sink: event.SinkFunc(s.hear),
		AnswerTimeout: answerTime}
	if change != nil {
		change(&opt)
	}
	if s.w, err = watch.New(opt); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	// The sight's own: ends with ctx, which the end of the test cancels.
	go func() {
		defer close(ended)
		s.w.Run(ctx)
	}()
	s.stop = func() { cancel(); <-ended }
	t.Cleanup(s.stop)
	return s
}

// hear keeps what is told of the servers.
func (s *sight) hear(e event.Stamped) {
	if e.Node == watcherSID {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, e)
}

// story lists the events of one server since then.
func (s *sight) story(sid int, since time.Time) []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []event.Event
	for _, e := range s.heard {
		if int(e.Node) == sid && e.Time.After(since) {
			all = append(all, e.Event)
		}
	}
	return all
}

// tells waits until of every server given an election was told since then, with all that it is made of.
func (s *sight) tells(since time.Time, a agreement, sids ...int) {
	s.t.Helper()
	proc.Eventually(s.t, patience, "an election is told of each server", func() error {
		for _, sid := range sids {
			if err := s.complete(sid, since, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// complete looks for the three ends of an election, in their order.
func (s *sight) complete(sid int, since time.Time, a agreement) error {
	want := []string{"ElectionStarted", "ElectionDecided", "LeaderEstablished"}
	all := s.story(sid, since)
	for _, e := range all {
		if len(want) == 0 || e.Name() != want[0] {
			continue
		}
		decided, isDecision := e.(event.ElectionDecided)
		led, isLed := e.(event.LeaderEstablished)
		if isDecision && int(decided.Vote.Leader) != a.leader || isLed && (int(led.Leader) != a.leader || int64(led.Epoch) != a.epoch) {
			continue // an election that led to nothing
		}
		want = want[1:]
	}
	if len(want) > 0 {
		return fmt.Errorf("of server %d: no %s with %+v in %+v", sid, want[0], a, all)
	}
	return nil
}

func (s *sight) note(st watch.Status) {
	v := verdict{at: time.Now()}
	if st.HasLeader {
		v.leader = int(st.Leader)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.history) == 0 || s.history[len(s.history)-1].leader != v.leader {
		s.history = append(s.history, v)
	}
}

// since lists the leaders that were told from then on, 0 for none.
func (s *sight) since(then time.Time) []verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.history), func(v verdict) bool { return v.at.Before(then) })
}

// sees waits until the watcher's leader is this one, 0 for none.
func (s *sight) sees(leader int, within time.Duration) {
	s.t.Helper()
	proc.Every(s.t, 10*time.Millisecond, within, fmt.Sprintf("leader %d is seen", leader), func() error {
		if st := s.w.Status(); st.HasLeader != (leader != 0) || leader != 0 && int(st.Leader) != leader {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
}

// leaderless waits until the watcher has said that there is no leader, be it for a moment, since then.
func (s *sight) leaderless(since time.Time) {
	s.t.Helper()
	proc.Eventually(s.t, 20*time.Second, "no leader is seen", func() error {
		told := s.since(since)
		if !slices.ContainsFunc(told, func(v verdict) bool { return v.leader == 0 }) {
			return fmt.Errorf("told since: %+v; now: %+v", told, s.w.Status())
		}
		return nil
	})
}

// agrees waits until the watcher says of every server that runs what the servers say themselves.
func (s *sight) agrees(e *ensemble, a agreement) {
	s.t.Helper()
	proc.Eventually(s.t, patience, "the watcher says what the servers say", func() error {
		st := s.w.Status()
		if st.Blind || !st.HasLeader || int(st.Leader) != a.leader || int64(st.Epoch) != a.epoch {
			return fmt.Errorf("%+v", st)
		}
		for _, m := range e.members {
			o, _ := st.Server(quorum.SID(m.sid))
			if o.Up != m.running() || o.Up && (o.State.String() != m.stateUnder(a.leader) || o.Electnode != (m.node != nil) || o.Stale || o.Role == quorum.Observer != m.observer) {
				return fmt.Errorf("%s: %+v", m, o)
			}
		}
		return nil
	})
}

// survivor checks that the watcher soon sees no leader, nor two, and keeps to that for a while in which only
// sid runs.
func (s *sight) survivor(sid int, during time.Duration) {
	s.t.Helper()
	alone := func() error {
		st := s.w.Status()
		one, ok := st.Server(quorum.SID(sid))
		if st.HasLeader || len(st.Conflicting) > 0 || !st.Leaderless || !st.Blind || !ok || !one.Up || one.State != quorum.Looking {
			return fmt.Errorf("%+v", st)
		}
		return nil
	}
	proc.Eventually(s.t, patience, "one survivor looks", alone)
	proc.Throughout(s.t, during, "no leader", alone)
}

// TestWatch watches three real servers from one seed: all are found, the leader is right, its death and its
// successor are seen, and a lost quorum is no leader, for as long as it lasts. The servers take no harm.
func TestWatch(t *testing.T) {
	t.Parallel()
	e, a := form(t, plan{kinds: "jjj"})
	s := e.observe(t, a.leader%3+1)
	s.agrees(e, a)
	if st := s.w.Status(); len(st.Servers) != 3 || len(st.Seeds) > 0 || st.LeaderlessTotal != 0 {
		t.Errorf("discovered: %+v", st)
	}

	killed := time.Now()
	e.kill(a.leader)
	s.leaderless(killed)
	b := e.agree()
	s.agrees(e, b)
	if st := s.w.Status(); st.LeaderChanges != 1 || len(st.Conflicting) > 0 {
		t.Errorf("after the fail-over: %+v", st)
	}
	told := s.since(killed)
	if len(told) != 2 || told[0].leader != 0 || told[1].leader != b.leader {
		t.Errorf("of the fail-over was told: %+v", told)
	} else {
		e.compare(s.w.Status(), killed, told, b.leader)
	}

	s.tells(killed, b, slices.DeleteFunc(e.sids(), func(sid int) bool { return sid == a.leader })...)

	rest := slices.DeleteFunc(e.sids(), func(sid int) bool { return sid == a.leader || sid == b.leader })[0]
	killed = time.Now()
	e.kill(b.leader)
	s.leaderless(killed)
	s.survivor(rest, 5*time.Second)

	e.start(a.leader, b.leader)
	c := e.agree()
	s.agrees(e, c)
	s.stop()
	if again := e.agree(); again != c {
		t.Errorf("%+v became %+v when the watcher left", c, again)
	}
	e.unharmed()
}

// TestWatchMixed watches an ensemble of both kinds with an observer, from the seed that is an electnode: the
// same is seen of both kinds, the leader's death included.
func TestWatchMixed(t *testing.T) {
	t.Parallel()
	// The electnode has the lowest sid, so that a real server leads: an electnode turns an observer away that has
	// come to hold more than nothing.
	e, a := form(t, plan{kinds: "ejjJ"})
	s := e.observe(t, 1)
	s.agrees(e, a)
	killed := time.Now()
	e.kill(a.leader)
	s.leaderless(killed)
	b := e.agree()
	s.agrees(e, b)
	if st := s.w.Status(); st.LeaderChanges != 1 || len(st.View.Voters()) != 3 || len(st.Servers) != 4 {
		t.Errorf("%+v", st)
	}
	s.stop()
	if again := e.agree(); again != b {
		t.Errorf("%+v became %+v when the watcher left", b, again)
	}
	e.unharmed()
}

// stamp is the beginning of a line of a real server's log.
var stamp = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} `)

// settledAt lists when the servers' own logs say that they came to a decision after then, by sid.
func (e *ensemble) settledAt(then time.Time) map[int]time.Time {
	at := map[int]time.Time{}
	for _, m := range e.members {
		for line := range strings.Lines(m.java.Log()) {
			if !stamp.MatchString(line) || !strings.Contains(line, "ING - LEADER ELECTION TOOK") {
				continue
			}
			when, err := time.ParseInLocation("2006-01-02 15:04:05,000", line[:23], time.Local)
			if err == nil && when.After(then) {
				at[m.sid] = when
				break
			}
		}
	}
	return at
}

// slack is what the comparison of two clocks of one busy machine may be off, beside the watcher's interval.
const slack = time.Second

// compare holds the leaderless time against the kill and what the servers' own logs tell: when the leader, and
// enough others for a quorum, had decided.
func (e *ensemble) compare(st watch.Status, killed time.Time, told []verdict, leader int) {
	e.t.Helper()
	settled := e.settledAt(killed)
	truth, known := settled[leader]
	if !known {
		e.t.Errorf("the log of %s does not say when it began to lead", e.member(leader))
		return
	}
	delete(settled, leader)
	others := slices.SortedFunc(maps.Values(settled), time.Time.Compare)
	for i := range len(st.View.Voters()) / 2 { // with the leader they are a majority
		if i < len(others) && others[i].After(truth) {
			truth = others[i]
		}
	}
	e.t.Logf("killed, then: no leader seen after %s; elected after %s, seen after %s; leaderless for %s",
		told[0].at.Sub(killed), truth.Sub(killed), told[1].at.Sub(killed), st.LeaderlessTotal)
	const interval = 250 * time.Millisecond * 11 / 10 // with its random part
	if off := st.LeaderlessTotal - truth.Sub(killed); off > interval+slack || off < -slack {
		e.t.Errorf("leaderless for %s, by the servers' logs %s", st.LeaderlessTotal, truth.Sub(killed))
	}
}

// unharmed checks that the servers serve, and that no log tells of an exception of their receivers, or of the
// watcher's texts.
func (e *ensemble) unharmed() {
	e.t.Helper()
	for _, m := range e.members {
		if m.java == nil {
			continue
		}
		if m.running() && zk.Mode(m.clientAddr()) == "" {
			e.t.Errorf("%s does not serve", m)
		}
		log := m.java.Log()
		for _, bad := range []string{"WorkerReceiver", "ConfigException", "IncompatibleClass", "unparse", "Something went wrong"} {
			for line := range strings.Lines(log) {
				if strings.Contains(line, bad) && !strings.Contains(line, "WorkerReceiver is down") {
					e.t.Errorf("%s: %s", m, line)
				}
			}
		}
		e.t.Logf("%s names the watcher in %d lines of its log", m, strings.Count(log, watcherSID.String()))
	}
}
