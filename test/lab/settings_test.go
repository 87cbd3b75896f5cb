package lab

import (
	"flag"
	"fmt"
	"time"
)

var seed = flag.Uint64("seed", 0, "what all that is random comes from; the instants do not [another each time]")

// The settings of the ensembles here: short, so that a shape takes seconds, and long enough for a machine that is
// busy. The last is how long a voter that looks in vain waits at most until it repeats itself.
const (
	tick       = 500 * time.Millisecond
	syncLimit  = 3
	initLimit  = 4
	cnxTimeout = 500 * time.Millisecond
	repetition = 500 * time.Millisecond

	settings = "tickTime=500\nsyncLimit=3\ninitLimit=4\ncnxTimeout=500\nfastleader.maxNotificationInterval=500\n"

	// spare is what everything may take beyond its sum: two ticks.
	spare = 2 * tick
)

// What the timeouts allow, by the code.
const (
	// noticed: a learner leaves a leader that it has not heard for syncLimit ticks (Learner.patience). A leader parts
	// from a learner after the same time, and counts its quorum at the end of each tick (Leader.halfTick), which is one
	// tick later at most.
	noticed = (syncLimit + 1) * tick
	// unheard: data that is never acknowledged ends a connection after 5 s (AckTimeout, TCP_USER_TIMEOUT). So long
	// a server that hears nothing may be heard on the connections that it had, and be elected in vain.
	unheard = 5 * time.Second
	// inVain: a learner tries to reach a leader, or waits for its hand-shake, for initLimit ticks (Learner.connectTime,
	// patience), as a leader waits for learners. What failed before is held back for another second at most (holdMax).
	inVain = initLimit*tick + time.Second
	// joining: a server that hears of nobody new has all that it had heard of before behind it after so long.
	joining = (initLimit + syncLimit + 2) * tick
	// election: who looks repeats itself after that long at most, dials for cnxTimeout, and waits 200 ms for a better
	// vote than that of a quorum (finalizeWait).
	election = repetition + cnxTimeout + 200*time.Millisecond
	// handshake: the quorum port is dialled again after 250 ms at most (lastPause); the rest is what disks take.
	handshake = 500 * time.Millisecond
)

// vain says how often servers may elect one beyond a cut that they hear and cannot reach.
type vain int

const (
	never vain = iota
	once       // its round stays behind when they look again
	again      // it hears, be it over others, of their rounds: until the connections on which it is heard have ended
)

// longestLeaderless is how long servers that hear each other may be without an established leader after the old one was
// cut off from them: they notice, elect, and establish. Whom they elect in vain they try to reach, and elect again.
func longestLeaderless(v vain) time.Duration {
	d := noticed + election + handshake
	switch v {
	case once: // nothing is held back after a first failure
		d += initLimit*tick + election
	case again:
		d += unheard + inVain + election
	}
	return d
}

// longestConvergence is how long it may take after healing until all agree: connections that are still waiting for
// an acknowledgement end or go on, an attempt that runs is in vain, all hear of each other again and join. A server
// may come back with a promise of a later epoch: then the leader yields to it after initLimit ticks in office, and
// all elect once more.
const longestConvergence = unheard + inVain + election + handshake + initLimit*tick + election + handshake

// limits says for logs what the sums come to.
func limits() string {
	return fmt.Sprintf("leader within %s (%s when a server is elected in vain once, %s when again and again), agreement after "+
		"healing within %s, and %s spare", longestLeaderless(never), longestLeaderless(once), longestLeaderless(again),
		longestConvergence, spare)
}
