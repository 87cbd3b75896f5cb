package lab

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"electnode/test/proc"
)

var attackTime = flag.Duration("attack", 20*time.Second, "how long TestAttack attacks, 20 s at least")

// unfinishedTime is how long the attack that is after memory alone lasts.
const unfinishedTime = 5 * time.Second

// unreached is how much longer an attack may last until it has reached the bounds.
const unreached = time.Minute

// mute is how long a leader under attack may let those wait who ask it how it is: it has better things to do.
const mute = 10 * time.Second

// besieged are settings for servers under attack. A leader is left when it is silent for as long as it may be by default: the
// machine has more to do with the attackers than with them.
const besieged = "syncLimit=20\ncnxTimeout=2000\nclientPort=2181\n4lw.commands.whitelist=*\n"

// besiegedFailOver is how long another leader may take, as in longestLeaderless: the death of a process is noticed at once,
// and a dial may take longer here.
const besiegedFailOver = election - cnxTimeout + 2*time.Second + handshake

// rough is the wire while all is attacked.
var rough = Fault{Loss: 0.01, Duplicate: 0.01, Delay: time.Millisecond, Jitter: 2 * time.Millisecond}

// TestAttack floods all ports of three servers at once, from hosts of their own, for -attack: more half-open connections,
// garbage, hand-shakes of foreign servers, frames of the largest length and clients that read nothing than there are
// places for. Meanwhile the wire loses, delays and doubles packets, and a follower is killed and started again now and
// then. The leader stays in office; when it is killed at last, still under attack, another one is there as soon as ever.
// No server ever holds more than docs/limits.md allows, or writes more log, and after the attack goroutines and descriptors
// are what they were. An attack that did not reach the bounds proves nothing, and fails. It has the machine to itself: a
// slow one does not reach them.
func TestAttack(t *testing.T) {
	s := newSiege(t, "attack", "-attack", *attackTime, func(*Host) string { return "" })
	s.storm([]*Node{s.held.Leader}, unfinished(), unfinishedTime)
	s.Noise(rough)
	s.goals = append(s.crowds("election", "quorum", "client", "http"), s.evictions()...)
	s.goals = append(s.goals, s.slowReaders(*attackTime)...)
	s.goals = append(s.goals,
		goal{"HTTP answers 429", func() int { return int(s.flood.Status(http.StatusTooManyRequests)) }},
		goal{"HTTP answers 503", func() int { return int(s.flood.Status(http.StatusServiceUnavailable)) }})
	s.storm(s.Nodes, slices.Concat(onElection(), onQuorum(), onClients()), *attackTime)
	s.failOver()
	s.over(t)
}

// siege is an ensemble under attack.
type siege struct {
	*Ensemble
	t        *testing.T
	flood    *Flood
	held     Agreed    // who led when the attack began
	answered time.Time // when it said so last
	begun    time.Time
	lives    map[int]int // how often each server was started
	seen     map[int]*account
	flags    []string
	goals    []goal
}

// newSiege starts an ensemble and makes all ready for an attack on it: more gives settings for one host, option is the flag
// that says how long the attack lasts.
func newSiege(t *testing.T, name, option string, lasts time.Duration, more func(*Host) string) *siege {
	t.Helper()
	s := &siege{t: t, begun: time.Now(), lives: map[int]int{}, seen: map[int]*account{},
		flags: []string{"--web.listen-address", "0.0.0.0:7001", "--log.level", "info"}}
	s.Ensemble = NewEnsemble(t, Options{Program: plainProgram(t), Servers: 3, Seed: *seed,
		Settings: settings + besieged, Dir: directory(*seed, name),
		Again: fmt.Sprintf("go test ./test/lab -run %s$ %s %s -seed %d", t.Name(), option, lasts, *seed)})
	for _, n := range s.Nodes {
		s.seen[n.SID] = newAccount()
		n.Also(more(n.Host))
		s.boot(n)
	}
	s.flood = NewFlood(t, s.Wire, *seed)
	s.held, s.answered = s.AwaitAgreement(patience), time.Now()
	for _, n := range s.Nodes {
		s.seen[n.SID].before = n.use(t)
	}
	return s
}

