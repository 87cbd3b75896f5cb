package growth

import (
	"fmt"
	"time"

	"electnode/internal/quorum"
	"electnode/internal/sim"
	"electnode/internal/zab"
)

// Simulation is an ensemble on fake time without faults, in which a message takes up to a millisecond and work none. What is counted
// in it is the algorithm's own, the same for the same seed on every machine.
type Simulation struct {
	Tally *Tally
	World *sim.World
	View  *quorum.View
}

// Simulate makes a simulation whose voters start within 50 ms.
func Simulate(seed uint64, voters int) (*Simulation, error) {
	const first = 1024 // of the ports, which nobody opens
	view, err := quorum.NewView(quorum.Spec{Members: members(voters, func(i int) int { return first + i })})
	if err != nil {
		return nil, err
	}
	s := &Simulation{Tally: NewTally(view), View: view}
	s.World = sim.New(seed, sim.Options{View: view, Tick: tick, DelayMax: time.Millisecond, InOrder: true,
		Downtime: 1000 * time.Hour}, s.Tally)
	return s, nil
}

// Await lets time pass until a leader above an epoch is established and so many servers know it, for a minute at most. It
// gives the leader and how much time passed until the first of them knew it, and the last.
func (s *Simulation) Await(above quorum.Epoch, servers int) (leader zab.Established, established, all time.Duration, err error) {
	const step, most = 100 * time.Microsecond, time.Minute
	begun := s.World.Now()
	for know := 0; know < servers; {
		passed := s.World.Now() - begun
		if passed >= most {
			return leader, established, passed, fmt.Errorf("%d of %d servers know a leader above epoch %d after %s", know, servers, above, passed)
		}
		s.World.Run(step)
		s.Tally.mu.Lock()
		leader, know = s.Tally.newest(above)
		s.Tally.mu.Unlock()
		if all = s.World.Now() - begun; know > 0 && established == 0 {
			established = all
		}
	}
	return leader, established, all, nil
}
