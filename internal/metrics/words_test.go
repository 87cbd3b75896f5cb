package metrics

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"electnode/internal/event"
)

// TestWordsAreAllOfThem compares the sets with the constants in event's source.
func TestWordsAreAllOfThem(t *testing.T) {
	all := constants(t)
	for prefix, have := range map[string][]string{
		"Reason": event.Reasons(), "Round": plain(event.RoundCauses()), "Vote": plain(event.VoteCauses()),
	} {
		want := all(prefix)
		slices.Sort(have)
		if len(want) == 0 || !slices.Equal(have, want) {
			t.Errorf("%s: have %v, want %v", prefix, have, want)
		}
	}
	if got := plain(event.TieBreakSides()); !slices.Equal(got, []string{"dialler", "acceptor"}) {
		t.Errorf("sides %v", got)
	}
}

func plain[W ~string](words []W) []string {
	var all []string
	for _, w := range words {
		all = append(all, string(w))
	}
	return all
}

// constants reads the string constants of package event; the answer lists the values of those with a prefix.
func constants(t *testing.T) func(prefix string) []string {
	t.Helper()
	entries, err := os.ReadDir("../event")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), "../event/"+e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Values) != 1 {
				return true
			}
			if lit, ok := v.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				values[v.Names[0].Name], err = strconv.Unquote(lit.Value)
			}
			return err == nil
		})
	}
	return func(prefix string) []string {
		var found []string
		for name, value := range values {
			if strings.HasPrefix(name, prefix) {
				found = append(found, value)
			}
		}
		slices.Sort(found)
		return found
	}
}
