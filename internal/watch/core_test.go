package watch

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"electnode/internal/event"
	"electnode/internal/fle"
	"electnode/internal/quorum"
)

const testSID quorum.SID = 1 << 62

// text is the configuration text of voters 1..n at zk1:3888, zk2:3888 and so on.
func text(n int, more ...string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "server.%d=zk%d:2888:3888:participant\n", i+1, i+1)
	}
	for _, m := range more {
		b.WriteString(m + "\n")
	}
	return b.String() + "version=0"
}

// table is a core and what it wanted so far.
type table struct {
	t      *testing.T
	core   *core
	now    time.Time
	links  map[int]want
	events []told
	status Status
}

func newTable(t *testing.T, view *quorum.View, targets ...string) *table {
	t.Helper()
	var all []Target
	for _, s := range targets {
		target, err := ParseTarget(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, target)
	}
	b := &table{t: t, core: newCore(testSID, all, view), now: time.Unix(1000, 0), links: map[int]want{}}
	b.take(b.core.start(b.now))
	return b
}

func (b *table) take(out output) {
	b.t.Helper()
	for _, id := range out.stop {
		if _, ok := b.links[id]; !ok {
			b.t.Errorf("link %d is stopped and does not exist", id)
		}
		delete(b.links, id)
	}
	for _, w := range out.links {
		b.links[w.id] = w
	}
	b.events = append(b.events, out.events...)
	b.status = out.status
}

// at is the link that dials addr.
func (b *table) at(addr string) int {
	b.t.Helper()
	for id, w := range b.links {
		if len(w.addresses) > 0 && w.addresses[0] == addr {
			return id
		}
	}
	b.t.Fatalf("nobody is asked at %s: %v", addr, b.links)
	return 0
}

// asked lists who is asked where.
func (b *table) asked() map[string]quorum.SID {
	all := map[string]quorum.SID{}
	for _, w := range b.links {
		all[strings.Join(w.addresses, " ")] = w.sid
	}
	return all
}

// say lets the server at zk<i> answer, after a millisecond. Votes have epoch 1 and round 1.
func (b *table) say(sid int, s quorum.State, leader quorum.SID, config string) {
	b.t.Helper()
	b.sayAt(fmt.Sprintf("zk%d:3888", sid), s, quorum.Vote{Leader: leader, PeerEpoch: 1}, 1, config)
}

func (b *table) sayAt(addr string, s quorum.State, v quorum.Vote, round quorum.Round, config string) {
	b.t.Helper()
	b.now = b.now.Add(time.Millisecond)
	b.take(b.core.step(report{link: b.at(addr), at: b.now, address: addr, took: time.Millisecond,
		answer: &fle.Notification{State: s, Vote: v, Round: round, Version: 2, Text: []byte(config)}}))
}

func (b *table) fail(sid int, why Reason) {
	b.t.Helper()
	b.failAt(fmt.Sprintf("zk%d:3888", sid), why)
}

func (b *table) failAt(addr string, why Reason) {
	b.t.Helper()
	b.now = b.now.Add(time.Millisecond)
	b.take(b.core.step(report{link: b.at(addr), at: b.now, address: addr, failed: &failure{reason: why, err: errors.New("why")}}))
}

// settled is a table of three servers of which 3 leads.
func settled(t *testing.T) *table {
	t.Helper()
	b := newTable(t, nil, "zk1:3888")
	b.say(1, quorum.Following, 3, text(3))
	b.say(2, quorum.Following, 3, text(3))
	b.say(3, quorum.Leading, 3, text(3))
	if st := b.status; !st.HasLeader || st.Leader != 3 || st.Blind || st.Leaderless || st.LeaderlessTotal != 0 {
		t.Fatalf("%+v", st)
	}
	return b
}

