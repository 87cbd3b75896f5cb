package observe

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"

	"github.com/google/go-cmp/cmp"
)

// TestJaegerClient sends two spans as an exporter does, and reads them as the tests here do: nothing is lost or
// changed on the way.
func TestJaegerClient(t *testing.T) {
	t.Parallel()
	j := StartJaeger(t, root)
	const id, other = "000102030405060708090a0b0c0d0e0f", "f00102030405060708090a0b0c0d0e0f"
	at := time.Now().Truncate(time.Microsecond)
	body := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"one"}}]},
"scopeSpans":[{"spans":[
{"traceId":"%[1]s","spanId":"00000000000000a1","name":"above","kind":1,"startTimeUnixNano":"%[3]d","endTimeUnixNano":"%[4]d",
 "links":[{"traceId":"%[2]s","spanId":"00000000000000b1"},{"traceId":"%[1]s","spanId":"00000000000000b2"}],
 "status":{"code":2,"message":"no leader"}},
{"traceId":"%[1]s","spanId":"00000000000000a2","parentSpanId":"00000000000000a1","name":"below","kind":5,
 "startTimeUnixNano":"%[4]d","endTimeUnixNano":"%[4]d",
 "attributes":[{"key":"n","value":{"intValue":"7"}},{"key":"s","value":{"stringValue":"x"}},{"key":"b","value":{"boolValue":true}}]}
]}]}]}`, id, other, at.UnixNano(), at.Add(5*time.Millisecond).UnixNano())
	resp, err := http.Post(j.OTLP+"/v1/traces", "application/json", bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	above := Span{Ref: Ref{id, "00000000000000a1"}, Name: "above", Service: "one", Start: at, End: at.Add(5 * time.Millisecond),
		Links: []Ref{{other, "00000000000000b1"}, {id, "00000000000000b2"}}, Tags: map[string]any{"span.kind": "internal",
			"otel.status_code": "ERROR", "otel.status_description": "no leader", "error": true}}
	below := Span{Ref: Ref{id, "00000000000000a2"}, Name: "below", Service: "one", Parent: above.Ref,
		Start: above.End, End: above.End, Tags: map[string]any{"span.kind": "consumer", "n": 7.0, "s": "x", "b": true}}
	var tr tree
	proc.Eventually(t, startTime, "both spans are there", func() error {
		spans, err := j.Trace(id)
		if tr = grow(spans); err == nil && len(spans) != 2 {
			err = errNone
		}
		return err
	})
	if d := cmp.Diff(map[string]Span{"00000000000000a1": above, "00000000000000a2": below}, tr.by); d != "" {
		t.Error(d)
	}
	if err := tr.sound(); err != nil || !above.Error() || below.Error() || below.Tag("n") != "7" || below.Tag("none") != "" {
		t.Errorf("%v, %q", err, below.Tag("n"))
	}
	found, err := j.Find("one", "below", at.Add(-time.Second))
	if err != nil || len(found) != 1 || len(found[0]) != 2 {
		t.Errorf("found %v, %v", found, err)
	}
	if found, err := j.Find("one", "below", at.Add(time.Minute)); err != nil || len(found) != 0 {
		t.Errorf("found in the future: %v, %v", found, err)
	}
	if _, err := j.Trace(other); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a trace that there is not: %v", err)
	}
}

// TestChecks: each check of a trace finds the fault that it is there for.
func TestChecks(t *testing.T) {
	at := time.Unix(100, 0)
	span := func(id, parent, name, service string, after time.Duration, tags ...string) Span {
		s := Span{Ref: Ref{"t", id}, Name: name, Service: service, Start: at.Add(after), End: at.Add(after), Tags: map[string]any{}}
		if parent != "" {
			s.Parent = Ref{"t", parent}
		}
		for i := 0; i < len(tags); i += 2 {
			s.Tags[tags[i]] = tags[i+1]
		}
		return s
	}
	good := func() []Span {
		const id, peer, kind = "electnode.message_id", "electnode.peer", "span.kind"
		return []Span{span("e1", "", spanElection, "electnode-1", 0), span("e2", "e1", spanElection, "electnode-2", 1),
			span("r1", "e1", spanRound, "electnode-1", 1), span("r2", "e2", spanRound, "electnode-2", 2),
			span("s1", "r1", spanSend, "electnode-1", 5, id, "1", peer, "2", kind, "producer"),
			span("g2", "s1", spanReceive, "electnode-2", 6, id, "1", peer, "1", kind, "consumer"),
			span("s2", "r2", spanSend, "electnode-2", 5, id, "2", peer, "1", kind, "producer"),
			span("g1", "s2", spanReceive, "electnode-1", 6, id, "2", peer, "2", kind, "consumer"),
			span("g3", "r1", spanReceive, "electnode-1", 6, peer, "3", kind, "consumer"),
			span("p1", "e1", spanEstablish, "electnode-1", 7), span("q1", "p1", spanPromise, "electnode-1", 8),
			span("a1", "p1", spanAck, "electnode-1", 9)}
	}
	const one, two = "electnode-1", "electnode-2"
	sound := tree.sound
	elections := func(t tree) error { return t.elections(one, two) }
	exchanges := func(t tree) error { return t.exchanges(one, two) }
	establishment := func(t tree) error { return t.establishment(one) }
	before := func(s []Span) []Span { // what server 2 heard was sent in an earlier election of server 1
		s[5].Parent.Span, s[5].Tags["electnode.latency_ms"] = "r2", 1.5
		s[5].Start, s[5].End = at.Add(time.Millisecond), at.Add(time.Millisecond)
		return s
	}
	for _, c := range []struct {
		name  string
		check func(tree) error
		spoil func([]Span) []Span // nil: nothing is wrong
		says  string
	}{
		{"sound", sound, nil, ""},
		{"elections", elections, nil, ""},
		{"exchanges", exchanges, nil, ""},
		{"establishment", establishment, nil, ""},
		{"no spans", sound, func([]Span) []Span { return nil }, "0 roots"},
		{"two roots", sound, func(s []Span) []Span { return append(s, span("x", "", spanLost, two, 0)) }, "2 roots"},
		{"an id twice", sound, func(s []Span) []Span { return append(s, s[3]) }, "13 spans with 12 ids"},
		{"no parent", sound, func(s []Span) []Span { return append(s, span("x", "y", spanLost, two, 0)) }, "parent is missing"},
		{"too early", sound, func(s []Span) []Span { return append(s, span("x", "e1", spanLost, two, -2*time.Millisecond)) }, "before its parent"},
		{"a bit early", sound, func(s []Span) []Span { return append(s, span("x", "e1", spanLost, two, -tolerance)) }, ""},
		{"backwards", sound, func(s []Span) []Span { s[0].End = at.Add(-1); return s }, "ends before it begins"},
		{"one election too many", elections, func(s []Span) []Span { return append(s, span("x", "e1", spanElection, "electnode-3", 0)) }, "3 elections"},
		{"one election missing", elections, func(s []Span) []Span { return s[:1] }, "0 spans"},
		{"an election that failed", elections, func(s []Span) []Span { s[1].Tags["otel.status_code"] = "ERROR"; return s }, "status error"},
		{"no round", exchanges, func(s []Span) []Span { s[2].Name = "x"; return s }, "no span \"round\" of electnode-1"},
		{"under another's round", exchanges, func(s []Span) []Span { s[5].Parent.Span = "r1"; return s }, "is the child of"},
		{"under one's own sending", exchanges, func(s []Span) []Span { s[5].Parent.Span = "s2"; return s }, "is the child of"},
		{"the sending is missing", exchanges, func(s []Span) []Span { s[5].Parent.Span = "x"; return s }, "parent is missing"},
		{"sent to another", exchanges, func(s []Span) []Span { s[4].Tags["electnode.peer"] = "3"; return s }, "is the child of"},
		{"wrong kind", exchanges, func(s []Span) []Span { s[5].Tags["span.kind"] = "internal"; return s }, "kinds of"},
		{"no id, under another's round", exchanges, func(s []Span) []Span { s[8].Parent.Span = "r2"; return s }, "its sending is elsewhere"},
		{"sent before", exchanges, before, ""},
		{"sent before, under another's round", exchanges, func(s []Span) []Span { s = before(s); s[5].Parent.Span = "r1"; return s }, "its sending is elsewhere"},
		{"not sent before", exchanges, func(s []Span) []Span { s = before(s); s[5].Tags["electnode.latency_ms"] = 0.5; return s }, "is the child of"},
		{"no promise", establishment, func(s []Span) []Span { s[10].Name = "x"; return s }, "no span \"promise\""},
		{"promised elsewhere", establishment, func(s []Span) []Span { s[10].Parent.Span = "e1"; return s }, "is not under"},
		{"established elsewhere", establishment, func(s []Span) []Span { s[9].Parent.Span = "r1"; return s }, "is under"},
	} {
		spans := good()
		if c.spoil != nil {
			spans = c.spoil(spans)
		}
		err := c.check(grow(spans))
		if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}
