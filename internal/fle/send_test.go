package fle

import (
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// TestHarmlessText: where the own configuration would end a real server's receiver thread (observers with one
// voter, or with none), a fixed text goes out that every setting accepts and that is newer than nothing.
func TestHarmlessText(t *testing.T) {
	at := []quorum.Address{{Host: "127.0.0.1", QuorumPort: 2888, ElectionPort: 3888}}
	member := func(sid quorum.SID, role quorum.Role) quorum.Member {
		return quorum.Member{SID: sid, Role: role, Addresses: at}
	}
	for _, c := range []struct {
		name    string
		members []quorum.Member
		own     bool
	}{
		{"three voters", []quorum.Member{member(1, 0), member(2, 0), member(3, 0)}, true},
		{"one voter", []quorum.Member{member(1, 0)}, true},
		{"two voters and an observer", []quorum.Member{member(1, 0), member(2, 0), member(3, quorum.Observer)}, true},
		{"one voter and an observer", []quorum.Member{member(1, 0), member(2, quorum.Observer)}, false},
	} {
		v, err := quorum.NewView(quorum.Spec{Members: c.members})
		if err != nil {
			t.Fatal(err)
		}
		want := harmlessText
		if c.own {
			want = v.Text()
		}
		e := New(Options{Self: 1, View: v})
		e.Start(time.Unix(1000, 0), event.ReasonStart, 0, 0)
		question := Append(nil, Notification{Vote: quorum.Vote{Leader: quorum.NoSID}, Version: 2, Text: []byte(harmlessText)})
		out := e.Step(time.Unix(1000, 0), Input{Kind: Frame, Peer: 99, Frame: question})
		if len(out.Sends) != 1 {
			t.Fatalf("%s: %d answers", c.name, len(out.Sends))
		}
		n, err := Decode(out.Sends[0].Frame)
		if err != nil || string(n.Text) != want {
			t.Errorf("%s: sends %q, %v, want %q", c.name, n.Text, err, want)
		}
	}
	for _, standalone := range []bool{true, false} {
		v, err := quorum.ParseText(harmlessText, quorum.ParseOptions{Standalone: standalone, RefuseMultiAddress: true})
		if err != nil || v.Version() != 0 || len(v.Voters()) != 2 {
			t.Errorf("standaloneEnabled=%t: %v, %v", standalone, v, err)
		}
	}
}
