package demo

import (
	"strings"
	"testing"
	"time"

	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
)

func TestParseScript(t *testing.T) {
	got, err := ParseScript(strings.NewReader(`
# comment
at 10s partition 1,2 | 3
at 5s kill leader
at 6s restart 3
at 7s pause 2
at 8s resume 2
at 9s isolate leader
at 11s cut 1 2
at 12s zxid 2 0x500000001
at 15s heal
`), "s.txt")
	if err != nil {
		t.Fatal(err)
	}
	leader, server := []Target{{Leader: true}}, func(sids ...quorum.SID) (all []Target) {
		for _, sid := range sids {
			all = append(all, Target{SID: sid})
		}
		return all
	}
	want := []Action{
		{At: 5 * time.Second, Verb: Kill, Targets: leader, Text: "at 5s kill leader"},
		{At: 6 * time.Second, Verb: Restart, Targets: server(3), Text: "at 6s restart 3"},
		{At: 7 * time.Second, Verb: Pause, Targets: server(2), Text: "at 7s pause 2"},
		{At: 8 * time.Second, Verb: Resume, Targets: server(2), Text: "at 8s resume 2"},
		{At: 9 * time.Second, Verb: Isolate, Targets: leader, Text: "at 9s isolate leader"},
		{At: 10 * time.Second, Verb: Partition, Sides: [][]quorum.SID{{1, 2}, {3}}, Text: "at 10s partition 1,2 | 3"},
		{At: 11 * time.Second, Verb: Cut, Targets: server(1, 2), Text: "at 11s cut 1 2"},
		{At: 12 * time.Second, Verb: RaiseZxid, Targets: server(2), Zxid: 0x500000001, Text: "at 12s zxid 2 0x500000001"},
		{At: 15 * time.Second, Verb: Heal, Text: "at 15s heal"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestParseScriptErrors(t *testing.T) {
	for line, says := range map[string]string{
		"kill leader":             "expected at DURATION VERB",
		"at noon kill leader":     `"noon" is no duration`,
		"at -1s kill leader":      "is no duration",
		"at 1s explode 3":         "no such fault",
		"at 1s kill":              "1 servers expected, 0 given",
		"at 1s kill three":        `"three" is no server`,
		"at 1s cut 1":             "2 servers expected",
		"at 1s partition 1,2":     "two sides at least",
		"at 1s partition 1, | | ": "a side without servers",
		"at 1s partition a | b":   `"a" is no server`,
		"at 1s heal 3":            "heal takes nothing",
		"at 1s zxid 2":            "a server and a zxid",
		"at 1s zxid 2 many":       "is no zxid",
	} {
		_, err := ParseScript(strings.NewReader("\n"+line+"\n"), "s.txt")
		if err == nil || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "s.txt:2: ") {
			t.Errorf("%q: %v, want s.txt:2: ...%s", line, err, says)
		}
	}
	_, err := ParseScript(strings.NewReader("x\nat 1s heal\ny\n"), "s.txt")
	if err == nil || !strings.Contains(err.Error(), "s.txt:1") || !strings.Contains(err.Error(), "s.txt:3") {
		t.Errorf("not every wrong line is named: %v", err)
	}
}
