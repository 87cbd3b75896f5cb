package fle

import (
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// harmlessText is sent where the own configuration would end a real server's receiver thread: complete,
// valid under all settings, never newer than anything.
const harmlessText = "server.1=127.0.0.1:1:2\nserver.2=127.0.0.1:3:4\nversion=0"

// gossipText is the configuration text that notifications carry: that of the committed view, unless it
// is one that a real server cannot bear to read (observers with a single voter, or none).
func gossipText(v *quorum.View) string {
	if len(v.Voters()) == 0 || len(v.Voters()) == 1 && len(v.Observers()) > 0 {
		return harmlessText
	}
	return v.Text()
}

// broadcast has every voter told the proposal at the end of the step, or of the steps that follow at once, counts the own
// vote, and makes the wait for a repetition short again.
// Differs from ZooKeeper, which tells each better vote to all, though the next one may lie in its queue already.
func (e *Election) broadcast(cause event.SendCause) {
	if i, ok := e.views.index(e.opt.Self); ok && e.views.isVoter(e.proposal.Leader) {
		e.received[i] = stored{present: true, vote: e.proposal, round: e.round, state: quorum.Looking}
	}
	e.interval, e.owed = e.firstWait(), cause
}

// waitPerVoter is how long the first wait before a repetition is at least, for each voter. An election of many takes longer, and who
// repeats its vote to all of them in the middle of it makes it longer still.
const waitPerVoter = 10 * time.Millisecond

// firstWait is how long to wait before a vote is repeated for the first time.
// Differs from ZooKeeper, which does not ask how many voters there are; the same up to twenty of them.
func (e *Election) firstWait() time.Duration {
	return max(e.opt.MinInterval, min(waitPerVoter*time.Duration(len(e.views.voters)), e.opt.MaxInterval))
}

// unlinkedWait bounds the wait for a repetition while a voter has no link: what is repeated is what dials it.
const unlinkedWait = 5 * time.Second

// nextWait is how long to wait before the vote is repeated once more: twice as long as before.
// Differs from ZooKeeper, where servers that were cut off from each other for long wait up to a minute when they are not any more.
func (e *Election) nextWait() time.Duration {
	wait := min(2*e.interval, e.opt.MaxInterval)
	for i, sid := range e.views.voters {
		if sid != e.opt.Self && !e.links[i].up {
			return min(wait, max(e.firstWait(), unlinkedWait))
		}
	}
	return wait
}

// tell tells every voter the proposal if that is owed.
func (e *Election) tell(now time.Time) {
	if e.owed != "" {
		e.send(now, e.owed)
	}
}

// send tells every other voter the proposal and sets the time of the next repetition.
// Differs from ZooKeeper: there arriving messages postpone the repetition, and progress does not shorten
// the wait.
func (e *Election) send(now time.Time, cause event.SendCause) {
	e.resendAt, e.owed = now.Add(e.interval), ""
	if e.interval != e.told {
		e.told = e.interval
		e.emit(event.ResendScheduled{Wait: e.interval})
	}
	for _, sid := range e.views.voters {
		if sid != e.opt.Self {
			e.reply(now, sid, e.proposal, e.round, cause)
		}
	}
}

// reply sends one notification in the present state.
func (e *Election) reply(now time.Time, to quorum.SID, vote quorum.Vote, round quorum.Round, cause event.SendCause) {
	view := e.views.committed
	n := Notification{State: e.state, Vote: vote, Round: round, Version: CurrentVersion,
		Text: []byte(gossipText(view)), MessageID: e.nextID(), SentAt: now.UnixNano(),
		ElectionAt: e.began.UnixNano()}
	e.out.Sends = append(e.out.Sends, Send{
		Frame: Append(make([]byte, 0, n.Size()), n),
		Sent: event.NotificationSent{Peer: to, MessageID: n.MessageID, Cause: cause,
			Notification: event.Notification{State: e.state, Vote: vote, Round: round,
				ConfigVersion: view.Version()}},
	})
}

// nextID is the next message id: never 0, and without a pattern, so that ids of different nodes and
// starts do not meet. The mixing is that of splitmix64.
func (e *Election) nextID() uint64 {
	for {
		e.ids += 0x9e3779b97f4a7c15
		z := e.ids
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		if z ^= z >> 31; z != 0 {
			return z
		}
	}
}
