// Package zab is the quorum port after an election: the leader's and the learner's side of epoch
// establishment, the synchronisation of an empty history, and the heartbeat that keeps a leader in office.
//
// It must not know how the leader was chosen. Leader and Learner are pure machines: no goroutine, clock,
// socket or file; Transport moves their packets over real connections and ends its goroutines in Close.
// Rules: Leader, LearnerHandler, Learner, Follower and Observer in org.apache.zookeeper.server.quorum.
package zab
