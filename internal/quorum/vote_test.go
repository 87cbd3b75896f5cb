package quorum

import (
	"testing"

	"pgregory.net/rapid"
)

func TestBeats(t *testing.T) {
	for _, c := range []struct {
		name string
		v, o Vote
		want bool
	}{
		{"newer epoch, older zxid", Vote{Leader: 1, PeerEpoch: 2}, Vote{Leader: 9, Zxid: 9, PeerEpoch: 1}, true},
		{"older epoch, larger sid", Vote{Leader: 4}, Vote{Leader: 3, PeerEpoch: 2}, false},
		{"newer zxid, smaller sid", Vote{Leader: 1, Zxid: 2}, Vote{Leader: 2, Zxid: 1}, true},
		{"larger sid, rest equal", Vote{Leader: 2}, Vote{Leader: 1}, true},
		{"itself", Vote{Leader: 2, Zxid: 3, PeerEpoch: 4}, Vote{Leader: 2, Zxid: 3, PeerEpoch: 4}, false},
		{"signed sids", Vote{Leader: 1}, Vote{Leader: -5}, true},
		{"signed zxids", Vote{Zxid: 0}, Vote{Zxid: NoZxid}, true},
	} {
		if got := c.v.Beats(c.o); got != c.want {
			t.Errorf("%s: %v beats %v: %t", c.name, c.v, c.o, got)
		}
	}
}

// TestBeatsIsATotalOrder: of two different votes exactly one beats the other, and beating is transitive.
func TestBeatsIsATotalOrder(t *testing.T) {
	votes := rapid.Custom(func(t *rapid.T) Vote {
		small := rapid.Int64Range(-2, 2)
		return Vote{SID(small.Draw(t, "leader")), Zxid(small.Draw(t, "zxid")), Epoch(small.Draw(t, "epoch"))}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := votes.Draw(t, "a"), votes.Draw(t, "b"), votes.Draw(t, "c")
		if (a != b) != (a.Beats(b) != b.Beats(a)) {
			t.Fatalf("%v and %v: %t, %t", a, b, a.Beats(b), b.Beats(a))
		}
		if a.Beats(b) && b.Beats(c) && !a.Beats(c) {
			t.Fatalf("%v beats %v beats %v", a, b, c)
		}
	})
}
