package invariant

import (
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// three is an ensemble of three voters and an observer, 4.
func three(t testing.TB) *quorum.View { return view(t, nil, nil) }

// view is three with groups and weights.
func view(t testing.TB, groups map[int64][]quorum.SID, weights map[quorum.SID]int64) *quorum.View {
	t.Helper()
	var members []quorum.Member
	for sid := quorum.SID(1); sid <= 4; sid++ {
		m := quorum.Member{SID: sid, Addresses: []quorum.Address{{Host: "127.0.0.1", QuorumPort: 2000 + int(sid), ElectionPort: 3000 + int(sid)}}}
		if sid == 4 {
			m.Role = quorum.Observer
		}
		members = append(members, m)
	}
	v, err := quorum.NewView(quorum.Spec{Members: members, Groups: groups, Weights: weights})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// story is a checker that is told one thing after the other, a millisecond apart.
type story struct {
	c   *Checker
	at  time.Time
	err error
}

func (s *story) then(f func(at time.Time) error) *story {
	s.at = s.at.Add(time.Millisecond)
	if err := f(s.at); s.err == nil {
		s.err = err
	}
	return s
}

func (s *story) says(sid quorum.SID, ev event.Event) *story {
	return s.then(func(at time.Time) error { return s.c.Event(event.Stamped{Time: at, Node: sid, Event: ev}) })
}

func (s *story) writes(sid quorum.SID, epoch quorum.Epoch) *story {
	return s.says(sid, event.DurableWritten{File: event.FileAccepted, Epoch: epoch}).
		says(sid, event.DurableWritten{File: event.FileCurrent, Epoch: epoch})
}

// missing has the record of sid lack what it did in the time before. Nobody has looked at its disk.
func (s *story) missing(sid quorum.SID, d time.Duration) *story { return s.hole(sid, d, nil) }

// killed is missing, for one whose disk was found to hold e.
func (s *story) killed(sid quorum.SID, d time.Duration, e zab.Epochs) *story {
	return s.hole(sid, d, &e)
}

func (s *story) hole(sid quorum.SID, d time.Duration, disk *zab.Epochs) *story {
	return s.then(func(at time.Time) error { return s.c.Missing(sid, Hole{From: at.Add(-d), Until: at, Disk: disk}) })
}

func (s *story) pause(d time.Duration) *story {
	s.at = s.at.Add(d)
	return s
}

var forThree = quorum.Vote{Leader: 3}

// votes has 1 and 3 vote for 3 in round 1, 3 seeing it.
func (s *story) votes(to quorum.Vote) *story {
	return s.says(3, event.ElectionStarted{Round: 1, Vote: forThree}).
		says(1, event.VoteChanged{To: to, Round: 1}).
		says(3, event.QuorumReached{Vote: forThree, Round: 1, Supporters: []quorum.SID{1, 3}})
}

// elects has a leader elected, by itself and the others, in a round.
func (s *story) elects(leader quorum.SID, round quorum.Round, others ...quorum.SID) *story {
	v := quorum.Vote{Leader: leader}
	all := append([]quorum.SID{leader}, others...)
	slices.Sort(all)
	for _, sid := range all {
		s.says(sid, event.ElectionStarted{Round: round, Vote: v})
	}
	for _, sid := range all {
		state := quorum.Following
		if sid == leader {
			state = quorum.Leading
		}
		s.says(sid, event.QuorumReached{Vote: v, Round: round, Supporters: all}).
			says(sid, event.ElectionDecided{State: state, Vote: v, Round: round})
	}
	return s
}

// proposes has a leader propose an epoch, for which it and the others have come.
func (s *story) proposes(leader quorum.SID, epoch quorum.Epoch, others ...quorum.SID) *story {
	return s.says(leader, event.EpochProposed{Epoch: epoch, From: append([]quorum.SID{leader}, others...)})
}

// promise has servers promise an epoch to a leader, for the first time.
func (s *story) promise(leader quorum.SID, epoch quorum.Epoch, all ...quorum.SID) *story {
	for _, sid := range all {
		s.says(sid, event.DurableWritten{File: event.FileAccepted, Epoch: epoch}).
			says(sid, event.EpochPromised{Leader: leader, Epoch: epoch})
	}
	return s
}

// acknowledge has servers write that an epoch is the current one.
func (s *story) acknowledge(epoch quorum.Epoch, all ...quorum.SID) *story {
	for _, sid := range all {
		s.says(sid, event.DurableWritten{File: event.FileCurrent, Epoch: epoch})
	}
	return s
}

// leads has a leader say that it is established.
func (s *story) leads(leader quorum.SID, epoch quorum.Epoch) *story {
	return s.follows(leader, leader, epoch)
}

// follows has a server say that its leader is established.
func (s *story) follows(sid, leader quorum.SID, epoch quorum.Epoch) *story {
	return s.says(sid, event.LeaderEstablished{Leader: leader, Epoch: epoch})
}

// ready has 3 elected by 1, and 3 propose epoch 1.
func (s *story) ready() *story { return s.elects(3, 1, 1).proposes(3, 1, 1) }

// tale is a history, and what is to be said of it.
type tale struct {
	name   string
	grace  time.Duration
	tell   func(*story)
	want   string // part of the error; empty: none
	waived int
}

func (tt tale) test(t *testing.T) {
	s := &story{c: New(three(t), tt.grace), at: time.Unix(1_700_000_000, 0)}
	tt.tell(s)
	s.then(func(time.Time) error { return s.c.Settle() })
	switch {
	case tt.want == "" && s.err != nil:
		t.Errorf("refused: %v", s.err)
	case tt.want != "" && (s.err == nil || !strings.Contains(s.err.Error(), tt.want)):
		t.Errorf("error %v, want one with %q", s.err, tt.want)
	case tt.want == "" && s.c.Counts().Waived != tt.waived:
		t.Errorf("waived %d, want %d", s.c.Counts().Waived, tt.waived)
	}
}

// TestChecker tells histories that must be accepted, and for each promise one that breaks it.
func TestChecker(t *testing.T) {
	for _, tt := range []tale{
		{"an election", 0, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 1, 3).leads(3, 1).follows(1, 3, 1)
		}, "", 0},
		{"a supporter voted otherwise", 0, func(s *story) { s.votes(quorum.Vote{Leader: 1}) }, "only [3] voted so", 0},
		{"the own vote is another by now", 0, func(s *story) {
			s.says(3, event.ElectionStarted{Round: 1, Vote: forThree}).says(1, event.VoteChanged{To: forThree, Round: 2}).
				says(3, event.QuorumReached{Vote: forThree, Round: 2, Supporters: []quorum.SID{1, 3}})
		}, "only [1] voted so", 0},
		{"the own vote is another", 0, func(s *story) {
			s.says(3, event.ElectionStarted{Round: 1, Vote: quorum.Vote{Leader: 3, Zxid: 1}}).says(1, event.VoteChanged{To: forThree, Round: 1}).
				says(3, event.QuorumReached{Vote: forThree, Round: 1, Supporters: []quorum.SID{1, 3}})
		}, "only [1] voted so", 0},
		{"a vote that it does not know of", 0, func(s *story) {
			s.says(3, event.ElectionStarted{Round: 1, Vote: forThree}).says(1, event.VoteChanged{To: forThree, Round: 1}).
				says(3, event.QuorumReached{Vote: forThree, Round: 1, Supporters: []quorum.SID{3}})
		}, "sees a quorum [3]", 0},
		{"an observer's support does not count", 0, func(s *story) {
			s.says(4, event.VoteChanged{To: forThree, Round: 1}).
				says(3, event.QuorumReached{Vote: forThree, Round: 1, Supporters: []quorum.SID{3, 4}})
		}, "sees a quorum", 0},
		{"two leaders in one epoch", 0, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 1, 3).leads(3, 1).leads(2, 1)
		}, "two established leaders: 3 and 2", 0},
		{"two leaders, one only by hearsay", time.Second, func(s *story) { s.follows(1, 3, 1).leads(2, 1) },
			"two established leaders: 3 and 2", 0},
		{"an epoch goes down", 0, func(s *story) {
			s.promise(3, 2, 1).says(1, event.NodeStarted{AcceptedEpoch: 1})
		}, "had written", 0},
		{"a lost file", 0, func(s *story) {
			s.promise(3, 2, 1).acknowledge(2, 1).then(func(at time.Time) error { return s.c.Durable(at, 1, zab.Epochs{Accepted: 2}) })
		}, "had written", 0},
		{"current above accepted", 0, func(s *story) { s.acknowledge(1, 1) }, "has accepted only 0", 0},
		{"a failed write is none", 0, func(s *story) {
			s.says(1, event.DurableWritten{File: event.FileCurrent, Epoch: 1, Error: "no space left"})
		}, "", 0},
		{"a promise given twice", 0, func(s *story) {
			s.promise(3, 2, 1).says(1, event.EpochPromised{Leader: 2, Epoch: 2})
		}, "had promised it to 3", 0},
		{"a promise repeated", 0, func(s *story) {
			s.promise(3, 2, 1).says(1, event.EpochPromised{Leader: 2, Epoch: 2, Repeated: true})
		}, "", 0},
		{"a promise that is not on disk", 0, func(s *story) {
			s.promise(3, 1, 1).says(1, event.EpochPromised{Leader: 3, Epoch: 2})
		}, "has accepted 1 on disk", 0},
		{"a repeated promise that is not on disk", 0, func(s *story) {
			s.promise(3, 1, 1).says(1, event.EpochPromised{Leader: 3, Epoch: 2, Repeated: true})
		}, "has accepted 1 on disk", 0},
		{"joins who never led", 0, func(s *story) {
			s.says(1, event.ElectionDecided{State: quorum.Following, Vote: forThree, How: event.HowJoined})
		}, "which never led", 0},
		{"joins one with a quorum behind it", 0, func(s *story) {
			s.ready().says(2, event.ElectionStarted{Round: 1, Vote: quorum.Vote{Leader: 2}}).
				says(2, event.ElectionDecided{State: quorum.Following, Vote: forThree, Round: 1, How: event.HowJoined})
		}, "", 0},
		{"joins one whom no quorum elected", 0, func(s *story) {
			s.says(3, event.ElectionStarted{Round: 1, Vote: forThree}).
				says(3, event.ElectionDecided{State: quorum.Leading, Vote: forThree, How: event.HowJoined})
		}, "for which only [3] ever voted", 0},
		{"elects an observer", 0, func(s *story) {
			s.says(1, event.ElectionDecided{State: quorum.Following, Vote: quorum.Vote{Leader: 4}})
		}, "which is no voter", 0},
		{"elects another and leads", 0, func(s *story) {
			s.votes(forThree).says(1, event.ElectionDecided{State: quorum.Leading, Vote: forThree})
		}, "elects 3 and is LEADING", 0},
		{"elects without a quorum", 0, func(s *story) {
			s.says(3, event.ElectionDecided{State: quorum.Leading, Vote: forThree})
		}, "saw a quorum for", 0},
		{"elects after its quorum is undone", 0, func(s *story) {
			s.votes(forThree).says(3, event.QuorumUndone{Round: 1}).
				says(3, event.ElectionDecided{State: quorum.Leading, Vote: forThree, Round: 1})
		}, "saw a quorum for", 0},
		{"elects with the quorum of another vote", 0, func(s *story) {
			s.votes(forThree).says(3, event.ElectionDecided{State: quorum.Leading, Vote: quorum.Vote{Leader: 3, Zxid: 1}, Round: 1})
		}, "saw a quorum for", 0},
		{"elects for another round", 0, func(s *story) {
			s.votes(forThree).says(3, event.ElectionDecided{State: quorum.Leading, Vote: forThree, Round: 2})
		}, "saw a quorum for", 0},
		{"elects with the quorum of another round", 0, func(s *story) {
			s.votes(forThree).says(3, event.RoundChanged{From: 1, To: 2}).
				says(3, event.ElectionDecided{State: quorum.Leading, Vote: forThree, Round: 2})
		}, "saw a quorum for", 0},
	} {
		t.Run(tt.name, tt.test)
	}
}