// TestDiscovery: one seed leads to all servers, and its connection becomes that of the server it is.
func TestDiscovery(t *testing.T) {
	b := newTable(t, nil, "ZK1:3888")
	first := b.at("ZK1:3888")
	if !b.status.Blind || b.status.View != nil {
		t.Errorf("%+v", b.status)
	}
	b.sayAt("ZK1:3888", quorum.Following, quorum.Vote{Leader: 3}, 1, text(3, "server.7=zk7:2888:3888:observer"))
	if diff := cmp.Diff(map[string]quorum.SID{"ZK1:3888 zk1:3888": 1, "zk2:3888": 2, "zk3:3888": 3, "zk7:3888": 7}, b.asked()); diff != "" {
		t.Error(diff)
	}
	if w := b.links[first]; w.sid != 1 {
		t.Errorf("the seed's connection is %+v", w)
	}
	if s, _ := b.status.Server(7); s.Role != quorum.Observer || len(b.status.Servers) != 4 || len(b.status.Seeds) != 0 {
		t.Errorf("%+v", b.status)
	}
}

// TestUnknownSeed: a seed whose address is in no configuration is asked until a server answers, and again
// after all were out of sight for a while.
func TestUnknownSeed(t *testing.T) {
	b := newTable(t, nil, "lb:1", "4=tunnel:4")
	b.sayAt("lb:1", quorum.Following, quorum.Vote{Leader: 3}, 1, text(4))
	want := map[string]quorum.SID{"lb:1": quorum.NoSID, "zk1:3888": 1, "zk2:3888": 2, "zk3:3888": 3, "tunnel:4": 4}
	if diff := cmp.Diff(want, b.asked()); diff != "" {
		t.Error(diff)
	}
	if len(b.status.Seeds) != 1 || !strings.Contains(b.status.Seeds[0].Problem, "SID=HOST:PORT") {
		t.Errorf("%+v", b.status.Seeds)
	}
	b.say(2, quorum.Following, 3, text(4))
	delete(want, "lb:1")
	if diff := cmp.Diff(want, b.asked()); diff != "" {
		t.Error(diff)
	}
	b.fail(2, FailClosed)
	b.now = b.now.Add(seedRest)
	b.fail(2, FailRefused)
	b.sayAt("lb:1", quorum.Following, quorum.Vote{Leader: 3}, 1, strings.ReplaceAll(text(5), "zk1", "zk9"))
	if len(b.status.View.Voters()) != 5 || b.asked()["zk9:3888"] != 1 {
		t.Errorf("the ensemble moved: %v", b.asked())
	}
}

// TestWildcard: a server that names every address in its own line is who it says, and the others tell where
// it is.
func TestWildcard(t *testing.T) {
	b := newTable(t, nil, "lb:1")
	b.sayAt("lb:1", quorum.Following, quorum.Vote{Leader: 3}, 1, strings.ReplaceAll(text(3), "=zk2", "=0.0.0.0"))
	if diff := cmp.Diff(map[string]quorum.SID{"zk1:3888": 1, "lb:1": 2, "zk3:3888": 3}, b.asked()); diff != "" {
		t.Error(diff)
	}
	b.say(1, quorum.Following, 3, strings.ReplaceAll(text(3), "=zk1", "=0.0.0.0"))
	if diff := cmp.Diff(map[string]quorum.SID{"zk1:3888": 1, "lb:1 zk2:3888": 2, "zk3:3888": 3}, b.asked()); diff != "" {
		t.Error(diff)
	}
}

