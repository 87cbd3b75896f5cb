package event

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAllIsComplete compares All with the source: every type with a Name method is in it, under its own
// name, once.
func TestAllIsComplete(t *testing.T) {
	var listed []string
	for _, ev := range All() {
		if got, want := ev.Name(), reflect.Indirect(reflect.ValueOf(ev)).Type().Name(); got != want {
			t.Errorf("%s calls itself %s", want, got)
		}
		listed = append(listed, ev.Name())
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.Name == "Name" {
				recv := fn.Recv.List[0].Type
				if star, ok := recv.(*ast.StarExpr); ok {
					recv = star.X
				}
				declared = append(declared, recv.(*ast.Ident).Name)
			}
		}
	}
	slices.Sort(listed)
	slices.Sort(declared)
	if !slices.Equal(listed, declared) {
		t.Errorf("All has %v, the source %v", listed, declared)
	}
}

// TestEmitter: events carry the node, the time and the number of the election they belong to; the start
// of an election is the first of the next.
func TestEmitter(t *testing.T) {
	var got []Stamped
	now := time.Unix(7, 0)
	second := SinkFunc(func(Stamped) {})
	e := NewEmitter(3, func() time.Time { return now }, FanOut{SinkFunc(func(s Stamped) { got = append(got, s) }), second})
	e.Emit(NodeStarted{})
	e.Emit(ElectionStarted{})
	e.EmitAt(now.Add(time.Second), QuorumUndone{})
	e.Emit(ElectionStarted{})
	want := []uint64{0, 1, 1, 2}
	for i, s := range got {
		if s.Node != 3 || s.Election != want[i] || s.Time.IsZero() {
			t.Errorf("event %d: %+v", i, s)
		}
	}
	if len(got) != 4 || !got[2].Time.Equal(now.Add(time.Second)) {
		t.Errorf("%d events: %+v", len(got), got)
	}
}

// TestClosedSets: no value stands twice in a set that labels are made of.
func TestClosedSets(t *testing.T) {
	sets := map[string][]string{"dial": DialResults(), "drop": DropReasons(), "reject": RejectReasons()}
	for _, c := range SendCauses() {
		sets["send"] = append(sets["send"], string(c))
	}
	for _, o := range ReceiveOutcomes() {
		sets["receive"] = append(sets["receive"], string(o))
	}
	for _, o := range TieBreakOutcomes() {
		sets["tie-break"] = append(sets["tie-break"], string(o))
	}
	for _, h := range Hows() {
		sets["how"] = append(sets["how"], string(h))
	}
	for name, set := range sets {
		slices.Sort(set)
		if len(set) == 0 || len(slices.Compact(slices.Clone(set))) != len(set) {
			t.Errorf("%s: %v", name, set)
		}
	}
}

func BenchmarkEmitSent(b *testing.B) {
	e := NewEmitter(1, time.Now, FanOut{})
	b.ReportAllocs()
	for b.Loop() {
		e.Sent(NotificationSent{Peer: 2})
	}
}
