package event

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// column is a field as the page documents it.
type column struct{ Name, Type string }

// documented reads the tables of docs/events.md by their headings.
func documented(t *testing.T) map[string][]column {
	t.Helper()
	raw, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("^\\| `([a-z_]+)` \\| ([a-z ]+) \\|")
	all, at := map[string][]column{}, ""
	for line := range strings.Lines(string(raw)) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			at = strings.TrimSpace(title)
			if _, twice := all[at]; twice {
				t.Errorf("%s stands there twice", at)
			}
			all[at] = nil
		}
		if m := row.FindStringSubmatch(line); m != nil {
			all[at] = append(all[at], column{m[1], m[2]})
		}
	}
	return all
}

// forms says what a value of each documented type looks like.
func forms() map[string]string {
	const (
		decimal = `"-?[0-9]+"`
		hex     = `"0x[0-9a-f]+"`
		when    = `"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z"`
		number  = `-?[0-9]+`
		text    = `"([^"\\]|\\.)*"`
	)
	return map[string]string{
		"sid": number, "number": number, "ns": number, "flag": `true|false`, "word": text, "text": text,
		"decimal": decimal, "hex": hex, "time": when, "time or null": when + `|null`,
		"message id": `"[0-9a-f]{16}"|null`, "state": `"(LOOKING|FOLLOWING|LEADING|OBSERVING|STATE\(-?[0-9]+\))"`,
		"vote":   `\{"leader":` + number + `,"zxid":` + hex + `,"peer_epoch":` + decimal + `\}`,
		"phases": `\{"first_vote_heard_ns":` + number + `,"quorum_ns":` + number + `,"decided_ns":` + number + `\}`,
		"sids":   `\[(` + number + `(,` + number + `)*)?\]`,
		"texts":  `\[(` + text + `(,` + text + `)*)?\]`,
		"view":   text + `|null`,
	}
}

// written lists the fields of a line in their order.
func written(t *testing.T, line []byte) (names []string, values map[string]json.RawMessage) {
	t.Helper()
	if err := json.Unmarshal(line, &values); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	for depth := 0; ; {
		tok, err := dec.Token()
		if err == io.EOF {
			return names, values
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case json.Delim:
			if tok == '{' || tok == '[' {
				depth++
			} else {
				depth--
			}
		case string:
			if _, field := values[tok]; field && depth == 1 && !slices.Contains(names, tok) {
				names = append(names, tok)
			}
		}
	}
}

// TestEventsAreDocumented compares docs/events.md with what is written of every event: names, order and types.
func TestEventsAreDocumented(t *testing.T) {
	doc := documented(t)
	everywhere, form := doc["Every event"], forms()
	delete(doc, "Every event")
	for _, other := range []string{"Types", "Streams", "Elections"} {
		delete(doc, other)
	}
	for _, ev := range append(filled(t), All()...) {
		line := AppendJSON(nil, Stamped{Time: time.Now(), Node: 1, Event: ev}, time.Now())
		names, values := written(t, line)
		fields := slices.Concat(everywhere, doc[ev.Name()])
		var want []string
		for _, f := range fields {
			want = append(want, f.Name)
			pattern, ok := form[f.Type]
			if !ok {
				t.Errorf("%s.%s has the unknown type %s", ev.Name(), f.Name, f.Type)
			} else if !regexp.MustCompile(`^(` + pattern + `)$`).Match(values[f.Name]) {
				t.Errorf("%s.%s is %s, and no %s", ev.Name(), f.Name, values[f.Name], f.Type)
			}
		}
		if d := cmp.Diff(want, names); d != "" {
			t.Errorf("%s: documented and written:\n%s", ev.Name(), d)
		}
	}
	for _, ev := range All() {
		if _, ok := doc[ev.Name()]; !ok {
			t.Errorf("%s is not documented", ev.Name())
		}
		delete(doc, ev.Name())
	}
	for name := range doc {
		t.Errorf("%s is documented and no event", name)
	}
}

// TestWordsAreDocumented: where the page lists a closed set, it is the whole set.
func TestWordsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	var sets [][]string
	text := func(words []string) { sets = append(sets, words) }
	text(DialResults())
	text(DropReasons())
	text(RejectReasons())
	text(LearnerReasons())
	text(Ports())
	text(Files())
	text(words(RoundCauses()))
	text(words(VoteCauses()))
	text(words(SendCauses()))
	text(words(ReceiveOutcomes()))
	text(words(Hows()))
	text(words(TieBreakOutcomes()))
	text(words(TieBreakSides()))
	text(slices.DeleteFunc(Reasons(), func(r string) bool { return r == ReasonStopped }))
	for _, set := range sets {
		if list := strings.Join(set, ", "); !strings.Contains(string(raw), list+" |") {
			t.Errorf("docs/events.md does not list %s", list)
		}
	}
}

func words[W ~string](all []W) []string {
	var out []string
	for _, w := range all {
		out = append(out, string(w))
	}
	return out
}
