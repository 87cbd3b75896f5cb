package invariant

import (
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// TestHoles tells histories of which something is missing, or late: only what the one did that is not on record is waived.
func TestHoles(t *testing.T) {
	ms := time.Millisecond
	one := zab.Epochs{Accepted: 1, Current: 1}
	for _, tt := range []tale{
		{"a vote that came on record late", time.Second, func(s *story) {
			s.says(3, event.ElectionStarted{Round: 1, Vote: forThree}).
				says(3, event.QuorumReached{Vote: forThree, Round: 1, Supporters: []quorum.SID{1, 3}}).
				says(1, event.VoteChanged{To: forThree, Round: 1})
		}, "", 0},
		{"a vote that came on record late, where nothing does", 0, func(s *story) {
			s.says(3, event.ElectionStarted{Round: 1, Vote: forThree}).
				says(3, event.QuorumReached{Vote: forThree, Round: 1, Supporters: []quorum.SID{1, 3}}).
				says(1, event.VoteChanged{To: forThree, Round: 1})
		}, "only [3] voted so", 0},
		{"a vote that never came, and only disks are looked at", time.Second, func(s *story) {
			s.votes(quorum.Vote{Leader: 1}).pause(2*time.Second).
				then(func(at time.Time) error { return s.c.Durable(at, 1, zab.Epochs{}) }).
				missing(1, 3*time.Second)
		}, "only [3] voted so", 0},
		{"a vote of one that was killed", time.Second, func(s *story) { s.votes(quorum.Vote{Leader: 1}).missing(1, 5*ms) }, "", 1},
		{"a vote before the hole", time.Second, func(s *story) { s.votes(quorum.Vote{Leader: 1}).pause(10*ms).missing(1, 5*ms) },
			"only [3] voted so", 0},
		{"a vote that never came on record", time.Second, func(s *story) {
			s.votes(quorum.Vote{Leader: 1}).pause(2*time.Second).says(2, event.ElectionStarted{})
		}, "only [3] voted so", 0},
		{"all supporters killed", time.Second, func(s *story) {
			s.says(3, event.ElectionStarted{Round: 1, Vote: forThree}).missing(1, ms).missing(2, ms).
				says(3, event.QuorumReached{Vote: forThree, Round: 1, Supporters: []quorum.SID{1, 2}})
		}, "", 1},
		{"one that is no supporter killed", time.Second, func(s *story) { s.votes(quorum.Vote{Leader: 1}).missing(2, 5*ms) },
			"only [3] voted so", 0},
		{"a leader that was killed before it could tell", time.Second, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 3, 1).follows(1, 3, 1).missing(3, 4*ms)
		}, "", 1},
		{"a leader that told nothing, long before the hole", time.Second, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 3, 1).follows(1, 3, 1).pause(20*ms).missing(3, 4*ms)
		}, "which is not established", 0},
		{"a disk that came on record late", time.Second, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 3).leads(3, 1).killed(1, 3*ms, one)
		}, "", 1},
		{"a disk of one that was killed and had not written", time.Second, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 3).leads(3, 1).killed(1, 3*ms, zab.Epochs{Accepted: 1})
		}, "only those of [3]", 0},
		{"a disk that was written after the hole", time.Second, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 3).leads(3, 1).killed(1, 3*ms, zab.Epochs{Accepted: 1}).acknowledge(1, 1)
		}, "only those of [3]", 0},
		{"a disk of one whose record is whole", time.Second, func(s *story) {
			s.ready().promise(3, 1, 3, 1, 2).acknowledge(1, 3).leads(3, 1).killed(2, 3*ms, zab.Epochs{Accepted: 1}).
				then(func(at time.Time) error { return s.c.Durable(at, 1, one) })
		}, "only those of [3]", 0},
		{"a promise that is lost", time.Second, func(s *story) {
			s.ready().promise(3, 1, 3).acknowledge(1, 3).leads(3, 1).killed(1, 3*ms, one)
		}, "", 1},
		{"a promise of one that was killed and had not written", time.Second, func(s *story) {
			s.ready().promise(3, 1, 3).acknowledge(1, 3).leads(3, 1).killed(1, 3*ms, zab.Epochs{})
		}, "only [3] have promised", 0},
		{"a promise and a disk, in a hole that nobody looked at after", time.Second, func(s *story) {
			s.ready().promise(3, 1, 3).acknowledge(1, 3).leads(3, 1).missing(1, 3*ms)
		}, "", 1},
		{"a promise to another, and a hole after it", time.Second, func(s *story) {
			s.ready().promise(2, 1, 1).promise(3, 1, 3).acknowledge(1, 3, 1).leads(3, 1).killed(1, 3*ms, one)
		}, "only [3] have promised", 0},
		{"a hole in the leader's own record", time.Second, func(s *story) {
			s.elects(3, 1, 1).missing(3, ms).promise(3, 1, 3, 1).acknowledge(1, 3, 1).leads(3, 1)
		}, "", 1},
	} {
		t.Run(tt.name, tt.test)
	}
}

// TestCounts: what was waived is counted, over several histories too.
func TestCounts(t *testing.T) {
	s := &story{c: New(three(t), time.Second), at: time.Unix(1_700_000_000, 0)}
	s.votes(quorum.Vote{Leader: 1}).missing(1, 5*time.Millisecond).pause(2 * time.Second).votes(forThree)
	s.then(func(time.Time) error { return s.c.Settle() })
	got := s.c.Counts()
	got.Add(got)
	if want := (Counts{Elections: 4, Claims: 4, Waived: 2}); s.err != nil || got != want {
		t.Errorf("counted %+v, %v; want %+v", got, s.err, want)
	}
}
