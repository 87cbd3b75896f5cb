package watch

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzWordAnswers: whatever a client port answers to the two words, what is taken in is bounded, and nothing is known that was
// not said.
func FuzzWordAnswers(f *testing.F) {
	f.Add("Zookeeper version: 3.8.0\nZxid: 0x500000001\nMode: leader\n", "zk_followers\t2\nzk_synced_followers\t1.0\nzk_avg_election_time\t20.5\n")
	f.Add("Mode: follower\nZxid: 0xzz", "zk_learners\tNaN\nzk_synced_followers\t1e300\n")
	f.Add("Mode: \xff\xfe", "zk_avg_election_time\t-1\n")
	f.Fuzz(func(t *testing.T, server, monitor string) {
		i := ClientInfo{Followers: -1, SyncedFollowers: -1}
		i.readServer(server)
		i.readMonitor(monitor)
		for _, text := range []string{i.Version, i.Mode} {
			if len(text) > 200 || !utf8.ValidString(text) || !strings.Contains(strings.ToValidUTF8(server, ""), text) {
				t.Errorf("%q", text)
			}
		}
		if i.Mode != "leader" && (i.Followers != -1 || i.SyncedFollowers != -1) || i.Followers < -1 || i.SyncedFollowers < -1 ||
			i.ElectionTime < 0 || i.ElectionTime > (1<<40)*time.Millisecond {
			t.Errorf("%+v", i)
		}
	})
}
