package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
)

// filler gives every field that it meets a value of its own, none of them zero.
type filler struct {
	n    int64
	view *quorum.View
}

func (f *filler) fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	f.n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1_700_000_000+f.n, 123456789+f.n).UTC()))
	case v.Type() == reflect.TypeFor[*quorum.View]():
		v.Set(reflect.ValueOf(f.view))
	case v.Type() == reflect.TypeFor[quorum.State]():
		v.SetInt(1 + f.n%3)
	case v.Type() == reflect.TypeFor[quorum.Role]():
		v.SetUint(uint64(quorum.Observer))
	case v.Kind() == reflect.String:
		v.SetString(fmt.Sprintf("%s %d \"\\\n\x00\x7f\u009b\u2028 é 𝄞", name, f.n))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(1<<55 + f.n)
	case v.CanUint():
		v.SetUint(1<<63 + uint64(f.n))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			f.fill(t, v.Field(i), v.Type().Field(i).Name)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(t, v.Index(0), name)
		f.fill(t, v.Index(1), name)
	default:
		t.Fatalf("%s: no value for a %s", name, v.Type())
	}
}

// filled is every event with all of its fields filled.
func filled(t *testing.T) []Event {
	t.Helper()
	f := filler{view: testView(t)}
	var all []Event
	for _, ev := range All() {
		typ, pointer := reflect.TypeOf(ev), false
		if typ.Kind() == reflect.Pointer {
			typ, pointer = typ.Elem(), true
		}
		v := reflect.New(typ)
		f.fill(t, v.Elem(), ev.Name())
		if !pointer {
			v = v.Elem()
		}
		all = append(all, v.Interface().(Event))
	}
	return all
}

