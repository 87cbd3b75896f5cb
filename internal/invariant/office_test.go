package invariant

import (
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/zab"
)

// TestOffice tells how leaders came into office, and for all that this needs a history in which it is missing.
func TestOffice(t *testing.T) {
	for _, tt := range []tale{
		{"not elected", 0, func(s *story) { s.leads(3, 1) }, "has not decided to lead", 0},
		{"elected once, looking again", 0, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 1, 3).says(3, event.ElectionStarted{Round: 2}).leads(3, 1)
		}, "has not decided to lead", 0},
		{"elected before it was started anew", 0, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 1, 3).
				says(3, event.NodeStarted{AcceptedEpoch: 1, CurrentEpoch: 1}).leads(3, 1)
		}, "has not decided to lead", 0},
		{"nothing proposed", 0, func(s *story) {
			s.elects(3, 1, 1).promise(3, 1, 3, 1).acknowledge(1, 1, 3).leads(3, 1)
		}, "had proposed 0", 0},
		{"another epoch proposed", 0, func(s *story) {
			s.elects(3, 1, 1).proposes(3, 2, 1).promise(3, 1, 3, 1).acknowledge(1, 1, 3).leads(3, 1)
		}, "had proposed 2", 0},
		{"proposed without a quorum", 0, func(s *story) {
			s.elects(3, 1, 1).proposes(3, 1, 4).promise(3, 1, 3, 1).acknowledge(1, 1, 3).leads(3, 1)
		}, "when [3 4] had come", 0},
		{"not promised", 0, func(s *story) { s.ready().promise(2, 1, 3, 1).acknowledge(1, 1, 3).leads(3, 1) },
			"only [] have promised", 0},
		{"promised by itself alone", 0, func(s *story) { s.ready().promise(3, 1, 3).promise(2, 1, 1).acknowledge(1, 1, 3).leads(3, 1) },
			"only [3] have promised", 0},
		{"promised by others, not by itself", 0, func(s *story) {
			s.ready().promise(3, 1, 1, 2).promise(2, 1, 3).acknowledge(1, 1, 2, 3).leads(3, 1)
		}, "only [1 2] have promised", 0},
		{"promised before it was proposed", 0, func(s *story) {
			s.elects(3, 1, 1).promise(3, 1, 1).proposes(3, 1, 1).promise(3, 1, 3).acknowledge(1, 1, 3).leads(3, 1)
		}, "only [3] have promised", 0},
		{"promised later", time.Second, func(s *story) {
			s.ready().promise(3, 1, 3).leads(3, 1).promise(3, 1, 1).acknowledge(1, 1, 3)
		}, "only [3] have promised", 0},
		{"promised again only", 0, func(s *story) {
			s.ready().promise(3, 1, 3).then(func(at time.Time) error { return s.c.Durable(at, 1, zab.Epochs{Accepted: 1}) }).
				says(1, event.EpochPromised{Leader: 3, Epoch: 1, Repeated: true}).acknowledge(1, 1, 3).leads(3, 1)
		}, "only [3] have promised", 0},
		{"on its own disk only", 0, func(s *story) { s.ready().promise(3, 1, 3, 1).acknowledge(1, 3).leads(3, 1) },
			"only those of [3]", 0},
		{"on others' disks", 0, func(s *story) { s.ready().promise(3, 1, 1, 2, 3).acknowledge(1, 1, 2).leads(3, 1) },
			"only those of [1 2]", 0},
		{"on an observer's disk", 0, func(s *story) {
			s.ready().promise(3, 1, 3, 1).promise(3, 1, 4).acknowledge(1, 3, 4).leads(3, 1)
		}, "only those of [3]", 0},
		{"on disk later", time.Second, func(s *story) {
			s.ready().promise(3, 1, 3, 1).leads(3, 1).pause(500*time.Millisecond).acknowledge(1, 1, 3)
		}, "only those of []", 0},
		{"on disks of a later epoch", 0, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 3).promise(2, 2, 1).acknowledge(2, 1).leads(3, 1)
		}, "only those of [3]", 0},
		{"a lower epoch later", 0, func(s *story) {
			s.elects(3, 1, 1).proposes(3, 5, 1).promise(3, 5, 3, 1).acknowledge(5, 1, 3).leads(3, 5)
			s.elects(2, 2, 1).proposes(2, 4, 1).leads(2, 4)
		}, "and 3 was in epoch 5 before it proposed that", 0},
		{"an epoch between two", 0, func(s *story) {
			s.elects(3, 1, 1).proposes(3, 1, 1).promise(3, 1, 3, 1).acknowledge(1, 1, 3).leads(3, 1)
			s.elects(3, 2, 1).proposes(3, 5, 1).promise(3, 5, 3, 1).acknowledge(5, 1, 3).leads(3, 5)
			s.elects(2, 3, 1).proposes(2, 4, 1).leads(2, 4)
		}, "and 3 was in epoch 5 before it proposed that", 0},
		{"a lower epoch later, of the same leader", 0, func(s *story) {
			s.elects(3, 1, 1).proposes(3, 5, 1).promise(3, 5, 3, 1).acknowledge(5, 1, 3).leads(3, 5)
			s.elects(3, 2, 1).proposes(3, 5, 1).leads(3, 5)
		}, "and 3 was in epoch 5 before it proposed that", 0},
		{"a lower epoch later, the higher one by hearsay", time.Second, func(s *story) {
			s.elects(3, 1, 1).proposes(3, 5, 1).promise(3, 5, 3, 1).acknowledge(5, 1, 3).follows(1, 3, 5).
				missing(3, 2*time.Millisecond).elects(2, 2, 1).proposes(2, 4, 1).leads(2, 4)
		}, "and 3 was in epoch 5 before it proposed that", 0},
		// 2 was stopped before it read that 1 has acknowledged; then 1 and 3 elected anew.
		{"a leader that was stopped on the way", 0, func(s *story) {
			s.elects(2, 1, 1).proposes(2, 1, 1).promise(2, 1, 2, 1).acknowledge(1, 1, 2)
			s.elects(3, 2, 1).proposes(3, 2, 1).promise(3, 2, 3, 1).acknowledge(2, 1, 3).leads(3, 2)
			s.leads(2, 1)
		}, "", 0},
		{"a leader that nobody established", 0, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 1).follows(1, 3, 1)
		}, "which is not established", 0},
		{"a learner that is told before its leader is in office", time.Second, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 1, 3).follows(1, 3, 1).leads(3, 1)
		}, "which is not established", 0},
		{"a learner that decided for another", 0, func(s *story) {
			s.ready().promise(3, 1, 3, 1).acknowledge(1, 1, 3).leads(3, 1).elects(2, 2, 1).follows(1, 3, 1)
		}, "had decided for 2", 0},
		{"a learner that promised nothing", 0, func(s *story) {
			s.elects(3, 1, 1, 2).proposes(3, 1, 1).promise(3, 1, 3, 1).acknowledge(1, 1, 3).leads(3, 1).follows(2, 3, 1)
		}, "had promised epoch 0", 0},
		{"a learner without the epoch on disk", 0, func(s *story) {
			s.elects(3, 1, 1, 2).proposes(3, 1, 1).promise(3, 1, 3, 1, 2).acknowledge(1, 1, 3).leads(3, 1).follows(2, 3, 1)
		}, "currentEpoch 0 on disk", 0},
	} {
		t.Run(tt.name, tt.test)
	}
}
