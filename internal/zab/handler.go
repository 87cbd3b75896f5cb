package zab

import (
	"time"

	"electnode/internal/quorum"
)

// handlerState says what the leader waits for on one connection. Rule: LearnerHandler.run, where each of
// these is a place in the code.
type handlerState uint8

const (
	waitInfo        handlerState = iota + 1 // the learner's first packet
	waitEpoch                               // others: the epoch is not fixed yet
	sentLeaderInfo                          // the learner's ACKEPOCH
	waitEpochQuorum                         // others: not enough promises yet
	sentNewLeader                           // the learner's ACK
	waitAckQuorum                           // others: not enough acknowledgements yet
	serving                                 // UPTODATE was sent; heartbeats
)

// handler is what the leader knows of one connection.
type handler struct {
	conn     ConnID
	remote   string
	host     string // who stands behind it
	opened   time.Time
	heard    time.Time
	readBy   time.Time // the next packet must have come by then; zero while the learner waits for others
	state    handlerState
	known    bool // sid is
	sid      quorum.SID
	observer bool
	zxid     quorum.Zxid // reported in ACKEPOCH
	ackTick  int         // the last tick at which the learner counts as heard
	pings    pingTimes   // sent and not answered yet, oldest first
	rtt      time.Duration
}

// joined reports whether the learner has acknowledged NEWLEADER.
func (h *handler) joined() bool { return h.state >= waitAckQuorum }

// outranks reports whether sinks should rather believe h than o, another connection of the same server.
func (h *handler) outranks(o *handler) bool {
	return h != o && h.known && h.sid == o.sid && (h.joined() || !o.joined())
}

// maxPings bounds the unanswered PINGs that are remembered. A silent learner is gone after syncLimit
// ticks, which is ten half ticks by default; one that talks but never answers keeps the newest.
const maxPings = 16

// pingTimes are the instants of unanswered PINGs. Answers carry no number, but come in order.
type pingTimes struct {
	at [maxPings]time.Time
	n  int
}

func (p *pingTimes) add(t time.Time) {
	if p.n == maxPings {
		p.drop()
	}
	p.at[p.n] = t
	p.n++
}

// oldest is valid if there is one.
func (p *pingTimes) oldest() time.Time { return p.at[0] }

func (p *pingTimes) drop() {
	copy(p.at[:], p.at[1:p.n])
	p.n--
}