// TestWeightless: a voter of weight 0 is never elected.
func TestWeightless(t *testing.T) {
	c := New(view(t, map[int64][]quorum.SID{1: {1, 2, 3}}, map[quorum.SID]int64{3: 0}), 0)
	s := &story{c: c, at: time.Unix(1_700_000_000, 0)}
	s.elects(3, 1, 1, 2)
	if s.err == nil || !strings.Contains(s.err.Error(), "elects 3 of weight 0") {
		t.Error(s.err)
	}
}

// TestPackets: an epoch is used when a quorum's promises are on disk, the leader's own among them, and acknowledged
// when it is on the own disk.
func TestPackets(t *testing.T) {
	c := New(three(t), 0)
	for _, w := range []struct {
		sid   quorum.SID
		file  string
		epoch quorum.Epoch
	}{{1, event.FileAccepted, 6}, {1, event.FileCurrent, 5}, {2, event.FileAccepted, 5}, {3, event.FileAccepted, 7}, {4, event.FileAccepted, 9}} {
		if err := c.Written(time.Unix(0, 0), w.sid, w.file, w.epoch); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		packet zab.PacketType
		from   quorum.SID
		epoch  quorum.Epoch
		ok     bool
	}{
		{zab.TypeNewLeader, 1, 6, true},  // 1 and 3
		{zab.TypeNewLeader, 2, 6, false}, // not its own
		{zab.TypeNewLeader, 3, 7, false}, // an observer does not count
		{zab.TypeAck, 1, 5, true}, {zab.TypeAck, 1, 6, false},
		{zab.TypePing, 1, 9, true},
	}
	for _, tt := range tests {
		if err := c.Packet(tt.from, zab.Packet{Type: tt.packet, Zxid: quorum.MakeZxid(tt.epoch, 0)}); (err == nil) != tt.ok {
			t.Errorf("%s of epoch %d from %d: %v", tt.packet, tt.epoch, tt.from, err)
		}
	}
}