// TestVerdicts is the table of who says what and what follows.
func TestVerdicts(t *testing.T) {
	const L, F, E = quorum.Looking, quorum.Following, quorum.Leading
	type says struct {
		state  quorum.State
		leader quorum.SID
	}
	down := says{-1, 0}
	for name, c := range map[string]struct {
		says      []says
		leader    quorum.SID // 0: none
		blind     bool
		conflicts int
	}{
		"all agree":                             {[]says{{F, 3}, {F, 3}, {E, 3}}, 3, false, 0},
		"quorum agrees":                         {[]says{{F, 3}, down, {E, 3}}, 3, false, 0},
		"leader alone":                          {[]says{down, down, {E, 3}}, 0, true, 0},
		"leader alone, others looking":          {[]says{{L, 3}, {L, 3}, {E, 3}}, 0, false, 0},
		"named, but does not say so":            {[]says{{F, 3}, {F, 3}, {F, 3}}, 0, false, 0},
		"named, but looking":                    {[]says{{F, 3}, {F, 3}, {L, 3}}, 0, false, 0},
		"named, but gone":                       {[]says{{F, 3}, {F, 3}, down}, 0, false, 0},
		"all looking":                           {[]says{{L, 3}, {L, 3}, {L, 3}}, 0, false, 0},
		"survivors looking, vote for a dead":    {[]says{{L, 3}, {L, 3}, down}, 0, false, 0},
		"survivors looking, each for itself":    {[]says{{L, 1}, {L, 2}, down}, 0, false, 0},
		"one survivor looking for itself":       {[]says{{L, 1}, down, down}, 0, true, 0},
		"one survivor, its old vote":            {[]says{{L, 3}, down, down}, 0, true, 0},
		"all gone":                              {[]says{down, down, down}, 0, true, 0},
		"two lead, one with a quorum":           {[]says{{F, 2}, {E, 2}, {E, 3}}, 2, false, 2},
		"two lead, none with a quorum":          {[]says{{L, 2}, {E, 2}, {E, 3}}, 0, false, 2},
		"says LEADING and names another":        {[]says{{F, 3}, {F, 3}, {E, 2}}, 0, false, 0},
		"one follows itself (previous vote)":    {[]says{{F, 1}, {F, 3}, {E, 3}}, 3, false, 0},
		"observing does not count in a quorum":  {[]says{{3, 3}, {3, 3}, {E, 3}}, 0, false, 0},
		"leader of nobody's and one out of it":  {[]says{{F, 9}, {F, 9}, {L, 9}}, 0, false, 0},
		"followers of two, the quorum decides":  {[]says{{F, 2}, {E, 2}, {F, 2}}, 2, false, 0},
		"leader names itself, follower another": {[]says{{F, 2}, down, {E, 3}}, 0, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := three(t)
			b := newTable(t, v)
			for i, s := range c.says {
				if s.state < 0 {
					b.fail(i+1, FailRefused)
				} else {
					b.say(i+1, s.state, s.leader, text(3))
				}
			}
			st := b.status
			if st.HasLeader != (c.leader != 0) || st.HasLeader && st.Leader != c.leader || st.Blind != c.blind ||
				len(st.Conflicting) != c.conflicts || st.Leaderless == st.HasLeader {
				t.Errorf("%+v", st)
			}
		})
	}
}

// TestWeights: quorums are those of the configuration.
func TestWeights(t *testing.T) {
	config := text(3, "group.1=1:2:3", "weight.1=3", "weight.2=1", "weight.3=1")
	b := newTable(t, nil, "zk1:3888")
	b.say(1, quorum.Leading, 1, config)
	if s, _ := b.status.Server(1); !b.status.HasLeader || b.status.Blind || s.Weight != 3 || s.Group != 1 {
		t.Errorf("%+v", b.status)
	}
	b.fail(1, FailClosed)
	b.say(2, quorum.Following, 3, config)
	b.say(3, quorum.Leading, 3, config)
	if b.status.HasLeader || !b.status.Blind {
		t.Errorf("%+v", b.status)
	}
}

