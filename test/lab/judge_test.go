package lab

import (
	"strings"
	"testing"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/zab"
)

// TestJudge tells a judge of three servers short histories, most of them impossible ones.
func TestJudge(t *testing.T) {
	disk := func(kind entryKind, sid quorum.SID, accepted, current quorum.Epoch) entry {
		return entry{kind: kind, sid: sid, epochs: zab.Epochs{Accepted: accepted, Current: current}}
	}
	tell := func(sid quorum.SID, ev event.Event) entry {
		return entry{kind: kindEvent, sid: sid, event: event.Stamped{Node: sid, Event: ev}}
	}
	write := func(sid quorum.SID, file string, e quorum.Epoch) entry {
		return tell(sid, event.DurableWritten{File: file, Epoch: e})
	}
	promise := func(sid quorum.SID, e quorum.Epoch) entry { return write(sid, event.FileAccepted, e) }
	join := func(sid quorum.SID, e quorum.Epoch) entry { return write(sid, event.FileCurrent, e) }
	lead := func(sid, leader quorum.SID, e quorum.Epoch) entry {
		return tell(sid, event.LeaderEstablished{Leader: leader, Epoch: e})
	}
	for name, c := range map[string]struct {
		history []entry
		want    string // part of the complaint; empty: none
	}{
		"a good life": {[]entry{disk(kindBooted, 1, 0, 0), promise(1, 1), promise(2, 1), join(1, 1), join(2, 1), lead(2, 2, 1),
			lead(1, 2, 1), disk(kindKilled, 1, 0, 0), disk(kindDurable, 1, 1, 1), disk(kindBooted, 1, 1, 1)}, ""},
		"two leaders": {[]entry{promise(1, 1), promise(2, 1), join(1, 1), join(2, 1), lead(2, 2, 1), lead(3, 3, 1)},
			"two established leaders"},
		"a disk goes back":      {[]entry{promise(1, 2), disk(kindDurable, 1, 1, 0)}, "had written"},
		"a write goes back":     {[]entry{promise(1, 2), promise(1, 1)}, "writes acceptedEpoch 1"},
		"joins an epoch unsaid": {[]entry{join(1, 2)}, "writes currentEpoch 2"},
		"starts with less": {[]entry{disk(kindBooted, 1, 2, 1), tell(1, event.NodeStarted{AcceptedEpoch: 1, CurrentEpoch: 1})},
			"starts with epochs"},
		"no quorum":            {[]entry{promise(2, 1), join(2, 1), lead(2, 2, 1)}, "without a quorum's disks"},
		"a quorum comes later": {[]entry{promise(2, 1), join(2, 1), promise(1, 1), lead(2, 2, 1), join(1, 1), disk(kindDurable, 1, 1, 1)}, "without a quorum's disks"},
		"killed before it told": {[]entry{promise(2, 1), join(2, 1), lead(2, 2, 1), disk(kindKilled, 1, 0, 0),
			disk(kindDurable, 1, 1, 1)}, ""},
		"a failed write": {[]entry{tell(1, event.DurableWritten{File: event.FileAccepted, Epoch: 9, Error: "no space"}),
			disk(kindDurable, 1, 0, 0)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, view := configuration(t, 3)
			j := newJudge(view)
			var err error
			for _, e := range c.history {
				if err == nil {
					err = j.see(e)
				}
			}
			if err == nil {
				err = j.end()
			}
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("judged: %v, want %q", err, c.want)
			}
		})
	}
}
