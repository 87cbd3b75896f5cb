package invariant

import (
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// three is an ensemble of three voters and an observer, 4.
func three(t testing.TB) *quorum.View {
	t.Helper()
	var members []quorum.Member
	for sid := quorum.SID(1); sid <= 4; sid++ {
		m := quorum.Member{SID: sid, Addresses: []quorum.Address{{Host: "127.0.0.1", QuorumPort: 2000 + int(sid), ElectionPort: 3000 + int(sid)}}}
		if sid == 4 {
			m.Role = quorum.Observer
		}
		members = append(members, m)
	}
	v, err := quorum.NewView(quorum.Spec{Members: members})
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

func (s *story) killed(sid quorum.SID) *story {
	return s.then(func(at time.Time) error { return s.c.Killed(at, sid) })
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

// TestChecker tells histories that must be accepted, and for each promise one that breaks it.
func TestChecker(t *testing.T) {
	leads := event.LeaderEstablished{Leader: 3, Epoch: 1}
	tests := []struct {
		name  string
		grace time.Duration
		tell  func(*story)
		want  string // part of the error; empty: none
	}{
		{"an election", 0, func(s *story) {
			s.votes(forThree).says(3, event.ElectionDecided{State: quorum.Leading, Vote: forThree}).
				writes(3, 1).writes(1, 1).says(3, leads).says(1, leads)
		}, ""},
		{"a supporter voted otherwise", 0, func(s *story) { s.votes(quorum.Vote{Leader: 1}) }, "only [3] voted so"},
		{"an observer's support does not count", 0, func(s *story) {
			s.says(4, event.VoteChanged{To: forThree, Round: 1}).
				says(3, event.QuorumReached{Vote: forThree, Round: 1, Supporters: []quorum.SID{3, 4}})
		}, "sees a quorum"},
		{"two leaders in one epoch", 0, func(s *story) {
			s.writes(3, 1).writes(1, 1).says(3, leads).says(2, event.LeaderEstablished{Leader: 2, Epoch: 1})
		}, "two established leaders: 3 and 2"},
		{"two leaders, one only by hearsay", time.Second, func(s *story) {
			s.says(1, leads).says(2, event.LeaderEstablished{Leader: 2, Epoch: 1})
		}, "two established leaders: 3 and 2"},
		{"an epoch on one disk only", 0, func(s *story) { s.writes(3, 1).says(3, leads) }, "without a quorum's disks"},
		{"a leader that nobody established", 0, func(s *story) { s.says(1, leads) }, "which is not established"},
		{"an epoch goes down", 0, func(s *story) {
			s.writes(1, 2).says(1, event.NodeStarted{AcceptedEpoch: 1, CurrentEpoch: 1})
		}, "had written"},
		{"a lost file", 0, func(s *story) {
			s.writes(1, 2).then(func(at time.Time) error { return s.c.Durable(at, 1, zab.Epochs{Accepted: 2}) })
		}, "had written"},
		{"current above accepted", 0, func(s *story) {
			s.says(1, event.DurableWritten{File: event.FileCurrent, Epoch: 1})
		}, "has accepted only 0"},
		{"a failed write is none", 0, func(s *story) {
			s.says(1, event.DurableWritten{File: event.FileCurrent, Epoch: 1, Error: "no space left"})
		}, ""},
		{"a promise given twice", 0, func(s *story) {
			s.writes(1, 2).says(1, event.EpochPromised{Leader: 3, Epoch: 2}).says(1, event.EpochPromised{Leader: 2, Epoch: 2})
		}, "had promised it to 3"},
		{"a promise repeated for the same leader", 0, func(s *story) {
			s.writes(1, 2).says(1, event.EpochPromised{Leader: 3, Epoch: 2}).
				says(1, event.EpochPromised{Leader: 3, Epoch: 2, Repeated: true})
		}, ""},
		{"a promise that is not on disk", 0, func(s *story) {
			s.writes(1, 1).says(1, event.EpochPromised{Leader: 3, Epoch: 2})
		}, "has accepted 1 on disk"},
		{"joins who never led", 0, func(s *story) {
			s.says(1, event.ElectionDecided{State: quorum.Following, Vote: forThree, How: event.HowJoined})
		}, "which never led"},
		{"elects an observer", 0, func(s *story) {
			s.says(1, event.ElectionDecided{State: quorum.Following, Vote: quorum.Vote{Leader: 4}})
		}, "which is no voter"},
		{"a vote that came on record late", time.Second, func(s *story) {
			s.says(3, event.ElectionStarted{Round: 1, Vote: forThree}).
				says(3, event.QuorumReached{Vote: forThree, Round: 1, Supporters: []quorum.SID{1, 3}}).
				says(1, event.VoteChanged{To: forThree, Round: 1})
		}, ""},
		{"a vote of one that was killed", time.Second, func(s *story) {
			s.votes(quorum.Vote{Leader: 1}).killed(1).pause(2*time.Second).says(2, event.ElectionStarted{})
		}, ""},
		{"a vote that never came on record", time.Second, func(s *story) {
			s.votes(quorum.Vote{Leader: 1}).pause(2*time.Second).says(2, event.ElectionStarted{})
		}, "only [3] voted so"},
		{"a leader that was killed before it could tell", time.Second, func(s *story) {
			s.writes(3, 1).writes(1, 1).says(1, leads).killed(3)
		}, ""},
		{"a disk that came on record late", time.Second, func(s *story) {
			s.writes(3, 1).says(3, leads).killed(1).
				then(func(at time.Time) error { return s.c.Durable(at, 1, zab.Epochs{Accepted: 1, Current: 1}) })
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &story{c: New(three(t), tt.grace), at: time.Unix(1_700_000_000, 0)}
			tt.tell(s)
			s.then(func(time.Time) error { return s.c.Settle() })
			switch {
			case tt.want == "" && s.err != nil:
				t.Errorf("refused: %v", s.err)
			case tt.want != "" && (s.err == nil || !strings.Contains(s.err.Error(), tt.want)):
				t.Errorf("error %v, want one with %q", s.err, tt.want)
			}
		})
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