// TestFailOver: leaderless time, leader changes and events of a fail-over; a leader that is out of sight for a
// moment is the same one, one that was elected again is a change.
func TestFailOver(t *testing.T) {
	b := settled(t)
	b.events = nil
	b.fail(3, FailClosed)
	began := b.now
	b.say(1, quorum.Looking, 3, text(3))
	b.now = b.now.Add(time.Second)
	b.say(2, quorum.Leading, 2, text(3))
	if b.status.HasLeader || !b.status.Leaderless || !b.status.LeaderlessSince.Equal(began) {
		t.Errorf("%+v", b.status)
	}
	if got, want := b.status.asOf(b.now).LeaderlessTotal, b.now.Sub(began); got != want {
		t.Errorf("leaderless for %s, want %s", got, want)
	}
	b.sayAt("zk1:3888", quorum.Following, quorum.Vote{Leader: 2, PeerEpoch: 2}, 2, text(3))
	total := b.now.Sub(began)
	if st := b.status.asOf(b.now.Add(time.Hour)); !st.HasLeader || st.Leader != 2 || st.LeaderChanges != 1 || st.LeaderlessTotal != total {
		t.Errorf("%+v", st)
	}
	want := []told{
		{testSID, 0, event.LeaderLost{Leader: 3, Epoch: 1, Reason: event.ReasonLeaderLost, Detail: "out of sight: why"}},
		{testSID, 0, event.LeaderEstablished{Leader: 2, Epoch: 1, After: total}},
	}
	got := slices.DeleteFunc(slices.Clone(b.events), func(e told) bool {
		_, heard := e.event.(*event.NotificationReceived)
		return heard || e.node != testSID
	})
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(told{})); diff != "" {
		t.Error(diff)
	}

	b.fail(2, FailNoAnswer)
	b.say(2, quorum.Leading, 2, text(3))
	if !b.status.HasLeader || b.status.LeaderChanges != 1 {
		t.Errorf("out of sight and back: %+v", b.status)
	}
	b.say(2, quorum.Looking, 2, text(3))
	b.say(2, quorum.Leading, 2, text(3))
	if !b.status.HasLeader || b.status.LeaderChanges != 2 {
		t.Errorf("elected again: %+v", b.status)
	}
	b.sayAt("zk2:3888", quorum.Leading, quorum.Vote{Leader: 2, PeerEpoch: 9}, 5, text(3))
	if b.status.LeaderChanges != 3 || b.status.Epoch != 9 {
		t.Errorf("elected again between two questions: %+v", b.status)
	}
}

// TestSilenceIsNotLeaderless: while every voter is silent nothing is known, and no time counts.
func TestSilenceIsNotLeaderless(t *testing.T) {
	b := settled(t)
	for sid := range 3 {
		b.fail(sid+1, FailNoAnswer)
	}
	if b.status.HasLeader || b.status.Leaderless || !b.status.Blind {
		t.Errorf("%+v", b.status)
	}
	total := b.status.LeaderlessTotal
	b.now = b.now.Add(time.Hour)
	b.fail(1, FailTimeout)
	if got := b.status.asOf(b.now).LeaderlessTotal; got != total {
		t.Errorf("counted %s", got)
	}
	b.fail(1, FailRefused)
	if !b.status.Leaderless {
		t.Errorf("%+v", b.status)
	}
}

// TestBeforeAllWereAsked: a watcher that has just begun does not call an ensemble leaderless.
func TestBeforeAllWereAsked(t *testing.T) {
	b := newTable(t, nil, "zk1:3888")
	b.say(1, quorum.Following, 3, text(3))
	b.say(2, quorum.Following, 3, text(3))
	if b.status.Leaderless || b.status.HasLeader {
		t.Errorf("%+v", b.status)
	}
	if s, _ := b.status.Server(1); !s.Stale {
		t.Errorf("names a leader that did not say so: %+v", s)
	}
	b.say(3, quorum.Looking, 3, text(3))
	if !b.status.Leaderless {
		t.Errorf("%+v", b.status)
	}
}

// TestOtherEnsemble: a server of another ensemble, at the address of one of this, has no say.
func TestOtherEnsemble(t *testing.T) {
	b := settled(t)
	b.say(2, quorum.Leading, 2, strings.ReplaceAll(text(3), "zk", "other"))
	s, _ := b.status.Server(2)
	if s.Up || s.LastFailure != FailOtherEnsemble || len(b.status.Conflicting) > 0 || !b.status.HasLeader {
		t.Errorf("%+v", b.status)
	}
	b.say(2, quorum.Following, 3, text(3))
	if s, _ := b.status.Server(2); !s.Up {
		t.Errorf("%+v", s)
	}
}