func (s *siege) boot(n *Node) {
	s.lives[n.SID]++
	n.Boot(s.flags...)
}

// kill writes down what the life has come to, and ends it.
func (s *siege) kill(n *Node) {
	s.seen[n.SID].look(s.t, n)
	s.seen[n.SID].lifeEnds()
	n.Kill()
}

// storm lets the attackers attack some nodes for a while, and longer if a goal is not reached yet, with a follower killed now and then, and fails when the leader is not
// the same in the same epoch all the time.
func (s *siege) storm(on []*Node, all []attacker, lasts time.Duration) {
	s.t.Helper()
	var targets []*Host
	for _, n := range on {
		targets = append(targets, n.Host)
	}
	const every = 10 * time.Second // between two kills of a follower
	const look = time.Second       // between two looks at what a server holds
	s.act(Action{Action: "attack", Detail: lasts.String()})
	s.flood.Stop()
	s.flood.Start(targets, all)
	kill, sample := time.Now().Add(every/2), time.Now().Add(look)
	var down *Node
	end := time.Now().Add(lasts)
	latest := end.Add(unreached)
	for time.Now().Before(end) || time.Now().Before(latest) && len(s.missing()) > 0 {
		s.Pass(100 * time.Millisecond)
		s.leads()
		if time.Now().After(sample) {
			s.look()
			sample = time.Now().Add(look)
		}
		switch {
		case time.Now().Before(kill):
			continue
		case down == nil && !s.whole():
			kill = time.Now().Add(look) // without the one that is not back yet there would be no quorum
		case down == nil:
			s.Judge() // what is judged is not kept: a long attack makes millions of events
			others := slices.DeleteFunc(slices.Clone(s.Nodes), func(n *Node) bool { return n == s.held.Leader })
			down = others[s.Rand.IntN(len(others))]
			s.kill(down)
			kill = time.Now().Add(time.Second)
		default:
			s.boot(down)
			down, kill = nil, time.Now().Add(every)
		}
	}
	if down != nil {
		s.boot(down)
	}
	if now := s.AwaitAgreement(patience); now != s.held {
		s.t.Errorf("server %d led in epoch %s; under attack: server %d in %s", s.held.Leader.SID, s.held.Epoch,
			now.Leader.SID, now.Epoch)
	}
	s.look()
	for _, n := range s.Nodes {
		s.t.Logf("server %d after %s: %s", n.SID, lasts, s.seen[n.SID])
	}
}

// leads fails the test when the leader does not lead any more, or says nothing for too long.
func (s *siege) leads() {
	s.t.Helper()
	st, err := s.held.Leader.Status()
	switch {
	case err != nil && time.Since(s.answered) < mute:
	case err != nil:
		s.t.Fatalf("server %d led in epoch %s, and does not answer: %v", s.held.Leader.SID, s.held.Epoch, err)
	case !st.Established || st.Leader == nil || int(*st.Leader) != s.held.Leader.SID || st.CurrentEpoch != s.held.Epoch:
		s.t.Fatalf("server %d led in epoch %s; now: %+v", s.held.Leader.SID, s.held.Epoch, st)
	default:
		s.answered = time.Now()
	}
}

// whole reports whether all servers follow the leader.
func (s *siege) whole() bool {
	now, err := s.Agreement()
	return err == nil && now == s.held
}

// look sees what every server that runs holds.
func (s *siege) look() {
	s.t.Helper()
	for _, n := range s.Nodes {
		if n.Up() {
			s.seen[n.SID].look(s.t, n)
		}
	}
}

