package zab

import (
	"fmt"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// leaderStage is how far a leadership has come.
type leaderStage uint8

const (
	collecting leaderStage = iota + 1 // FOLLOWERINFO of a quorum
	proposed                          // LEADERINFO sent; promises of a quorum, the own one, on disk, among them
	syncing                           // NEWLEADER sent; acknowledgements of a quorum, likewise
	leading                           // established
	leaderOver
)

// Leader is the leader's side of the quorum port: a function of its inputs. One goroutine owns it.
// Rules: Leader.lead, Leader.getEpochToPropose, Leader.waitForEpochAck, Leader.waitForNewLeaderAck.
type Leader struct {
	opt    Options
	epochs Epochs       // durable
	old    quorum.Epoch // currentEpoch at the start: with LastZxid the history that speaks for this leader
	stage  leaderStage
	epoch  quorum.Epoch // above every acceptedEpoch heard; fixed from proposed on

	connecting quorum.Set // voters whose FOLLOWERINFO came
	electing   quorum.Set // voters whose promise came
	acked      quorum.Set // voters that acknowledged NEWLEADER
	handlers   []*handler // by age, oldest first

	now      time.Time // of the call that runs
	limit    time.Time // when this stage must be over; zero while leading
	nextHalf time.Time // the next half tick; zero before leading
	tick     int       // full ticks since leading began
	odd      bool      // the last half tick was the first half of a tick
	shrunk   bool      // a learner was lost in this call
	writing  bool      // a Persist is not answered yet
	ending   *Done     // given out as soon as nothing is being written
	persist  Persist
	out      Output
}

// NewLeader makes the leader's role. o.Leader is not looked at: it is o.Self.
func NewLeader(o Options) *Leader {
	o.Leader = o.Self
	return &Leader{
		opt: o, epochs: o.Epochs, old: o.Epochs.Current, stage: collecting, epoch: o.Epochs.Accepted + 1,
		connecting: quorum.Set{}, electing: quorum.Set{}, acked: quorum.Set{},
	}
}

// Start begins the leadership; the quorum port must be open already. A leader that is a quorum by itself
// goes through the same steps without learners.
func (l *Leader) Start(now time.Time) Output {
	l.begin(now)
	l.limit = now.Add(l.opt.initTime())
	l.connecting.Add(l.opt.Self)
	if l.epoch > quorum.MaxEpoch {
		l.finish(event.ReasonNotSupported, fmt.Sprintf("no epoch is left after %d", l.epochs.Accepted))
		return l.end()
	}
	l.maybePropose()
	return l.end()
}

// Step applies one input at the instant now. Inputs of unknown connections are ignored.
func (l *Leader) Step(now time.Time, in Input) Output {
	l.begin(now)
	switch in.Kind {
	case Opened:
		l.openedConn(in)
	case Received:
		if h := l.find(in.Conn); h != nil && l.ending == nil {
			h.heard = now
			l.received(h, in.Packet)
		}
	case Closed:
		if h := l.find(in.Conn); h != nil {
			l.closedConn(h, in)
		}
	case Persisted, WriteErr:
		l.answered(in)
	case Resign:
		l.finish(event.ReasonResigned, in.Detail)
	case CutOff:
		l.cutOff(in.Peer)
	case PortLost:
		l.finish(event.ReasonPort, in.Detail)
	}
	return l.end()
}

// Tick applies the deadlines that have come by now.
func (l *Leader) Tick(now time.Time) Output {
	l.begin(now)
	if l.stage == leaderOver || l.ending != nil {
		return l.end()
	}
	for i := 0; i < len(l.handlers); {
		if h := l.handlers[i]; !h.readBy.IsZero() && !now.Before(h.readBy) {
			l.timedOut(h) // and so removes it
		} else {
			i++
		}
	}
	if !l.limit.IsZero() && !now.Before(l.limit) && !l.writing {
		l.finish(event.ReasonNotSupported, l.missing())
	}
	if l.stage == leading && !now.Before(l.nextHalf) {
		l.halfTick()
	}
	return l.end()
}

// begin empties the output of the last call, keeping its memory.
func (l *Leader) begin(now time.Time) {
	l.now, l.shrunk = now, false
	clear(l.out.Events)
	clear(l.out.Sends)
	l.out = Output{Events: l.out.Events[:0], Sends: l.out.Sends[:0], Close: l.out.Close[:0]}
}

// end completes the output: it gives up a leadership that has lost its quorum, says that it is over when
// nothing is being written, and otherwise what to wait for.
func (l *Leader) end() Output {
	// Differs from ZooKeeper: the loss of a needed connection is acted on at once, not within a tick. It
	// only makes the next leader come sooner. Before the establishment learners may still come.
	if l.stage == leading && l.shrunk && !l.opt.quorum(l.live) {
		l.finish(event.ReasonQuorumLost, l.deaf())
	}
	switch {
	case l.stage == leaderOver:
	case l.ending != nil && !l.writing:
		l.over()
	case l.ending == nil:
		l.out.Deadline = l.deadline()
	}
	return l.out
}

// finish ends the leadership for the first reason that is given.
func (l *Leader) finish(reason, detail string) {
	if l.ending == nil && l.stage != leaderOver {
		l.ending = &Done{Reason: reason, Detail: detail}
	}
}

func (l *Leader) over() {
	for len(l.handlers) > 0 {
		l.drop(l.handlers[0], event.LearnerLeaderGone, l.ending.Reason)
	}
	l.stage = leaderOver
	l.out.Done, l.ending = l.ending, nil
}

// deadline is the earliest instant that something happens without an input; zero: none.
func (l *Leader) deadline() time.Time {
	var first time.Time
	consider := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	if !l.writing {
		consider(l.limit)
	}
	consider(l.nextHalf)
	for _, h := range l.handlers {
		consider(h.readBy)
	}
	return first
}

// Status is a copy of what the leader knows.
func (l *Leader) Status() Status {
	s := Status{Leader: l.opt.Self, Epochs: l.epochs, Phase: Discovery}
	switch {
	case l.stage == leaderOver:
		s.Phase = Over
	case l.stage == leading:
		s.Phase = Broadcast
	case l.stage >= syncing:
		s.Phase = Synchronization
	}
	if l.stage > collecting {
		s.Epoch = l.epoch
	}
	for _, h := range l.handlers {
		if h.known {
			s.Learners = append(s.Learners, LearnerStatus{
				Conn: h.conn, SID: h.sid, Observer: h.observer, Live: h.joined() && l.tick <= h.ackTick,
				Remote: h.remote, Zxid: h.zxid, LastHeard: h.heard, RTT: h.rtt,
			})
		}
	}
	return s
}
