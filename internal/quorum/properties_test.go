package quorum

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/magiconair/properties"
	"pgregory.net/rapid"
)

func TestParseProperties(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []Property
	}{
		{"separators", "a=1\nb : 2\nc 3\nd\ne==x\nf\t=\f:x", []Property{{1, "a", "1"}, {2, "b", "2"}, {3, "c", "3"},
			{4, "d", ""}, {5, "e", "=x"}, {6, "f", ":x"}}},
		{"line ends", "a=1\rb=2\r\nc=3", []Property{{1, "a", "1"}, {2, "b", "2"}, {3, "c", "3"}}},
		{"trailing blanks stay", " a = 1 \t\n", []Property{{1, "a", "1 \t"}}},
		{"comments", "# a=1\\\n ! b=2\na=1 # text\n#", []Property{{3, "a", "1 # text"}}},
		{"continuation", "a=1\\\n   2\\\r\n\t3\nb=4", []Property{{1, "a", "123"}, {4, "b", "4"}}},
		{"a key continued", "ab\\\n  c=1", []Property{{1, "abc", "1"}}},
		{"a comment sign in a joined line is text", "a=\\\n#b", []Property{{1, "a", "#b"}}},
		{"nothing collected yet", "\\\n# comment\n\\\n\na=1", []Property{{5, "a", "1"}}},
		{"a blank joined line ends it", "a=1\\\n  \nb=2", []Property{{1, "a", "1"}, {3, "b", "2"}}},
		{"an even number of backslashes", "a=1\\\\\nb=2", []Property{{1, "a", `1\`}, {2, "b", "2"}}},
		{"a backslash at the end vanishes", "a=1\\", []Property{{1, "a", "1"}}},
		{"only a backslash", "\\", nil},
		{"escapes", `a\ b\=c=\t\n\r\f\u0041\q\\`, []Property{{1, "a b=c", "\t\n\r\fAq\\"}}},
		{"surrogates", `a=\ud83d\ude00 \ud83d \ude00x`, []Property{{1, "a", "\U0001F600 \uFFFD \uFFFDx"}}},
		{"the last one wins", "a=1\nb=2\na=3", []Property{{3, "a", "3"}, {2, "b", "2"}}},
		{"an empty key", "=x", []Property{{1, "", "x"}}},
		{"ordinary characters", "\u0085a\u00a0=\u00a0", []Property{{1, "\u0085a\u00a0", "\u00a0"}}},
		{"empty", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, bad := ParseProperties(c.text)
			if len(bad) > 0 {
				t.Fatalf("%q: %v", c.text, bad[0])
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%q (-want +got)\n%s", c.text, diff)
			}
		})
	}
}

func TestMalformedEscapes(t *testing.T) {
	for _, text := range []string{`\u`, `a=\u12`, `a=\u00g1`, `a=\uu0041`, `\u12x=1`, `b=1\u004`} {
		got, bad := ParseProperties("# \\u is harmless here\n" + text + "\nz=1")
		if len(bad) != 1 || bad[0].Line != 2 {
			t.Errorf("%q: %v, %v", text, got, bad)
		}
	}
}

func TestDecodeLatin1(t *testing.T) {
	if got := DecodeLatin1([]byte("z\xc3\xb6\x85")); got != "zÃ¶\u0085" {
		t.Errorf("%q", got)
	}
}

// TestAgreesWithTheLibrary compares with github.com/magiconair/properties over texts that use only what
// the library reads as Java does: see ParseProperties for the rest.
func TestAgreesWithTheLibrary(t *testing.T) {
	word := rapid.StringMatching(`([a-z0-9.#!]|\\[=: tnrfq\\]|\\u00[0-9a-f]{2}){1,6}`)
	separator := rapid.SampledFrom([]string{"=", ":", " ", " = ", "\t:\f", "=="})
	value := rapid.StringMatching(`([a-z0-9.#!=: ]|\\[=: tnrfq\\]|\\u00[0-9a-f]{2}){0,8}`)
	line := rapid.Custom(func(t *rapid.T) string {
		return rapid.StringMatching(`[a-z]`).Draw(t, "first") + word.Draw(t, "key") + separator.Draw(t, "separator") +
			value.Draw(t, "value") + rapid.SampledFrom([]string{"\n", "\r", "\r\n", "\\\n  x\n", "\n# c\n"}).Draw(t, "end")
	})
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		for _, l := range rapid.SliceOfN(line, 0, 5).Draw(t, "lines") {
			text.WriteString(l)
		}
		loader := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
		want, err := loader.LoadBytes([]byte(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		got, bad := ParseProperties(text.String())
		if len(bad) > 0 {
			t.Fatalf("%q: %v", text.String(), bad[0])
		}
		all := map[string]string{}
		for _, p := range got {
			all[p.Key] = p.Value
		}
		if diff := cmp.Diff(want.Map(), all); diff != "" {
			t.Fatalf("%q (-library +got)\n%s", text.String(), diff)
		}
	})
}
