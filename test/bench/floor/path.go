package floor

// Kind is what a step of the path takes time for.
type Kind string

// Kinds of steps.
const (
	Death   Kind = "death"         // kill -9 until a peer of the process reads the end of their connection
	Trip    Kind = "round trip"    // a message there and one back
	Connect Kind = "connect"       // a TCP connection
	Write   Kind = "durable write" // written over, synced, exchanged, the directory synced: package durable
)

// Step is a part of the path.
type Step struct {
	Kind Kind
	Why  string
}

// Path lists what must happen one after the other from the kill of the leader of an ensemble without data until another one
// is established, by ZooKeeper's protocol and by what must be on disk before it is said. What may happen meanwhile is not on it:
// the vote that goes back to the winner, all that the leader writes, and whatever the other learners do.
// A message in one direction at the beginning and one at the end are counted as one round trip.
func Path() []Step {
	return []Step{
		{Death, "the survivors' connections to the leader end"},
		{Trip, "the winner's vote reaches the others; at the end their ACK of NEWLEADER reaches the winner"},
		{Connect, "a learner connects to the winner's quorum port"},
		{Trip, "FOLLOWERINFO, LEADERINFO"},
		{Write, "the learner's acceptedEpoch, before ACKEPOCH"},
		{Trip, "ACKEPOCH, NEWLEADER"},
		{Write, "the learner's currentEpoch, before ACK"},
	}
}

// Count says how many steps of a kind are on the path.
func Count(k Kind) int {
	n := 0
	for _, s := range Path() {
		if s.Kind == k {
			n++
		}
	}
	return n
}

// Kinds lists the kinds of steps in the order in which they come first.
func Kinds() []Kind { return []Kind{Death, Trip, Connect, Write} }
