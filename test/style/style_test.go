package style

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "electnode"

// floors lists the packages from the ground up: one may import only what stands before its own line, and
// not its neighbours in the same line.
func floors() [][]string {
	return [][]string{
		{"internal/quorum", "internal/crowd"},
		{"internal/event"},
		{"internal/config", "internal/durable", "internal/names"},
		{"internal/fle", "internal/qcm", "internal/zab"},
		{"internal/quorumtls", "internal/identity"},
		{"internal/node"},
		{"internal/invariant"},
		{"internal/sim"},
		{"internal/traceid", "internal/queue"},
		{"internal/watch"},
		{"internal/metrics", "internal/tracing", "internal/logging", "internal/recorder"},
		{"internal/web"},
		{"internal/demo"},
		{"cmd/electnode"},
	}
}

// ban forbids packages to import others, for a reason that the failing test tells.
type ban struct {
	packages []string
	imports  []string
	reason   string
}

func bans() []ban {
	return []ban{
		{[]string{"internal/quorum", "internal/event", "internal/fle", "internal/traceid"},
			[]string{"net", "os", "syscall", "os/signal", "os/exec", "io/fs"},
			"the words, the events and the election do no I/O"},
		{[]string{"internal/fle"},
			[]string{"sync", "sync/atomic", "context", "log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand"},
			"the election is a function of its inputs, owned by one goroutine"},
		{[]string{"internal/quorum", "internal/event", "internal/config", "internal/durable", "internal/fle",
			"internal/qcm", "internal/zab", "internal/node"},
			[]string{"github.com/prometheus/", "go.opentelemetry.io/", "github.com/lmittmann/tint", "net/http"},
			"events come first: who elects does not know how elections are shown"},
		{[]string{"internal/qcm"}, []string{module + "/internal/fle", module + "/internal/zab"},
			"the connection manager does not know what the bytes mean"},
		{[]string{"internal/zab"}, []string{module + "/internal/fle", module + "/internal/qcm"},
			"leader and learner do not know how the leader was chosen"},
		{[]string{"internal/identity"}, []string{module + "/internal/qcm", module + "/internal/zab", module + "/internal/config"},
			"who judges others does not know what they say"},
		{[]string{"internal/watch"}, []string{module + "/internal/node", module + "/internal/zab"},
			"a watcher is no member"},
		{[]string{"internal/metrics", "internal/tracing", "internal/logging", "internal/recorder"},
			[]string{module + "/internal/node", module + "/internal/qcm", module + "/internal/fle", module + "/internal/zab"},
			"sinks know events, not those who emit them"},
	}
}

// pkg is what the go command tells of a package.
type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles", module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 8 {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}

// floorOf is the place of a package, or -1 for one that stands beside the house (tests). What is below a
// package belongs to it.
func floorOf(path string) int {
	rel := strings.TrimPrefix(path, module+"/")
	for i, line := range floors() {
		for _, p := range line {
			if rel == p || strings.HasPrefix(rel, p+"/") {
				return i
			}
		}
	}
	return -1
}

func top(path string) string {
	parts := strings.SplitN(strings.TrimPrefix(path, module+"/"), "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func TestFloors(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasPrefix(p.ImportPath, module+"/test/") {
			continue
		}
		here := floorOf(p.ImportPath)
		if here < 0 {
			t.Errorf("%s has no place in the house: give it one in floors", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			if !strings.HasPrefix(imp, module+"/") || top(imp) == top(p.ImportPath) {
				continue
			}
			if there := floorOf(imp); there >= here {
				t.Errorf("%s imports %s, which stands on the same floor or below it", p.ImportPath, imp)
			}
		}
	}
}

func TestBans(t *testing.T) {
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, b := range bans() {
			if !slices.Contains(b.packages, rel) {
				continue
			}
			for _, imp := range p.Imports {
				for _, bad := range b.imports {
					if imp == bad || strings.HasSuffix(bad, "/") && strings.HasPrefix(imp, bad) {
						t.Errorf("%s must not import %s: %s", rel, imp, b.reason)
					}
				}
			}
		}
	}
}