// TestReconfiguration: a newer configuration counts when the leader or a quorum says so, and one without a
// version when a quorum does; one server alone changes nothing.
func TestReconfiguration(t *testing.T) {
	newer := strings.ReplaceAll(text(4), "version=0", "version=100000003")
	b := settled(t)
	b.say(1, quorum.Following, 3, newer)
	if len(b.status.View.Voters()) != 3 {
		t.Errorf("one follower was believed: %s", b.status.View)
	}
	b.say(1, quorum.Following, 3, text(3))
	b.say(3, quorum.Leading, 3, newer)
	if len(b.status.View.Voters()) != 4 || b.asked()["zk4:3888"] != 4 {
		t.Errorf("the leader was not believed: %s %v", b.status.View, b.asked())
	}
	b = settled(t)
	moved := strings.ReplaceAll(text(3), "=zk1", "=new1")
	b.say(3, quorum.Leading, 3, moved)
	b.say(2, quorum.Following, 3, moved)
	if got := b.asked(); got["zk1:3888 new1:3888"] != 1 {
		t.Errorf("moved: %v", got)
	}
	fewer := strings.ReplaceAll(text(2), "=zk1", "=new1")
	b.say(3, quorum.Leading, 3, fewer)
	b.say(2, quorum.Following, 3, fewer)
	if got := b.asked(); len(got) != 2 || len(b.status.Servers) != 2 {
		t.Errorf("removed: %v", got)
	}
}

// TestBadText: the vote counts though the configuration is unknown, and the reason is told.
func TestBadText(t *testing.T) {
	b := settled(t)
	for _, bad := range []string{"", "version=zz", "server.1=x", strings.Repeat("#", maxText+1), text(maxServers + 1)} {
		b.say(1, quorum.Following, 3, bad)
		if s, _ := b.status.Server(1); !s.Up || s.ConfigKnown || s.ConfigProblem == "" {
			t.Errorf("%.20q: %+v", bad, s)
		}
	}
	if !b.status.HasLeader || len(b.status.View.Voters()) != 3 {
		t.Errorf("%+v", b.status)
	}
}

// TestLargeSID: a server that would dial back is not asked.
func TestLargeSID(t *testing.T) {
	big := fmt.Sprintf("server.%d=zk9:2888:3888:participant", testSID+1)
	b := newTable(t, nil, "zk1:3888")
	b.say(1, quorum.Leading, 1, text(2, big))
	if s, _ := b.status.Server(testSID + 1); s.LastFailure != FailSID || len(b.asked()) != 2 {
		t.Errorf("%+v %v", s, b.asked())
	}
}

// TestOwnSIDIsAMember: nobody is asked by a watcher that the servers would take for one of them, and it says so; it goes on when the
// configuration is another.
func TestOwnSIDIsAMember(t *testing.T) {
	posing := text(3, fmt.Sprintf("server.%d=zk9:2888:3888:participant", testSID))
	b := newTable(t, nil, "zk1:3888", "lb:1")
	b.say(1, quorum.Following, 3, posing)
	if len(b.asked()) > 0 || !b.status.Blind || b.status.Leaderless {
		t.Errorf("asked: %v, %+v", b.asked(), b.status)
	}
	for _, s := range b.status.Servers {
		if s.Up || s.LastFailure != FailSID || s.Failures[FailSID] != 1 || !strings.Contains(s.FailureDetail, "own sid") {
			t.Errorf("%+v", s)
		}
	}
	b = settled(t)
	b.say(3, quorum.Leading, 3, strings.Replace(posing, "version=0", "version=1", 1))
	if len(b.asked()) > 0 || b.status.HasLeader || !b.status.Blind || b.status.Leaderless {
		t.Errorf("a reconfiguration: asked: %v, %+v", b.asked(), b.status)
	}
}