func testView(t testing.TB) *quorum.View {
	t.Helper()
	v, err := quorum.NewView(quorum.Spec{Version: 0x100000002, Members: []quorum.Member{
		{SID: 1, Addresses: []quorum.Address{{Host: "zoo1.example", QuorumPort: 2888, ElectionPort: 3888}}},
		{SID: 2, Role: quorum.Observer, Addresses: []quorum.Address{{Host: "zoo2.example", QuorumPort: 2888, ElectionPort: 3888}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sameViews compares views by what travels of them.
func sameViews() cmp.Option {
	return cmp.Comparer(func(a, b *quorum.View) bool {
		return (a == nil) == (b == nil) && (a == nil || a.Text() == b.Text() && a.EnsembleID() == b.EnsembleID())
	})
}

// TestJSONKeepsEveryField writes and reads every event with all its fields filled, and with none: nothing may be
// lost on the way.
func TestJSONKeepsEveryField(t *testing.T) {
	base := time.Now()
	for _, ev := range append(filled(t), All()...) {
		in := Stamped{Time: base.Add(1234567 * time.Microsecond), Node: -7, Election: 1<<63 + 9, Event: ev}
		line := AppendJSON([]byte("before"), in, base)[len("before"):]
		if !json.Valid(line) || !utf8.Valid(line) || strings.ContainsAny(string(line), "\n\r\x00\x7f\u009b\u2028") {
			t.Errorf("%s: %q", ev.Name(), line)
		}
		out, mono, err := ParseTimed(line)
		if err != nil {
			t.Errorf("%v: %s", err, line)
			continue
		}
		if mono != 1234567*time.Microsecond {
			t.Errorf("%s: %s since the base", ev.Name(), mono)
		}
		in.Time = in.Time.Round(0) // no monotonic reading
		if d := cmp.Diff(in, out, sameViews()); d != "" {
			t.Errorf("%s changed:\n%s%s", ev.Name(), d, line)
		}
	}
}

// TestJSONHostileText: whatever a peer makes up stays text, and comes back but for its bad bytes.
func TestJSONHostileText(t *testing.T) {
	for in, want := range map[string]string{
		`","sid":9,"x":"`:           `","sid":9,"x":"`,
		"\xff\xfeabc\xe2\x28":       "\ufffd\ufffdabc\ufffd(",
		"\x1b]0;title\a\x1b[2J":     "\x1b]0;title\a\x1b[2J",
		"\u009b31m\u2028\u2029\r\n": "\u009b31m\u2028\u2029\r\n",
		"\\u0041 \\":                "\\u0041 \\",
		"\ufffd really":             "\ufffd really",
		"":                          "",
	} {
		line := AppendJSON(nil, Stamped{Event: NodeStopped{Error: in}}, time.Time{})
		if !utf8.Valid(line) {
			t.Errorf("bad bytes in %q", line)
		}
		for _, r := range string(line) {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
				t.Errorf("%q stands in %q", r, line)
			}
		}
		out, err := ParseJSON(line)
		if err != nil || out.Event != (NodeStopped{Error: want}) {
			t.Errorf("%q became %+v, %v: %s", in, out.Event, err, line)
		}
	}
}

// TestParseJSONRefuses: what is wrong is named.
func TestParseJSONRefuses(t *testing.T) {
	const head = `{"time":"2026-01-02T15:04:05Z","sid":1,"election":1,"event":`
	for line, want := range map[string]string{
		``:   "recorded event: unexpected end",
		`[]`: "recorded event: json",
		`{"sid":1,"election":1,"event":"NodeStopped"}`:                                    "no time in it",
		`{"time":"2026-01-02T15:04:05Z","election":1,"event":"NodeStopped"}`:              "no sid in it",
		`{"time":"yesterday","sid":1,"election":1,"event":"NodeStopped"}`:                 "time: ",
		`{"time":"9999-12-31T23:59:59-01:00","sid":1,"election":1,"event":"NodeStopped"}`: "out of range",
		head + `7}`:                                                             "event: ",
		head + `"FollowerLost","peer":"1"}`:                                     `"FollowerLost": peer: `,
		head + `"QuorumUndone","round":7}`:                                      `"QuorumUndone": round: `,
		head + `"QuorumUndone","round":"7a"}`:                                   `round: "7a" is no number`,
		head + `"FollowerJoined","zxid":"7"}`:                                   `zxid: "7" is no number in hex`,
		head + `"NotificationReplaced","message_id":"7"}`:                       `message_id: "7" is no message id`,
		head + `"StateChanged","to":"DREAMING"}`:                                `to: "DREAMING" is no state`,
		head + `"NodeStarted","role":"king"}`:                                   `role: unknown role "king"`,
		head + `"NodeStarted","config":"server.1=a"}`:                           `config: `,
		head + `"ElectionDecided","vote":{"leader":"x"}}`:                       `vote: leader: `,
		head + `"ElectionDecided","phases":{"quorum_ns":99999999999999999999}}`: `phases: quorum_ns: `,
	} {
		if s, err := ParseJSON([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n gives %+v, %v; want %q", line, s, err, want)
		}
	}
	if _, err := ParseJSON([]byte(head + `"LeaderSang"}`)); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "LeaderSang") {
		t.Errorf("an event of tomorrow: %v", err)
	}
	// Fields of tomorrow, and none of those of today.
	s, err := ParseJSON([]byte(head + `"ElectionStarted","mood":["good"]}`))
	if err != nil || s.Event != (ElectionStarted{}) || s.Node != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestJSONViews: every configuration that can be in force comes back, odd ones included.
func TestJSONViews(t *testing.T) {
	for _, text := range []string{
		"server.1=a:1:2:participant\nserver.2=b:1:2:observer\nversion=0",
		"server.1=a:1:2:participant\nversion=ffffffff",
		"server.1=[0:0:0:0:0:0:0:1]:1:2|b:1:2:participant;0.0.0.0:2181\nserver.-3=c:1:2:participant\nversion=5",
		"server.1=a:1:2:participant\nserver.2=b:1:2:participant\ngroup.1=1:2\nweight.1=1\nweight.2=0\nversion=0",
		"version=0",
	} {
		v, err := parseView(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		out, err := ParseJSON(AppendJSON(nil, Stamped{Event: ConfigSeen{View: v}}, time.Time{}))
		if err != nil || !out.Event.(ConfigSeen).View.Equal(v) {
			t.Errorf("%q became %+v, %v", text, out, err)
		}
	}
}

// FuzzParseJSON: refusing is fine; a panic is not, nor an event that changes when it is written again.
func FuzzParseJSON(f *testing.F) {
	base := time.Unix(1_700_000_000, 0)
	for _, ev := range All() {
		f.Add(AppendJSON(nil, Stamped{Time: base, Node: 1, Election: 1, Event: ev}, base))
	}
	f.Add(AppendJSON(nil, Stamped{Time: base, Event: NodeStarted{View: testView(f)}}, base))
	f.Add([]byte(`{"time":"0000-01-01T00:00:00Z","sid":-1,"election":1,"event":"StateChanged","from":"STATE(-9)"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		s, err := ParseJSON(line)
		if err != nil {
			return
		}
		again, err := ParseJSON(AppendJSON(nil, s, base))
		if err != nil {
			t.Fatalf("%v: %+v", err, s)
		}
		if d := cmp.Diff(s, again, sameViews()); d != "" {
			t.Fatal(d)
		}
	})
}

// TestAppendJSONTakesNoMemory but the line's.
func TestAppendJSONTakesNoMemory(t *testing.T) {
	base := time.Now()
	buf := make([]byte, 0, 64<<10)
	for _, ev := range filled(t) {
		s := Stamped{Time: base, Node: 1, Election: 1, Event: ev}
		if n := testing.AllocsPerRun(100, func() { AppendJSON(buf, s, base) }); n != 0 {
			t.Errorf("%s: %v allocations", ev.Name(), n)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	base := time.Now()
	buf := make([]byte, 0, 1<<10)
	s := Stamped{Time: base, Node: 1, Election: 1, Event: &NotificationReceived{Peer: 2, MessageID: 7, SentAt: base,
		ElectionAt: base, Outcome: ReceivedCounted, Notification: Notification{Vote: quorum.Vote{Leader: 3, Zxid: 0x500000001}}}}
	b.ReportAllocs()
	for b.Loop() {
		AppendJSON(buf, s, base)
	}
}
