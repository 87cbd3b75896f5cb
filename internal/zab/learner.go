package zab

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// learnerStage is what a learner waits for, the two writes to disk included.
type learnerStage uint8

const (
	dialing        learnerStage = iota + 1 // the connection, or the next attempt
	registered                             // LEADERINFO
	writingPromise                         // the promise is not durable yet
	promised                               // DIFF, TRUNC or SNAP
	synced                                 // NEWLEADER
	writingEpoch                           // currentEpoch is not durable yet
	acknowledged                           // UPTODATE
	learning                               // in office; heartbeats
	learnerOver
)

// The pauses between attempts to reach the leader: a sixteenth of the time that the leader takes already, within bounds. A real
// server opens its port some 200 ms after an electnode has decided for it; what it is late for is an outage.
// Differs from ZooKeeper, which tries 5 times in 0.4 s: a leader that opens its port a little later would cost another election.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 250 * time.Millisecond
	partPause  = 16
)

// policyPause is how many ticks a strict learner stays away after it left a leader with history.
const policyPause = 5

// Learner is a follower's or observer's side of the quorum port: a function of its inputs. One goroutine
// owns it. Rules: Learner.connectToLeader, registerWithLeader and syncWithLeader; Follower and Observer.
type Learner struct {
	opt    Options
	epochs Epochs // durable
	stage  learnerStage
	epoch  quorum.Epoch // of LEADERINFO
	conn   ConnID       // from registered on

	now     time.Time // of the call that runs
	giveUp  time.Time // dialing: end of the budget; acknowledged: end of the wait for UPTODATE
	retry   time.Time // dialing: the next attempt; zero while one runs
	began   time.Time // dialing: when the first attempt was asked for
	refused string    // why the last attempt did not succeed
	readBy  time.Time // the next packet must have come by then; zero: not waiting for one
	heard   time.Time
	writing bool  // a Persist is not answered yet
	ending  *Done // given out as soon as nothing is being written
	persist Persist
	out     Output
}

// NewLearner makes the role of a follower or, with o.Observer, of an observer of o.Leader.
func NewLearner(o Options) *Learner {
	return &Learner{opt: o, epochs: o.Epochs, stage: dialing}
}

// Start asks for the first attempt to reach the leader.
func (l *Learner) Start(now time.Time) Output {
	l.begin(now)
	if _, ok := l.opt.View.Member(l.opt.Leader); !ok {
		l.finish(event.ReasonNoLeader, "server "+l.opt.Leader.String()+" is not in the configuration")
		return l.end()
	}
	l.began, l.giveUp = now, now.Add(l.opt.connectTime())
	l.out.Dial = true
	return l.end()
}

// Step applies one input at the instant now. Inputs of another connection than the learner's are ignored.
func (l *Learner) Step(now time.Time, in Input) Output {
	l.begin(now)
	switch in.Kind {
	case Opened:
		l.opened(in.Conn)
	case DialError:
		l.dialError(in.Detail)
	case Received, Progress:
		if l.connected(in.Conn) && l.ending == nil {
			l.heardFrom()
			if in.Kind == Progress {
				l.snapshotBegun(in.Packet)
			} else {
				l.received(in.Packet)
			}
		}
	case Closed:
		if l.connected(in.Conn) {
			l.lost(in.Detail)
		}
	case Persisted, WriteErr:
		l.answered(in)
	case Resign:
		l.finish(event.ReasonResigned, in.Detail)
	case CutOff:
		if in.Peer == l.opt.Leader {
			l.finish(event.ReasonLeaderLost, cutDetail)
		}
	}
	return l.end()
}

// Tick applies the deadlines that have come by now.
func (l *Learner) Tick(now time.Time) Output {
	l.begin(now)
	due := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	switch {
	case l.stage == learnerOver || l.ending != nil || l.writing:
	case l.stage == dialing && due(l.giveUp):
		l.finish(event.ReasonNoLeader, "not reached within "+l.opt.connectTime().String()+l.because())
	case l.stage == dialing && due(l.retry):
		l.retry = time.Time{}
		l.out.Dial = true
	case l.stage == acknowledged && due(l.giveUp):
		l.lost("no UPTODATE within " + l.opt.initTime().String())
	case due(l.readBy):
		l.lost("not heard for " + l.patience().String())
		l.ending.Silent = l.stage == learning // before that a leader says nothing while it waits for others
	}
	return l.end()
}

