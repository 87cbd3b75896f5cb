package lab

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/test/proc"
)

var shapes = flag.String("shapes", "8", "how many shapes of each kind TestPartitions tries, or all, with the leader on each side")

// TestPartitions cuts an ensemble that has a leader into every shape: a leader who still reaches a quorum stays; else those
// who all reach each other and are a quorum have another in time; all who cannot have one say so in time, and never claim
// one again; and after healing all agree. Which shapes are tried comes from -seed, if it is given, else from the time.
func TestPartitions(t *testing.T) {
	t.Log(limits())
	from := shapeSeed()
	for i, kind := range []struct {
		name   string
		shapes []shape
	}{{"three-directed", directed()}, {"five-split", divided()}, {"five-one-way", oneWay()}, {"five-partial", partial()}} {
		all := sample(t, kind.shapes, from, uint64(i))
		for lane := range lanes {
			t.Run(fmt.Sprintf("%s-%d", kind.name, lane), func(t *testing.T) {
				t.Parallel()
				name := fmt.Sprintf("%s-%d", kind.name, lane)
				p := &partitions{Ensemble: NewEnsemble(t, Options{Program: program, Servers: all[0].servers, Seed: from,
					Settings: settings, Dir: directory(from, name),
					Again: fmt.Sprintf("go test ./test/lab -run TestPartitions/%s -shapes %s -seed %d", name, *shapes, from)})}
				p.Boot()
				for n := lane; n < len(all); n += lanes {
					p.try(t, all[n], false)
					if *shapes == "all" && len(all[n].able()) > 0 && len(all[n].mute()) > 0 {
						p.try(t, all[n], true)
					}
				}
				t.Logf("%d shapes, in %d of them another leader; the slowest: %s", p.tried, p.elections, p.slowest)
			})
		}
	}
}

// lanes is how many ensembles share the shapes of a kind: each waits more than it works.
const lanes = 2

// shapeSeed is -seed if it was given, and another one each time if not: so that in time all shapes are tried.
func shapeSeed() uint64 {
	from := uint64(time.Now().UnixNano()) % 1_000_000
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "seed" {
			from = *seed
		}
	})
	return from
}

// sample is a random choice of the shapes, as many as are asked for, in a random order.
func sample(t *testing.T, all []shape, from, stream uint64) []shape {
	t.Helper()
	r := rand.New(rand.NewPCG(from, stream))
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
	tried, elections int
	slowest          times

	looked time.Time // when the leader was last looked at
	still  time.Time // when the machine last stood still
	stood  bool      // the machine stood still for so long that a leader could be taken for dead
	again  int       // shapes that had to be tried again for that
}

const (
	// standstill between two looks at the leader is enough for others to have missed it for syncLimit ticks.
	standstill = syncLimit * tick / 2
	// mostStandstills in one ensemble are put up with.
	mostStandstills = 3
)