// failOver kills the leader under attack.
func (s *siege) failOver() {
	s.t.Helper()
	old := s.held.Leader
	others := slices.DeleteFunc(slices.Clone(s.Nodes), func(n *Node) bool { return n == old })
	s.kill(old)
	begun := time.Now()
	proc.Every(s.t, 10*time.Millisecond, besiegedFailOver+spare, "the others have another leader", func() error {
		now, err := s.Agreement(others...)
		if err == nil && now.Leader == old {
			err = errors.New("they still follow the dead one")
		}
		return err
	})
	s.t.Logf("another leader %s after the kill, under attack", time.Since(begun).Round(time.Millisecond))
	s.boot(old)
	s.AwaitAgreement(longestConvergence + spare)
	s.look()
}

// goal is a bound that the attack is to reach: how often it did so far.
type goal struct {
	what  string
	count func() int
}

// missing lists the goals that were not reached yet.
func (s *siege) missing() []string {
	var missing []string
	for _, g := range s.goals {
		if g.count() == 0 {
			missing = append(missing, g.what)
		}
	}
	return missing
}

// counted is a goal: some server counted something in the series.
func (s *siege) counted(series string) goal {
	return goal{series, func() int {
		all := 0
		for _, n := range s.Nodes {
			all += s.seen[n.SID].count(series)
		}
		return all
	}}
}

// crowds are the goals that there were too many at some ports.
func (s *siege) crowds(ports ...string) []goal {
	var goals []goal
	for _, port := range ports {
		goals = append(goals, s.counted(`electnode_port_rejections_total{port="`+port+`",reason="too_many"}`))
	}
	return goals
}

// evictions are the goals that strangers gave way to others, on both ports, and that some were really let in.
func (s *siege) evictions() []goal {
	return []goal{
		s.counted(`electnode_connection_drops_total{peer="unknown",reason="evicted"}`),
		{"a foreign learner gave way", func() int { return s.wrote("follower lost", "detail", "gave way to a newer connection") }},
		{"a foreign learner came through the whole hand-shake", func() int { return s.wrote("request refused: no data here", "type", "REQUEST") }},
	}
}

// slowReaders are the goals that those who do not read were left. A short attack does not reach all: an answer may take 30 s.
func (s *siege) slowReaders(lasts time.Duration) []goal {
	givenUp := func(name string) goal {
		return goal{name + ", given up by the leader", func() int { return int(s.flood.GivenUp(name, s.held.Leader)) }}
	}
	goals := []goal{s.counted(`electnode_connection_drops_total{peer="unknown",reason="write_timeout"}`), givenUp(unreadEvents)}
	if lasts > time.Minute {
		goals = append(goals, givenUp(unreadAnswers),
			goal{"a learner that does not read was left", func() int { return s.wrote("follower lost", "reason", "slow") }})
	}
	return goals
}

// wrote counts the lines of that kind, with that value, of all servers. Of each kind the first ones are always written.
func (s *siege) wrote(message, key, value string) int {
	count := 0
	for _, n := range s.Nodes {
		for _, l := range n.Lines(message) {
			if l[key] == value {
				count++
			}
		}
	}
	return count
}

// over ends the attack and looks at what it has come to.
func (s *siege) over(t *testing.T) {
	t.Helper()
	s.flood.Stop()
	lasted := time.Since(s.begun)
	for _, g := range s.goals {
		t.Logf("%s: %d", g.what, g.count())
		if g.count() == 0 {
			t.Errorf("the attack did not reach this: %s", g.what)
		}
	}
	s.act(Action{Action: "attack over"})
	made := s.flood.Connections()
	for _, name := range slices.Sorted(maps.Keys(made)) {
		t.Logf("%-44s %7d connections", name, made[name])
		if made[name] == 0 {
			t.Errorf("%s: nothing was done", name)
		}
	}
	for _, n := range s.Nodes {
		settles(t, n, s.seen[n.SID].before)
		s.seen[n.SID].look(t, n)
		s.seen[n.SID].within(t, n)
		wordy(t, n, s.lives[n.SID], lasted)
	}
	s.Judge()
}
