// Package qcm is the connection manager of the election port: listeners, hand-shakes, the tie-break that
// leaves one connection per pair of servers (tiebreak.go), and one link per peer with a queue of one message.
//
// It must not know what the bytes of a message mean to the election; it moves them and tells of links.
// Manager.Run owns every goroutine: one a listener, one a hand-shake, one a dial and one an address tried
// in it, two a link. All have ended when it returns. A settled manager has its listeners and two
// goroutines a link, and none of them wakes up without news.
// Rules: QuorumCnxManager.java.
package qcm