// trial is one shape with a certain leader.
type trial struct {
	shape
	held  Agreed // before the cut
	stays bool   // its leader hears a quorum still
	began time.Time
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

// try cuts one shape and heals it again. Where some can have a leader and others cannot, the present one is among the
// others, and another one has to be elected, or, if inside, among the first; servers change places for that.
func (p *partitions) try(t *testing.T, s shape, inside bool) {
	t.Helper()
	held := p.AwaitAgreement(longestConvergence + spare)
	leader := held.Leader.SID
	where := s.mute()
	if inside {
		where = s.able()
	}
	if len(s.able()) > 0 && len(where) > 0 && !slices.Contains(where, leader) {
		s = s.exchanged(leader, where[p.Rand.IntN(len(where))])
	}
	c := trial{shape: s, held: held, stays: s.leads(leader), began: time.Now()}
	p.act(Action{Action: "shape", SID: leader, Detail: s.name})
	for _, from := range p.Nodes {
		for _, to := range p.Nodes {
			if s.cut[pair{from.SID, to.SID}] {
				p.Cut(from.SID, to.SID, true)
			}
		}
	}
	var took times
	p.looked, p.stood = c.began, false
	p.settle(t, c, &took)
	settled := time.Now()
	p.hold(t, c)
	healed := time.Now()
	p.Heal()
	p.AwaitAgreement(longestConvergence + spare)
	if p.stood {
		if p.again++; p.again > mostStandstills {
			t.Fatalf("%s: the machine has stood still %d times", c.name, p.again)
		}
		p.try(t, s, inside)
		return
	}
	took.Healed = time.Since(healed)
	p.claims(t, s, settled, healed)
	p.changed(t, c, healed)
	p.Judge()
	p.tried++
	p.slowest.atLeast(took)
	t.Logf("%s, led by server %d: %s", s.name, leader, took)
}

// within is how long it may take until there is a leader of those who can have one, and none of others.
func (c trial) within() (elect, silence time.Duration) {
	silence = noticed + spare
	if c.stays {
		return silence, silence // whom it does not reach any more notices
	}
	return longestLeaderless(c.vain()) + spare, silence
}

// settle waits until those who can have a leader have one and the others none, each within its time.
func (p *partitions) settle(t *testing.T, c trial, took *times) {
	t.Helper()
	elect, silence := c.within()
	proc.Every(t, 10*time.Millisecond, max(elect, silence), c.name, func() error {
		p.NoneEnded()
		if !p.kept(t, c) {
			return nil
		}
		electedErr, silentErr := p.elected(c.shape), p.silent(c.shape)
		now := time.Since(c.began)
		took.Elected, took.Silent = since(took.Elected, now, electedErr), since(took.Silent, now, silentErr)
		if silentErr != nil && now > silence {
			t.Fatalf("%s: not within %s: %v", c.name, silence, silentErr)
		}
		if electedErr != nil {
			return electedErr
		}
		return silentErr
	})
}

// kept fails the test when a leader that should stay did not; false: the machine stood still, and this trial says nothing.
func (p *partitions) kept(t *testing.T, c trial) bool {
	t.Helper()
	p.look()
	if p.stood || !c.stays {
		return !p.stood
	}
	now, err := p.Agreement(c.held.Leader)
	if err == nil && now == c.held {
		return true
	}
	if p.look(); time.Since(p.still) > noticed {
		t.Fatalf("%s: server %d led in epoch %s, and hears a quorum; now: %+v, %v", c.name, c.held.Leader.SID, c.held.Epoch, now, err)
	}
	t.Logf("%s: the machine stood still %s ago, once more", c.name, time.Since(p.still))
	p.stood = true
	return false
}

// look notes that the leader is being looked at, and whether the machine has stood still since the last time.
func (p *partitions) look() {
	now := time.Now()
	if now.Sub(p.looked) >= standstill {
		p.still = now
	}
	p.looked = now
}

// changed counts the elections, and fails the test when there was none though the leader reached no quorum any more.
func (p *partitions) changed(t *testing.T, c trial, healed time.Time) {
	t.Helper()
	if c.stays || len(c.able()) == 0 {
		return
	}
	p.elections++
	lost := 0
	for _, sid := range c.able() {
		for _, told := range p.History.Events(quorum.SID(sid), c.began, healed) {
			if ev, ok := told.Event.(event.LeaderLost); ok && int(ev.Leader) == c.held.Leader.SID {
				lost++
			}
		}
	}
	if lost == 0 {
		t.Errorf("%s: server %d was cut off from %v, and nobody told that this leader was lost", c.name, c.held.Leader.SID, c.able())
	}
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

// hold looks on while the shape lasts: for some ticks, for the first shape and in long runs until nothing that was heard
// before can have an effect any more, and where servers are heard that hear nothing until their connections have ended.
func (p *partitions) hold(t *testing.T, c trial) {
	t.Helper()
	rest := 4 * tick
	if p.tried == 0 || *shapes == "all" {
		rest = joining
	}
	if c.deaf() {
		rest = max(rest, unheard+2*tick-time.Since(c.began))
	}
	proc.Throughout(t, rest, c.name+" settled", func() error {
		p.NoneEnded()
		if !p.kept(t, c) {
			return nil
		}
		if err := p.silent(c.shape); err != nil || c.deaf() {
			return err // a deaf server may be elected once more meanwhile
		}
		return p.elected(c.shape)
	})
	if err := p.elected(c.shape); err != nil && !p.stood {
		t.Errorf("%s: in the end: %v", c.name, err)
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

// silent looks whether those who cannot be established say so, in their status and to a load balancer that looks for the leader.
func (p *partitions) silent(s shape) error {
	for _, sid := range s.mute() {
		n := p.Node(sid)
		if st, err := n.Status(); err != nil {
			return err
		} else if st.Established {
			return fmt.Errorf("server %d, which reaches no quorum, is %s and has an established leader", sid, st.State)
		}
		resp, err := n.Client.Get("http://" + n.HTTP + "/leader")
		if err != nil {
			return err
		}
		if err := resp.Body.Close(); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusServiceUnavailable {
			return fmt.Errorf("server %d, which reaches no quorum, answers %s to who looks for a leader", sid, resp.Status)
		}
	}
	return nil
}

// claims fails the test when one that cannot be established told of an established leader while the shape lasted. All
// that it told by then is there when it has told of the leader that it joined afterwards.
func (p *partitions) claims(t *testing.T, s shape, settled, healed time.Time) {
	t.Helper()
	for _, sid := range s.mute() {
		n := p.Node(sid)
		proc.Eventually(t, patience, fmt.Sprintf("server %d tells of a leader after healing", sid), proc.True(func() bool {
			return len(p.establishments(n, healed, time.Now())) > 0
		}))
		for _, ev := range p.establishments(n, settled, healed) {
			t.Errorf("%s: server %d reaches no quorum and told of %+v", s.name, sid, ev)
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
