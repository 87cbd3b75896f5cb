package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"electnode/internal/event"
	"electnode/internal/quorum"
	"electnode/internal/recorder"
)

// onlyText fails when a terminal would take something of text for an order.
func onlyText(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Fatalf("%q in %q", r, text)
		}
	}
}

// FuzzAnswers: whatever is answered at an address, the table of it can be written and is text; and it is agreement only if
// somebody is established.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"sid":2,"state":"LEADING","leader":2,"established":true,"established_since":"2026-01-02T15:04:05Z","current_epoch":"3","failure_tolerance":1,"peers":[{"sid":1,"connected":true}]}`))
	f.Add([]byte(`[{"sid":1,"status":{"sid":1,"state":"\u001b[2J"}},{"sid":2,"error":"x\u001b"},{"sid":3,"watched":true},null]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		all, err := answersIn(raw, "http://node")
		if err != nil {
			return
		}
		var out strings.Builder
		if err := table(&out, all, time.Now()); err != nil {
			t.Fatal(err)
		}
		onlyText(t, out.String())
		established := false
		for _, a := range all {
			established = established || a.Status != nil && a.Status.Established
		}
		if verdict(all) == nil && !established {
			t.Errorf("%q is agreement", raw)
		}
	})
}

// FuzzTale: whatever is answered for a recording, what is told of it is text.
func FuzzTale(f *testing.F) {
	line := event.AppendJSON(nil, event.Stamped{Node: 1, Election: 1, Event: event.LeaderLost{Leader: 2, Detail: "x\x1b[2J"}}, time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC))
	f.Add(line)
	f.Add(bytes.Replace(line, []byte("LeaderLost"), []byte("Later"), 1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		x := tale{election: recorder.Summary{ID: "1"}}
		if err := x.read(raw); err != nil {
			return
		}
		onlyText(t, listing{chosen: x.election, width: 100, recorded: []recorder.Summary{x.election}, tales: [][]told{x.events}}.text())
	})
}

// FuzzElectionList: whatever is answered for a list of elections, its table and what is said of an election that is not in it
// are text, and each election of it can be found by its id.
func FuzzElectionList(f *testing.F) {
	f.Add([]byte(`{"elections":[{"sid":1,"id":"7","trace_id":"0123456789abcdef0123456789abcdef","start":"2026-01-02T15:04:05Z","reason":"start",` +
		`"running":false,"outcome":"leading","rounds":2,"phases":{"established":1500000000},"gaps":3}]}`))
	f.Add([]byte(`{"elections":[{"sid":-1,"id":"\u001b[2J","reason":"\u009b","outcome":"x\n","trace_id":"\t","provisional_trace_id":"\u202e"},{},null]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := electionsIn(raw)
		if err != nil {
			return
		}
		all := []history{{url: "http://node", elections: list}}
		var out strings.Builder
		if err := electionTable(&out, newestFirst(all)); err != nil {
			t.Fatal(err)
		}
		onlyText(t, out.String())
		const none = "none of these" // JSON cannot be told not to have it
		if _, err := chooseElection(all, none); err != nil {
			onlyText(t, err.Error())
		}
		for _, e := range list {
			if _, err := chooseElection(all, e.ID); err != nil {
				t.Errorf("%q: %v", e.ID, err)
			}
		}
	})
}

// FuzzPeerOfStatus: whatever a node answers that is asked for its peers, one of them is picked, or none is there.
func FuzzPeerOfStatus(f *testing.F) {
	f.Add([]byte(`{"sid":1,"peers":[{"sid":2},{"sid":3}]}`), uint64(1))
	f.Add([]byte(`{"sid":1,"peers":[null]}`), uint64(7))
	f.Add([]byte(`{"peers":[]}`), uint64(0))
	f.Fuzz(func(t *testing.T, raw []byte, pick uint64) {
		peer, err := peerIn(raw, pick)
		if err != nil {
			return
		}
		var said struct{ Peers []struct{ SID quorum.SID } }
		if err := json.Unmarshal(raw, &said); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(said.Peers, func(p struct{ SID quorum.SID }) bool { return p.SID == peer }) {
			t.Errorf("%d of %q", peer, raw)
		}
	})
}

// FuzzEnsembles: of whatever stands in a file for --ensembles either all is taken, or each problem is named with its place.
func FuzzEnsembles(f *testing.F) {
	f.Add("- name: a\n  targets: [zk1:3888, zk2:3888]\n  interval: 250ms\n- name: b\n  config: zoo.cfg\n  enrich: true\n")
	f.Add("- name: a\n  name: b\n  nothing: 1\n  targets: x\n  interval: -1s\n- 7\n- {}")
	f.Add("a: &a [*a]\n")
	file := filepath.Join(f.TempDir(), "ensembles.yml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := readEnsembles(file)
		if err != nil {
			if !strings.HasPrefix(err.Error(), file) {
				t.Errorf("%q", err)
			}
			return
		}
		for _, e := range all {
			if e.name == "" || len(e.targets) == 0 && e.config == "" || e.interval < 0 {
				t.Errorf("%+v", e)
			}
		}
	})
}
