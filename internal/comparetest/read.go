// Package comparetest finds, in sources, secrets that are compared byte by byte.
package comparetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
	"testing"
)

// secretNames are those under which the sources compare what nobody may guess
// bit by bit.
var secretNames = map[string]bool{
	"Binding": true, "binding": true, "AccessToken": true, "RefreshToken": true, "TokenSecret": true, "ClientSecret": true, "Token": true,
	"Verifier": true, "verifier": true, "Secret": true, "secret": true, "signature": true, "Reveal": true, "mac": true,
}

// Read fails the test for every comparison of a secret in the Go files of the
// directories but with the empty text, and but for those that are allowed: each as
// its file and both sides of it. It returns how often which file compares in
// constant time.
func Read(t testing.TB, sources fs.FS, dirs []string, allowed map[string]bool) map[string]int {
	t.Helper()
	constant := map[string]int{}
	for _, dir := range dirs {
		files, err := fs.Glob(sources, strings.TrimPrefix(dir+"/*.go", "./"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no sources in %s: %v", dir, err)
		}
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") {
				read(t, sources, name, allowed, constant)
			}
		}
	}
	return constant
}

func read(t testing.TB, sources fs.FS, name string, allowed map[string]bool, constant map[string]int) {
	t.Helper()
	content, err := fs.ReadFile(sources, name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, content, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op != token.EQL && n.Op != token.NEQ || isLiteral(n.X) || isLiteral(n.Y) {
				return true
			}
			if x, y := spelled(n.X), spelled(n.Y); !allowed[name+" "+x+" "+y] && (mentionsSecret(n.X) || mentionsSecret(n.Y)) {
				t.Errorf("%s compares %s with %s", name, x, y)
			}
		case *ast.CallExpr:
			switch called := spelled(n.Fun); called {
			case "equalInConstantTime", "subtle.ConstantTimeCompare":
				constant[name+" "+called]++
			case "bytes.Equal", "strings.EqualFold", "strings.Compare", "cmp.Compare", "slices.Equal", "reflect.DeepEqual":
				for _, arg := range n.Args {
					if mentionsSecret(arg) {
						t.Errorf("%s calls %s with %s", name, called, spelled(arg))
					}
				}
			}
		}
		return true
	})
}

// isLiteral reports whether an expression is a constant or nil.
func isLiteral(e ast.Expr) bool {
	_, literal := e.(*ast.BasicLit)
	return literal || spelled(e) == "nil"
}

// spelled writes names and selectors as the source has them, and nothing else.
func spelled(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return spelled(e.X) + "." + e.Sel.Name
	case *ast.ParenExpr:
		return spelled(e.X)
	case *ast.StarExpr:
		return spelled(e.X)
	}
	return "?"
}

// mentionsSecret reports whether an expression has the value of a secret: its
// length is none, nor is how often it repeats itself.
func mentionsSecret(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && (spelled(call.Fun) == "len" || spelled(call.Fun) == "strings.Count") {
			return false
		}
		if id, ok := n.(*ast.Ident); ok && secretNames[id.Name] {
			found = true
		}
		return true
	})
	return found
}
