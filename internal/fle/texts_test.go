package fle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
	"electnode/internal/quorum"
)

// TestTextsOfStrangers: made-up servers with made-up configurations take no memory without end, and none for long
// texts, which are told once; a newcomer among them is still told once, and a member's text is read however long.
func TestTextsOfStrangers(t *testing.T) {
	e := threeVoters(t)
	now := time.Unix(1000, 0)
	e.Start(now, event.ReasonStart, 0, 0)
	seen := func(peer quorum.SID, text string) (all []event.ConfigSeen) {
		out := e.Step(now, Input{Kind: Frame, Peer: peer, Frame: Append(nil, Notification{State: quorum.Looking,
			Vote: quorum.Vote{Leader: quorum.NoSID}, Version: CurrentVersion, Text: []byte(text)})})
		for _, ev := range out.Events {
			if c, ok := ev.(event.ConfigSeen); ok {
				all = append(all, c)
			}
		}
		return all
	}
	const long = 300 << 10
	version := func(n int) string { return fmt.Sprintf("server.1=127.0.0.1:1:2\nversion=%x", n+1) }
	for sid := range quorum.SID(3 * maxTexts) {
		peer := 1000 + sid
		if got := seen(peer, version(int(sid))); len(got) != 1 || got[0].Detail == "" {
			t.Fatalf("stranger %d: %+v", sid, got)
		}
		if got := seen(peer, version(int(sid))); len(got) != 0 {
			t.Fatalf("stranger %d is told twice: %+v", sid, got)
		}
		if got := seen(peer, strings.Repeat("#", long)); len(got) != 1 || got[0].Version != 0 {
			t.Fatalf("a long text of stranger %d: %+v", sid, got)
		}
		if got := seen(peer, strings.Repeat("%", long)); len(got) != 0 {
			t.Fatalf("a long text of stranger %d is told twice: %+v", sid, got)
		}
	}
	size := 0
	for _, s := range e.texts {
		size += len(s.text)
	}
	if len(e.texts) != maxTexts || len(e.strangers) != maxTexts || size > maxTexts*maxStrangerText {
		t.Errorf("%d texts of %d bytes in all are remembered, %d strangers", len(e.texts), size, len(e.strangers))
	}
	member := "#" + strings.Repeat(" ", 2*maxStrangerText) + "\n" + e.views.committed.Text()
	if got := seen(3, strings.Replace(member, "version=0", "version=5", 1)); len(got) != 1 || !got[0].Adopted {
		t.Errorf("the long text of a member: %+v", got)
	}
}