// file is one parsed source file.
type file struct {
	path string // within the repository
	ast  *ast.File
}

func sources(t *testing.T) (*token.FileSet, []file) {
	t.Helper()
	root := "../.."
	fset := token.NewFileSet()
	var all []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		all = append(all, file{rel, parsed})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fset, all
}

// TestFunctionLength bounds functions at 70 lines; tables in tests may be longer.
func TestFunctionLength(t *testing.T) {
	const limit = 70
	fset, all := sources(t)
	for _, f := range all {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1
			if n > limit && !(strings.HasSuffix(f.path, "_test.go") && hasTable(fn)) {
				t.Errorf("%s: %s has %d lines, the limit is %d", f.path, fn.Name.Name, n, limit)
			}
		}
	}
}

// hasTable reports whether most of a function is one composite literal.
func hasTable(fn *ast.FuncDecl) bool {
	longest := token.Pos(0)
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if lit, ok := n.(*ast.CompositeLit); ok {
			longest = max(longest, lit.End()-lit.Pos())
		}
		return true
	})
	return longest > (fn.End()-fn.Pos())/2
}

// TestFileLength bounds files at 400 lines outside tests.
func TestFileLength(t *testing.T) {
	fset, all := sources(t)
	for _, f := range all {
		if n := fset.Position(f.ast.End()).Line; n > 400 && !strings.HasSuffix(f.path, "_test.go") {
			t.Errorf("%s has %d lines: think about its parts at 400", f.path, n)
		}
	}
}

// calls lists the selector calls x.f of a file with their positions.
func calls(f file, visit func(pos token.Pos, pkg, name string)) {
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok {
				visit(sel.Pos(), id.Name, sel.Sel.Name)
			}
		}
		return true
	})
}

// TestNoClockInTheCore keeps the clock out of what must be a function of its inputs.
func TestNoClockInTheCore(t *testing.T) {
	pure := []string{"internal/quorum/", "internal/event/", "internal/fle/", "internal/sim/"}
	files := []string{"internal/node/core.go", "internal/node/roles.go", "internal/zab/leader", "internal/zab/learner", "internal/zab/handler"}
	clock := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}
	fset, all := sources(t)
	for _, f := range all {
		inPure := slices.ContainsFunc(pure, func(p string) bool { return strings.HasPrefix(f.path, p) }) ||
			slices.ContainsFunc(files, func(p string) bool { return strings.HasPrefix(f.path, p) })
		if !inPure || strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		calls(f, func(pos token.Pos, pkg, name string) {
			if pkg == "time" && slices.Contains(clock, name) {
				t.Errorf("%s: time.%s: time is an argument here", fset.Position(pos), name)
			}
		})
	}
}

// TestNoSleepInTests allows sleeping on fake time only: within a call of synctest.Test or of a package's
// wrapper of it called bubble, or in a function that calls synctest.Wait, which panics outside of one.
func TestNoSleepInTests(t *testing.T) {
	fset, all := sources(t)
	for _, f := range all {
		if !strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			fake := fakeTime(fn)
			visitCalls(fn, func(pos token.Pos, name string) {
				inFake := slices.ContainsFunc(fake, func(r [2]token.Pos) bool { return r[0] < pos && pos < r[1] })
				if name == "time.Sleep" && !inFake {
					t.Errorf("%s: time.Sleep outside a synctest bubble: wait for what you wait for", fset.Position(pos))
				}
			})
		}
	}
}

// fakeTime lists the parts of a function that run on fake time.
func fakeTime(fn *ast.FuncDecl) [][2]token.Pos {
	var parts [][2]token.Pos
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch exprName(call.Fun) {
		case "synctest.Test", "bubble":
			parts = append(parts, [2]token.Pos{call.Pos(), call.End()})
		case "synctest.Wait":
			parts = append(parts, [2]token.Pos{fn.Pos(), fn.End()})
		}
		return true
	})
	return parts
}

