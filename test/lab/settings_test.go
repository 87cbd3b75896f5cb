package lab

import (
	"flag"
	"fmt"
	"time"
)

var seed = flag.Uint64("seed", 1, "what all that is random comes from; the instants do not")

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
	// election: who looks repeats itself after that long at most, dials for cnxTimeout, and waits 200 ms for a better
	// vote than that of a quorum (finalizeWait).
	election = repetition + cnxTimeout + 200*time.Millisecond
	// handshake: the quorum port is dialled again after 250 ms at most (lastPause); the rest is what disks take.
	handshake = 500 * time.Millisecond
)

// longestLeaderless is how long servers that hear each other may be without an established leader after the others
// were cut off from them: they notice, elect, and establish. If a server beyond the cut can still be heard (deaf: it
// hears nothing itself), it may be elected in vain until its connections end, and tried to be reached once more then.
func longestLeaderless(deaf bool) time.Duration {
	d := noticed + election + handshake
	if deaf {
		d += unheard + inVain
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
	return fmt.Sprintf("leader within %s (%s when deaf servers are heard), agreement after healing within %s, and %s spare",
		longestLeaderless(false), longestLeaderless(true), longestConvergence, spare)
}
