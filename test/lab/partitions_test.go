package lab

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/test/proc"
)

var shapes = flag.String("shapes", "10", "how many shapes of each kind TestPartitions tries, or all")

// TestPartitions cuts an ensemble that has a leader into every shape: who can still reach a quorum has an established
// leader in time, all others say in time that they have none and never claim one again, and after healing all agree.
func TestPartitions(t *testing.T) {
	t.Log(limits())
	for i, kind := range []struct {
		name   string
		shapes []shape
	}{{"three-directed", directed()}, {"five-split", divided()}, {"five-one-way", oneWay()}} {
		all := sample(t, kind.shapes, uint64(i))
		for lane := range lanes {
			t.Run(fmt.Sprintf("%s-%d", kind.name, lane), func(t *testing.T) {
				t.Parallel()
				name := fmt.Sprintf("%s-%d", kind.name, lane)
				p := &partitions{Ensemble: NewEnsemble(t, Options{Program: program, Servers: all[0].servers, Seed: *seed,
					Settings: settings, Dir: directory(*seed, name),
					Again: fmt.Sprintf("go test ./test/lab -run TestPartitions/%s -shapes %s -seed %d", name, *shapes, *seed)})}
				p.Boot()
				p.AwaitAgreement(patience)
				count := 0
				for n := lane; n < len(all); n += lanes {
					p.try(t, all[n])
					count++
				}
				t.Logf("%d shapes; the slowest: %s", count, p.slowest)
			})
		}
	}
}

// lanes is how many ensembles share the shapes of a kind: each waits more than it works.
const lanes = 2

// sample is a random choice of the shapes, as many as are asked for, in a random order.
func sample(t *testing.T, all []shape, stream uint64) []shape {
	t.Helper()
	r := rand.New(rand.NewPCG(*seed, stream))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if *shapes == "all" {
		return all
	}
	n, err := strconv.Atoi(*shapes)
	if err != nil || n < 1 {
		t.Fatalf("-shapes %s: a number from 1 on, or all", *shapes)
	}
	return all[:min(n, len(all))]
}

// partitions is an ensemble that is cut again and again.
type partitions struct {
	*Ensemble
	slowest times
}

// times is how long things took.
type times struct{ Elected, Silent, Healed time.Duration }

// String prints them for people.
func (s times) String() string {
	ms := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	return fmt.Sprintf("a leader of the able after %s, no claim of the others after %s, agreement after healing after %s",
		ms(s.Elected), ms(s.Silent), ms(s.Healed))
}

// atLeast raises each time to that of o.
func (s *times) atLeast(o times) {
	s.Elected, s.Silent, s.Healed = max(s.Elected, o.Elected), max(s.Silent, o.Silent), max(s.Healed, o.Healed)
}

// try cuts one shape and heals it again.
func (p *partitions) try(t *testing.T, s shape) {
	t.Helper()
	began := time.Now()
	p.act(Action{Action: "shape", Detail: s.name})
	for _, from := range p.Nodes {
		for _, to := range p.Nodes {
			if s.cut[pair{from.SID, to.SID}] {
				p.Cut(from.SID, to.SID, true)
			}
		}
	}
	var took times
	p.settle(t, s, began, &took)
	settled := time.Now()
	p.hold(t, s, began)
	healed := time.Now()
	p.Heal()
	p.AwaitAgreement(longestConvergence + spare)
	took.Healed = time.Since(healed)
	p.claims(t, s, settled, healed)
	p.Judge()
	p.slowest.atLeast(took)
	t.Logf("%s: %s", s.name, took)
}

// settle waits until the able have a leader and the others none, each within its time.
func (p *partitions) settle(t *testing.T, s shape, began time.Time, took *times) {
	t.Helper()
	elect, silence := longestLeaderless(s.deaf())+spare, noticed+spare
	proc.Every(t, 10*time.Millisecond, max(elect, silence), s.name, func() error {
		p.NoneEnded()
		electedErr, silentErr := p.elected(s), p.silent(s)
		now := time.Since(began)
		took.Elected, took.Silent = since(took.Elected, now, electedErr), since(took.Silent, now, silentErr)
		if silentErr != nil && now > silence {
			t.Fatalf("%s: not within %s: %v", s.name, silence, silentErr)
		}
		if electedErr != nil {
			return electedErr
		}
		return silentErr
	})
}

// since is when it became true that err is nil: before, if it was true then, or now; 0 if it is not true.
func since(before, now time.Duration, err error) time.Duration {
	switch {
	case err != nil:
		return 0
	case before > 0:
		return before
	}
	return now
}

// hold looks on while the shape lasts: for some ticks, and where servers are heard that hear nothing until their
// connections have ended.
func (p *partitions) hold(t *testing.T, s shape, began time.Time) {
	t.Helper()
	rest := 4 * tick
	if s.deaf() {
		rest = max(rest, unheard+2*tick-time.Since(began))
	}
	proc.Throughout(t, rest, s.name+" settled", func() error {
		p.NoneEnded()
		return p.silent(s)
	})
	if err := p.elected(s); err != nil {
		t.Errorf("%s: in the end: %v", s.name, err)
	}
}

// elected looks whether a quorum is established under one leader that it hears. Nobody is asked for it where no
// quorum hears each other.
func (p *partitions) elected(s shape) error {
	able := s.able()
	if len(able) == 0 {
		return nil
	}
	followers := map[int][]int{} // by leader
	for _, sid := range able {
		st, err := p.Node(sid).Status()
		if err != nil {
			return err
		}
		if st.Established && st.Leader != nil {
			leader := int(*st.Leader)
			if leader != sid && !s.linked(sid, leader) {
				return fmt.Errorf("server %d still has leader %d", sid, leader)
			}
			followers[leader] = append(followers[leader], sid)
		}
	}
	for leader, all := range followers {
		if slices.Contains(all, leader) && 2*len(all) > s.servers && len(followers) == 1 {
			return nil
		}
	}
	return fmt.Errorf("%v can reach each other; established, by leader: %v", able, followers)
}

// silent looks whether those who cannot be established say so.
func (p *partitions) silent(s shape) error {
	able := s.able()
	for _, n := range p.Nodes {
		if slices.Contains(able, n.SID) {
			continue
		}
		if st, err := n.Status(); err != nil {
			return err
		} else if st.Established {
			return fmt.Errorf("server %d, which reaches no quorum, is %s and has an established leader", n.SID, st.State)
		}
	}
	return nil
}

// claims fails the test when one that cannot be established told of an established leader while the shape lasted. All
// that it told by then is there when it has told of the leader that it joined afterwards.
func (p *partitions) claims(t *testing.T, s shape, settled, healed time.Time) {
	t.Helper()
	able := s.able()
	for _, n := range p.Nodes {
		if slices.Contains(able, n.SID) {
			continue
		}
		proc.Eventually(t, patience, fmt.Sprintf("server %d tells of a leader after healing", n.SID), proc.True(func() bool {
			return len(p.establishments(n, healed, time.Now())) > 0
		}))
		for _, ev := range p.establishments(n, settled, healed) {
			t.Errorf("%s: server %d reaches no quorum and told of %+v", s.name, n.SID, ev)
		}
	}
}

// establishments are those that a node told of within a time.
func (p *partitions) establishments(n *Node, from, to time.Time) []event.LeaderEstablished {
	var all []event.LeaderEstablished
	for _, told := range p.History.Events(n.sid(), from, to) {
		if ev, ok := told.Event.(event.LeaderEstablished); ok {
			all = append(all, ev)
		}
	}
	return all
}
