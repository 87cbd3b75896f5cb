package quorum

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestText(t *testing.T) {
	v := mustView(t, Spec{Members: []Member{
		{SID: 1, Addresses: []Address{{"zoo1.example", 2888, 3888}}, Client: "0.0.0.0:2181", ClientStatic: true},
		{SID: 2, Addresses: []Address{{"zoo2.example", 2888, 3888}}, Client: "0.0.0.0:2182"},
		{SID: 3, Addresses: []Address{{"2001:db8:0:0:0:0:0:3", 2888, 3888}}, Role: Observer},
	}})
	want := "server.1=zoo1.example:2888:3888:participant\n" +
		"server.2=zoo2.example:2888:3888:participant;0.0.0.0:2182\n" +
		"server.3=[2001:db8:0:0:0:0:0:3]:2888:3888:observer\nversion=0"
	if diff := cmp.Diff(want, v.Text()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := mustView(t, Spec{}).Text(); got != "version=0" {
		t.Errorf("%q", got)
	}
}

func TestHashOrder(t *testing.T) {
	for _, c := range []struct{ ids, want []int64 }{
		{[]int64{300, 1, 1000}, []int64{1, 1000, 300}},
		{[]int64{-5, 2, 3}, []int64{2, 3, -5}},
		{[]int64{1, 2, 1<<63 - 1}, []int64{1<<63 - 1, 1, 2}},
		{[]int64{11, 12, 40, 60}, []int64{40, 11, 12, 60}},
		{[]int64{34, 18, 2}, []int64{2, 18, 34}},
		{[]int64{13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 17}, []int64{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17}},
		{nil, nil},
	} {
		given := append([]int64(nil), c.ids...)
		if diff := cmp.Diff(c.want, hashOrder(given)); diff != "" {
			t.Errorf("%v (-want +got)\n%s", c.ids, diff)
		}
	}
}

// TestTextsOfTheReference reads the configuration texts that ZooKeeper printed, and prints them again.
func TestTextsOfTheReference(t *testing.T) {
	type effective struct {
		Text     string `json:"config_text"`
		Verifier string `json:"verifier"`
	}
	var file struct {
		Cases []struct {
			Name      string    `json:"name"`
			Effective effective `json:"effective"`
			Refused   any       `json:"electnode"`
			OrderFree bool      `json:"config_text_order_free"`
			Checks    []struct {
				Acks   []SID `json:"acks"`
				Quorum bool  `json:"quorum"`
			} `json:"quorum_checks"`
		} `json:"cases"`
	}
	raw, err := os.ReadFile("../config/testdata/config-cases.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, c := range file.Cases {
		if c.Effective.Text == "" || c.Refused != nil {
			continue
		}
		read++
		v, err := ParseText(c.Effective.Text, ParseOptions{})
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if diff := cmp.Diff(c.Effective.Text, v.Text()); diff != "" && !c.OrderFree {
			t.Errorf("%s (-want +got)\n%s", c.Name, diff)
		}
		if v.Hierarchical() != (c.Effective.Verifier == "hierarchical") {
			t.Errorf("%s: hierarchical %t", c.Name, v.Hierarchical())
		}
		for _, q := range c.Checks {
			if got := v.IsQuorum(setOf(q.Acks...).Has); got != q.Quorum {
				t.Errorf("%s: %v is a quorum: %t", c.Name, q.Acks, got)
			}
		}
	}
	if read < 40 {
		t.Errorf("only %d cases", read)
	}
}

func TestParseText(t *testing.T) {
	const two = "server.1=a:1:2\nserver.2=b:1:2\n"
	for _, c := range []struct {
		name, text string
		opt        ParseOptions
		want       string // the text of the view
	}{
		{"plain", two + "version=100000005", ParseOptions{}, "server.1=a:1:2:participant\nserver.2=b:1:2:participant\nversion=100000005"},
		{"no version", two, ParseOptions{}, "server.1=a:1:2:participant\nserver.2=b:1:2:participant\nversion=0"},
		{"comments", "#electnode 17\n! x\\u\n" + two + "version=F\n#end", ParseOptions{}, "server.1=a:1:2:participant\nserver.2=b:1:2:participant\nversion=f"},
		{"empty", "", ParseOptions{Standalone: true}, "version=0"},
		{"secure client", "server.1=a:1:2:participant;3;4\nserver.2=b:1:2;;c:4", ParseOptions{}, "server.1=a:1:2:participant;0.0.0.0:3\nserver.2=b:1:2:participant\nversion=0"},
		{"two addresses", "server.1=b:1:2|a:3:4", ParseOptions{}, "server.1=a:3:4|b:1:2:participant\nversion=0"},
		{"not Latin 1", "server.1=zoö:1:2", ParseOptions{}, "server.1=zoö:1:2:participant\nversion=0"},
		{"weight without group", two + "group.7=1:2\nweight.9=5", ParseOptions{}, "server.1=a:1:2:participant\nserver.2=b:1:2:participant\n" +
			"group.7=1:2\nweight.1=1\nweight.2=1\nweight.9=5\nversion=0"},
		{"group keys of another spelling", two + "groupies.7.=1:2", ParseOptions{}, ""},
		{"empty, but one must be a distributed one", "", ParseOptions{}, ""},
		{"a blank after the version", two + "version=5 ", ParseOptions{}, ""},
		{"a comment after the version", two + "version=5#x", ParseOptions{}, ""},
		{"version zz", two + "version=zz", ParseOptions{}, ""},
		{"version -", two + "version=-", ParseOptions{}, ""},
		{"version above 64 bits", two + "version=ffffffffffffffff", ParseOptions{}, ""},
		{"foreign key", two + "electnode=1", ParseOptions{}, ""},
		{"bad escape", two + "version=\\u00", ParseOptions{}, ""},
		{"not UTF-8", two + "#\xff", ParseOptions{}, ""},
		{"observer only", "server.1=a:1:2:observer", ParseOptions{}, ""},
		{"one voter and an observer", "server.1=a:1:2\nserver.2=b:1:2:observer", ParseOptions{Standalone: true}, ""},
		{"two addresses refused", "server.1=b:1:2|a:3:4", ParseOptions{RefuseMultiAddress: true}, ""},
		{"no address", "server.1=|", ParseOptions{}, ""},
		{"a fourth part", "server.1=a:1:2;1;2;3", ParseOptions{}, ""},
		{"too long", "#" + strings.Repeat("x", MaxText), ParseOptions{Standalone: true}, ""},
		{"the secret line", `server.1=a\nserver.2=b:1:2`, ParseOptions{}, ""},
	} {
		v, err := ParseText(c.text, c.opt)
		switch {
		case err != nil && c.want != "":
			t.Errorf("%s: %v", c.name, err)
		case err == nil && c.want != v.Text():
			t.Errorf("%s: %q, want %q", c.name, v.Text(), c.want)
		}
	}
}

// FuzzParseText: refusing is fine; a panic, or a view whose text does not lead back to it, is not.
func FuzzParseText(f *testing.F) {
	for _, seed := range []string{
		"", "version=0", "#m 0123456789abcdef\nserver.1=a:1:2\nversion=5",
		"server.1=[::1]:2888:3888:participant;0.0.0.0:2181\nserver.2=b:1:2|a:3:4:observer\nversion=100000000",
		"server.1=a:1:2\nserver.300=a:1:2\nserver.-5=a:1:2\ngroup.1=1:300:-5\nweight.1=3\nversion=1",
		"server.1=a:1:2;;2281\n", "server.1=a\\u0020b:1:2", "server.1=a:1:2,,", "server.1=\\ a:1:2", "server.1=a\\\\n:1:2",
		"server.x=1\ngroup=\nweight=\nversion=", "server.1=a:1:2;[fe80::1%eth0]:3", "a\\\n\\\n b",
	} {
		f.Add(seed, false, false)
		f.Add(seed, true, true)
	}
	f.Fuzz(func(t *testing.T, text string, refuse, standalone bool) {
		opt := ParseOptions{RefuseMultiAddress: refuse, Standalone: standalone}
		v, err := ParseText(text, opt)
		if err != nil {
			return
		}
		again, err := ParseText(v.Text(), opt)
		if err != nil {
			t.Fatalf("%q: its text %q: %v", text, v.Text(), err)
		}
		if !again.Equal(v) || again.Text() != v.Text() {
			t.Fatalf("%q: %q became %q", text, v.Text(), again.Text())
		}
	})
}

// TestParseTextIsCheap holds the parser to a number of allocations that is linear in the lines.
func TestParseTextIsCheap(t *testing.T) {
	text := ensembleText(5)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := ParseText(text, ParseOptions{}); err != nil {
			t.Fatal(err)
		}
	}); n > 120 {
		t.Errorf("%v allocations for five servers", n)
	}
}

func ensembleText(n int) string {
	var s strings.Builder
	for i := 1; i <= n; i++ {
		s.WriteString("server." + strconv.Itoa(i) + "=zoo" + strconv.Itoa(i) + ".example:2888:3888:participant;0.0.0.0:2181\n")
	}
	return s.String() + "version=100000000"
}

func BenchmarkParseText(b *testing.B) {
	for _, n := range []int{3, 5, 7} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			text := ensembleText(n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseText(text, ParseOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkIsQuorum(b *testing.B) {
	for _, n := range []int{3, 5, 7} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			v := mustView(b, Spec{Members: members(n)})
			all := setOf(v.Voters()...)
			b.ReportAllocs()
			for b.Loop() {
				if !v.IsQuorum(all.Has) {
					b.Fatal("no quorum")
				}
			}
		})
	}
}