func (l *Learner) begin(now time.Time) {
	l.now = now
	clear(l.out.Events)
	clear(l.out.Sends)
	l.out = Output{Events: l.out.Events[:0], Sends: l.out.Sends[:0], Close: l.out.Close[:0]}
}

func (l *Learner) end() Output {
	switch {
	case l.stage == learnerOver:
	case l.ending != nil && !l.writing:
		l.stage = learnerOver
		l.out.Done, l.ending = l.ending, nil
	case l.ending == nil && !l.writing:
		l.out.Deadline = l.deadline()
	}
	return l.out
}

// finish ends the role for the first reason that is given.
func (l *Learner) finish(reason, detail string) {
	if l.ending == nil && l.stage != learnerOver {
		l.ending = &Done{Reason: reason, Detail: detail}
	}
}

// lost ends the role because the leader is gone, or never was one.
func (l *Learner) lost(detail string) {
	if l.stage == learning {
		l.finish(event.ReasonLeaderLost, detail)
	} else {
		l.finish(event.ReasonNoLeader, detail)
	}
}

func (l *Learner) deadline() time.Time {
	switch {
	case l.stage == dialing && !l.retry.IsZero():
		return l.retry // dialError keeps it before giveUp
	case l.stage == dialing:
		return l.giveUp
	case l.stage == acknowledged && l.giveUp.Before(l.readBy):
		return l.giveUp
	}
	return l.readBy
}

// opened registers with the leader. Rule: Learner.registerWithLeader.
func (l *Learner) opened(conn ConnID) {
	if l.stage != dialing || l.ending != nil {
		l.out.Close = append(l.out.Close, conn)
		return
	}
	l.conn, l.stage = conn, registered
	info := LearnerInfo{SID: l.opt.Self, ProtocolVersion: protocolVersion}
	if l.opt.ReconfigOn {
		info.ConfigVersion = l.opt.View.Version()
	}
	t := TypeFollowerInfo
	if l.opt.Observer {
		t = TypeObserverInfo
	}
	l.send(Packet{Type: t, Zxid: quorum.MakeZxid(l.epochs.Accepted, 0), Data: AppendLearnerInfo(nil, info)})
	l.waitForPacket()
}

func (l *Learner) dialError(detail string) {
	if l.stage != dialing || !l.retry.IsZero() || l.ending != nil {
		return
	}
	l.refused = detail
	l.retry = l.now.Add(min(max(firstPause, l.now.Sub(l.began)/partPause), lastPause))
	if !l.retry.Before(l.giveUp) {
		l.finish(event.ReasonNoLeader, "not reached within "+l.opt.connectTime().String()+l.because())
	}
}

func (l *Learner) because() string {
	if l.refused == "" {
		return ""
	}
	return ": " + l.refused
}

func (l *Learner) connected(conn ConnID) bool {
	return l.stage >= registered && l.stage < learnerOver && l.conn == conn
}

// patience is how long the leader may be silent. Rule: the socket timeouts of Learner.
func (l *Learner) patience() time.Duration {
	if l.stage >= writingEpoch {
		return l.opt.syncTime()
	}
	return l.opt.initTime()
}

func (l *Learner) waitForPacket() { l.readBy = l.now.Add(l.patience()) }

func (l *Learner) heardFrom() {
	l.heard = l.now
	l.waitForPacket()
}

func (l *Learner) emit(ev event.Event) { l.out.Events = append(l.out.Events, ev) }

func (l *Learner) send(p Packet) { l.out.Sends = append(l.out.Sends, Send{Conn: l.conn, Packet: p}) }

// Status is a copy of what the learner knows.
func (l *Learner) Status() Status {
	s := Status{Leader: l.opt.Leader, Epoch: l.epoch, Epochs: l.epochs, LastHeard: l.heard, Phase: Discovery}
	switch {
	case l.stage == learnerOver:
		s.Phase = Over
	case l.stage == learning:
		s.Phase = Broadcast
	case l.stage >= promised:
		s.Phase = Synchronization
	}
	return s
}