// TestOneNameOfSeveral: a name that leads to several servers is nobody's address, once it turns out: the server behind it
// that has a connection of its own would lose that again and again.
func TestOneNameOfSeveral(t *testing.T) {
	own := func(sid string) string { return strings.ReplaceAll(text(3), "=zk"+sid, "=0.0.0.0") }
	b := newTable(t, nil, "lb:1")
	b.sayAt("lb:1", quorum.Following, quorum.Vote{Leader: 3}, 1, own("2"))
	b.say(1, quorum.Following, 3, own("1"))
	b.say(3, quorum.Leading, 3, own("3"))
	b.sayAt("lb:1", quorum.Following, quorum.Vote{Leader: 3}, 1, text(3)) // not said by a server that calls itself otherwise
	before := b.at("lb:1")
	if s, _ := b.status.Server(2); !s.Up || !b.status.HasLeader {
		t.Fatalf("%+v", b.status)
	}
	b.failAt("lb:1", FailClosed)
	b.sayAt("lb:1", quorum.Following, quorum.Vote{Leader: 3}, 1, own("1"))
	if diff := cmp.Diff(map[string]quorum.SID{"zk1:3888": 1, "zk2:3888": 2, "zk3:3888": 3}, b.asked()); diff != "" {
		t.Error(diff)
	}
	if _, still := b.links[before]; still {
		t.Error("the connection with the wrong server is kept")
	}
	s, _ := b.status.Server(2)
	if s.Up || s.LastFailure != FailOtherEnsemble || !strings.Contains(s.FailureDetail, "server 1 answers at lb:1, too") || !b.status.HasLeader {
		t.Errorf("%+v", s)
	}
	if len(b.status.Seeds) != 1 || !strings.Contains(b.status.Seeds[0].Problem, "several servers") {
		t.Errorf("%+v", b.status.Seeds)
	}
}

// TestMuteIsNotGone: a port that closes every connection before a word may be one that wants TLS; nothing is known then.
func TestMuteIsNotGone(t *testing.T) {
	v := three(t)
	for _, c := range []struct {
		f          failure
		leaderless bool
	}{
		{failure{reason: FailClosed, err: io.EOF}, true},
		{failure{reason: FailRefused, err: io.EOF}, true},
		{*(&failure{reason: FailClosed, err: io.EOF}).atFirst(), false},
		{failure{reason: FailTimeout, err: io.EOF}, false},
	} {
		b := newTable(t, v)
		for sid := range 3 {
			b.now = b.now.Add(time.Millisecond)
			b.take(b.core.step(report{link: b.at(fmt.Sprintf("zk%d:3888", sid+1)), at: b.now, failed: &c.f}))
		}
		if !b.status.Blind || b.status.Leaderless != c.leaderless {
			t.Errorf("%+v: %+v", c.f, b.status)
		}
	}
}

// TestHalfInSight: the verdict cannot be relied on when half of an even number of voters are in sight.
func TestHalfInSight(t *testing.T) {
	b := newTable(t, nil, "zk1:3888")
	for sid := 1; sid <= 3; sid++ {
		b.say(sid, quorum.Following, 4, text(4))
	}
	b.say(4, quorum.Leading, 4, text(4))
	b.fail(1, FailTimeout)
	if b.status.Blind || !b.status.HasLeader {
		t.Errorf("three of four: %+v", b.status)
	}
	b.fail(2, FailTimeout)
	if !b.status.Blind || b.status.HasLeader {
		t.Errorf("two of four: %+v", b.status)
	}
}

// TestUnseenLeader: when a quorum follows, for longer than it would one that is gone, a leader that does not answer, it is the
// watcher that does not see it; not so when it is known not to run.
func TestUnseenLeader(t *testing.T) {
	for _, c := range []struct {
		why   Reason
		blind bool
	}{{FailTimeout, true}, {FailUnresolved, true}, {FailRefused, false}} {
		b := settled(t)
		b.fail(3, c.why)
		began := b.now
		for b.now.Sub(began) < provenAfter {
			if b.status.Blind || !b.status.Leaderless {
				t.Fatalf("%s: after %s: %+v", c.why, b.now.Sub(began), b.status)
			}
			b.now = b.now.Add(time.Second)
			b.say(1, quorum.Following, 3, text(3))
			b.say(2, quorum.Following, 3, text(3))
		}
		if b.status.Blind != c.blind || b.status.Leaderless == c.blind || b.status.HasLeader {
			t.Errorf("%s: %+v", c.why, b.status)
		}
		b.say(1, quorum.Looking, 3, text(3))
		b.say(2, quorum.Looking, 3, text(3))
		if b.status.Blind || !b.status.Leaderless {
			t.Errorf("%s: they do not follow it any more: %+v", c.why, b.status)
		}
	}
}