func visitCalls(fn *ast.FuncDecl, visit func(pos token.Pos, name string)) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			visit(call.Pos(), exprName(call.Fun))
		}
		return true
	})
}

// TestNothingGlobal forbids default registries, global providers, init functions and package variables
// that hold state.
func TestNothingGlobal(t *testing.T) {
	banned := map[string][]string{
		"prometheus": {"DefaultRegisterer", "DefaultGatherer", "MustRegister", "Register"},
		"promauto":   nil,
		"otel":       {"SetTracerProvider", "Tracer", "GetTracerProvider", "SetTextMapPropagator"},
		"slog":       {"SetDefault", "Default", "Info", "Warn", "Error", "Debug"},
	}
	fset, all := sources(t)
	for _, f := range all {
		calls(f, func(pos token.Pos, pkg, name string) {
			names, ok := banned[pkg]
			if ok && (names == nil || slices.Contains(names, name)) {
				t.Errorf("%s: %s.%s is global: pass it in", fset.Position(pos), pkg, name)
			}
		})
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init function", fset.Position(fn.Pos()))
			}
			if gen, ok := d.(*ast.GenDecl); ok && gen.Tok == token.VAR && !strings.HasSuffix(f.path, "_test.go") {
				checkVars(t, fset, gen)
			}
		}
	}
}

// checkVars allows package variables that are errors, compile-time checks, embedded files, compiled
// patterns, and what the linker sets; others may change and are refused.
func checkVars(t *testing.T, fset *token.FileSet, gen *ast.GenDecl) {
	for _, spec := range gen.Specs {
		v := spec.(*ast.ValueSpec)
		for i, name := range v.Names {
			embedded := gen.Doc != nil && strings.Contains(gen.Doc.Text()+comments(gen.Doc), "go:embed")
			if name.Name == "_" || embedded || name.Name == "version" {
				continue
			}
			if i < len(v.Values) && isConstantLike(v.Values[i]) {
				continue
			}
			t.Errorf("%s: package variable %s can change: make it a function or pass it in",
				fset.Position(name.Pos()), name.Name)
		}
	}
}

func comments(g *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range g.List {
		b.WriteString(c.Text)
	}
	return b.String()
}

// isConstantLike reports whether an expression makes an error or a compiled pattern.
func isConstantLike(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	name := fmt.Sprint(exprName(call.Fun))
	return slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile"}, name)
}

func exprName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return exprName(e.X) + "." + e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// TestForbiddenWords keeps out of the code what does not belong into a public repository.
func TestForbiddenWords(t *testing.T) {
	_, all := sources(t)
	for _, f := range all {
		if strings.HasPrefix(f.path, "test/style/") {
			continue
		}
		raw, err := os.ReadFile(filepath.Join("../..", f.path))
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"TODO", "FIXME"} {
			if strings.Contains(string(raw), bad) {
				t.Errorf("%s: %s without an issue", f.path, bad)
			}
		}
		if strings.Contains(string(raw), "t.Skip") && !strings.Contains(string(raw), `Getenv("CI")`) {
			t.Errorf("%s skips tests without failing in CI", f.path)
		}
	}
}

// TestDocs wants a doc.go in every package, which says what it knows and what it must not know.
func TestDocs(t *testing.T) {
	for _, p := range packages(t) {
		if !strings.HasPrefix(p.ImportPath, module+"/internal/") {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(p.Dir, "doc.go"))
		if err != nil {
			t.Errorf("%s: %v", p.ImportPath, err)
			continue
		}
		if text := string(raw); !strings.Contains(text, "// Package ") ||
			strings.Count(p.ImportPath, "/") == 2 && !strings.Contains(text, "must not know") {
			t.Errorf("%s/doc.go does not say what the package knows and must not know", p.ImportPath)
		}
	}
}
