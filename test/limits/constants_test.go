package limits

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math/bits"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// root is the repository.
const root = "../.."

// constants are the whole numbers and durations that the packages name, by package.name.
type constants map[string]constant

// constant is a value, in nanoseconds if it is a duration.
type constant struct {
	value    int64
	duration bool
}

// read finds the constants of all packages of the program.
func read(t *testing.T) constants {
	t.Helper()
	exprs := map[string]ast.Expr{} // by package.name
	for _, dir := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err == nil {
				collect(f, exprs)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	all := constants{}
	for name, e := range exprs {
		pkg, _, _ := strings.Cut(name, ".")
		if c, ok := evaluate(e, pkg, exprs); ok {
			all[name] = c
		}
	}
	return all
}

// collect enters the expressions of the constants of a file.
func collect(f *ast.File, exprs map[string]ast.Expr) {
	for _, d := range f.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, s := range gen.Specs {
			v := s.(*ast.ValueSpec)
			for i, name := range v.Names {
				if i < len(v.Values) {
					exprs[f.Name.Name+"."+name.Name] = v.Values[i]
				}
			}
		}
	}
}

// evaluate gives the value of what is made of whole numbers, units of time, other constants of the package and + * / <<.
func evaluate(e ast.Expr, pkg string, exprs map[string]ast.Expr) (constant, bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return evaluate(e.X, pkg, exprs)
	case *ast.BasicLit:
		n, err := strconv.ParseInt(e.Value, 0, 64)
		return constant{value: n}, err == nil && e.Kind == token.INT
	case *ast.Ident:
		other, ok := exprs[pkg+"."+e.Name]
		if !ok {
			return constant{}, false
		}
		return evaluate(other, pkg, exprs)
	case *ast.SelectorExpr:
		unit := map[string]time.Duration{"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour}[e.Sel.Name]
		return constant{int64(unit), true}, unit != 0
	case *ast.BinaryExpr:
		x, okX := evaluate(e.X, pkg, exprs)
		y, okY := evaluate(e.Y, pkg, exprs)
		if !okX || !okY {
			return constant{}, false
		}
		return combine(x, e.Op, y)
	}
	return constant{}, false
}

func combine(x constant, op token.Token, y constant) (constant, bool) {
	c := constant{duration: x.duration || y.duration}
	switch op {
	case token.ADD:
		c.value = x.value + y.value
	case token.MUL:
		c.value = x.value * y.value
	case token.QUO:
		c.value = x.value / y.value
	case token.SHL:
		c.value = x.value << y.value
	default:
		return c, false
	}
	return c, true
}

// forms are the texts that the page may have for c.
func (c constant) forms() []string {
	if c.duration {
		d := time.Duration(c.value)
		var all []string
		for unit, name := range map[time.Duration]string{time.Millisecond: "ms", time.Second: "s", time.Minute: "min", time.Hour: "h"} {
			all = append(all, strconv.FormatFloat(float64(d)/float64(unit), 'f', -1, 64)+" "+name)
		}
		return all
	}
	all := []string{strconv.FormatInt(c.value, 10)}
	if n := bits.TrailingZeros64(uint64(c.value)); n >= 10 {
		all = append(all, fmt.Sprintf("%d KiB", c.value>>10))
		if n >= 20 {
			all = append(all, fmt.Sprintf("%d MiB", c.value>>20))
		}
	}
	if words := []string{"no", "one", "two", "three", "four"}; c.value >= 0 && c.value < int64(len(words)) {
		all = append(all, words[c.value])
	}
	return all
}
