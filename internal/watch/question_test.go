package watch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"electnode/internal/fle"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
)

// TestQuestion reads the one frame that a watcher sends, and compares it with what the codec makes of it.
func TestQuestion(t *testing.T) {
	frame, err := qcm.ReadFrame(strings.NewReader(question))
	if err != nil || len(frame)+4 != len(question) {
		t.Fatalf("%d of %d bytes, %v", len(frame), len(question), err)
	}
	n, err := fle.Decode(frame)
	if err != nil || n.Form != fle.FormCurrent || n.Version != fle.CurrentVersion || n.State != quorum.Looking ||
		string(n.Text) != questionText || n.MessageID != 0 {
		t.Fatalf("%+v, %v", n, err)
	}
	if again := fle.Append(nil, n); !bytes.Equal(again, frame) {
		t.Errorf("encoded again: %x", again)
	}
	if most := (quorum.Vote{Leader: quorum.NoSID, Zxid: quorum.MinZxid, PeerEpoch: quorum.MinEpoch}); n.Vote != most {
		t.Errorf("the vote %s could beat another", n.Vote)
	}
	v, err := quorum.ParseText(questionText, quorum.ParseOptions{Standalone: true, RefuseMultiAddress: true})
	if err != nil || v.Version() != 0 || len(v.Voters()) != 2 || len(v.Members()) != 2 {
		t.Errorf("%v, %v", v, err)
	}
}

// TestNothingElseIsWritten goes through the source: two places write to a connection, one the preamble and the
// other the constant, each from one caller, and nothing else that could write is handed a connection. A third
// writes one of two words to client ports.
func TestNothingElseIsWritten(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var writes, hellos, lines []string
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					switch name := n.Sel.Name; {
					case strings.HasPrefix(name, "Write"), strings.HasPrefix(name, "Fprint"), name == "Copy",
						name == "ReadFrom", name == "NewWriter", name == "NewEncoder", name == "AppendFrame", name == "Append":
						writes = append(writes, f.Name()+" "+fn.Name.Name+" "+name)
					case name == "hello" && fn.Name.Name != "New":
						hellos = append(hellos, fn.Name.Name)
					}
				case *ast.CompositeLit:
					if id, ok := n.Type.(*ast.Ident); ok && id.Name == "line" {
						lines = append(lines, fn.Name.Name)
					}
				}
				return true
			})
		}
	}
	if want := []string{"options.go SIDFor Write", "question.go hello Write", "question.go ask WriteString",
		"words.go say WriteString"}; !slices.Equal(writes, want) {
		t.Errorf("writes: %q, want %q (SIDFor's is a hash)", writes, want)
	}
	if want := []string{"run", "run", "carryOut"}; !slices.Equal(hellos, want) {
		t.Errorf("hello in %q, want %q", hellos, want)
	}
	if want := []string{"visit"}; !slices.Equal(lines, want) {
		t.Errorf("lines are made in %q", lines)
	}
}

// TestPreamble: what every connection begins with is a preamble of the watcher's sid in the current form.
func TestPreamble(t *testing.T) {
	raw, err := preamble(testSID)
	if err != nil {
		t.Fatal(err)
	}
	p, err := qcm.ReadPreamble(bytes.NewReader(raw))
	if err != nil || p.SID != testSID || p.Form != qcm.FormV1 || !slices.Equal(p.Addresses, []string{announced}) {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestDryRun says what is documented, and refuses what New refuses.
func TestDryRun(t *testing.T) {
	plan, err := DryRun(Options{Targets: []Target{{quorum.NoSID, "zk1:3888"}}, SID: testSID, Jitter: -1})
	if err != nil || string(plan.Question) != question || plan.QuestionsPerSecond != 4 || plan.BytesPerSecond != 412 {
		t.Errorf("%+v, %v", plan, err)
	}
	for name, opt := range map[string]Options{
		"no target":     {SID: testSID},
		"no sid":        {Targets: []Target{{quorum.NoSID, "zk1:3888"}}},
		"reserved sid":  {Targets: []Target{{quorum.NoSID, "zk1:3888"}}, SID: quorum.AnonymousSID},
		"bad target":    {Targets: []Target{{quorum.NoSID, "zk1"}}, SID: testSID},
		"fast":          {Targets: []Target{{quorum.NoSID, "zk1:3888"}}, SID: testSID, Interval: 1},
		"wide jitter":   {Targets: []Target{{quorum.NoSID, "zk1:3888"}}, SID: testSID, Jitter: 0.6},
		"wildcard":      {Targets: []Target{{quorum.NoSID, "0.0.0.0:3888"}}, SID: testSID},
		"own sid":       {Targets: []Target{{7, "zk1:3888"}}, SID: 7},
		"member's sid":  {View: three(t), SID: 2},
		"one sid twice": {Targets: []Target{{1, "zk1:3888"}, {1, "zk2:3888"}}, SID: testSID},
		"short timeout": {Targets: []Target{{quorum.NoSID, "zk1:3888"}}, SID: testSID, AnswerTimeout: -1},
	} {
		if _, err := DryRun(opt); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := New(opt); err == nil {
			t.Errorf("%s: accepted by New", name)
		}
	}
}

// TestParseTarget reads both forms.
func TestParseTarget(t *testing.T) {
	for text, want := range map[string]Target{
		"zk1:3888":        {quorum.NoSID, "zk1:3888"},
		"3=10.0.0.3:3888": {3, "10.0.0.3:3888"},
		"[fd00::1]:3888":  {quorum.NoSID, "[fd00:0:0:0:0:0:0:1]:3888"},
		"-2=zk1:3888":     {-2, "zk1:3888"},
	} {
		got, err := ParseTarget(text)
		if again, err2 := ParseTarget(got.String()); err != nil || got != want || again != got || err2 != nil {
			t.Errorf("%s: %+v, %v; want %+v; again %+v, %v", text, got, err, want, again, err2)
		}
	}
	for _, text := range []string{"", "zk1", "zk1:", ":3888", "zk1:0", "zk1:65536", "x=zk1:3888", "::1:3888", "=zk1:3888"} {
		if got, err := ParseTarget(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// TestSIDFor: sids of watchers are the same for ever, and above all that people configure.
func TestSIDFor(t *testing.T) {
	a, b := SIDFor("one"), SIDFor("two")
	if a == b || a != SIDFor("one") || a < 1<<62 || b < 1<<62 || a == quorum.AnonymousSID {
		t.Errorf("%d %d", a, b)
	}
}

// three is the configuration of text(3).
func three(t *testing.T) *quorum.View {
	t.Helper()
	v, err := quorum.ParseText(text(3), quorum.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}