// TestRestartOfAll: the same leader in the same round is another one when its process was gone in between.
func TestRestartOfAll(t *testing.T) {
	b := settled(t)
	for sid := 1; sid <= 3; sid++ {
		b.fail(sid, FailClosed)
		b.fail(sid, FailRefused)
	}
	for sid := 1; sid <= 2; sid++ {
		b.sayAt(fmt.Sprintf("zk%d:3888", sid), quorum.Following, quorum.Vote{Leader: 3, PeerEpoch: 2}, 1, text(3))
	}
	b.sayAt("zk3:3888", quorum.Leading, quorum.Vote{Leader: 3, PeerEpoch: 2}, 1, text(3))
	if !b.status.HasLeader || b.status.LeaderChanges != 1 || b.status.Epoch != 2 {
		t.Errorf("%+v", b.status)
	}
}

// TestOtherSpelling: host names are the same in capitals; where they are others, that is said.
func TestOtherSpelling(t *testing.T) {
	for spelled, taken := range map[string]bool{"ZK": true, "host-zk": false} {
		v, err := quorum.ParseText(strings.ReplaceAll(text(3), "=zk", "="+spelled), quorum.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b := newTable(t, v)
		b.sayAt(spelled+"1:3888", quorum.Following, quorum.Vote{Leader: 3}, 1, text(3))
		s, _ := b.status.Server(1)
		if s.Up != taken || !taken && (s.LastFailure != FailOtherEnsemble || !strings.Contains(s.FailureDetail, "spelled as in the servers' own configuration")) {
			t.Errorf("%s: %+v", spelled, s)
		}
	}
}

// TestSameReportsSameOutputs: the core is a function of its reports, event by event.
func TestSameReportsSameOutputs(t *testing.T) {
	run := func() string {
		var b strings.Builder
		table := newTable(t, nil, "zk1:3888", "lb:1", "zk5:3888")
		dice := rand.New(rand.NewPCG(1, 2))
		for range 2000 {
			id := slices.Sorted(maps.Keys(table.links))[dice.IntN(len(table.links))]
			table.now = table.now.Add(time.Duration(dice.IntN(2000)) * time.Millisecond)
			r := report{link: id, at: table.now, address: "a:1"}
			if dice.IntN(4) == 0 {
				r.failed = &failure{reason: Reasons()[dice.IntN(len(Reasons()))], err: errors.New("why")}
			} else {
				r.answer = &fle.Notification{State: quorum.State(dice.IntN(4)), Version: 2, Text: []byte(text(5)),
					Vote: quorum.Vote{Leader: quorum.SID(1 + dice.IntN(2))}}
			}
			out := table.core.step(r)
			fmt.Fprintf(&b, "%v %v %v %+v\n", out.stop, out.links, out.changed, out.status.LeaderlessTotal)
			for _, e := range out.events {
				fmt.Fprintf(&b, "%d %d %s %+v\n", e.node, e.election, e.event.Name(), reflect.Indirect(reflect.ValueOf(e.event)))
			}
			table.take(out)
		}
		if st := table.status; st.LeaderChanges == 0 || st.LeaderlessTotal == 0 {
			t.Errorf("nothing happened: %+v", st)
		}
		return regexp.MustCompile(`0x[0-9a-f]{6,}`).ReplaceAllString(b.String(), "pointer") // a view's
	}
	if diff := cmp.Diff(run(), run()); diff != "" {
		t.Error(diff)
	}
}
