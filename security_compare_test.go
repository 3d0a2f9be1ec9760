package gloebit_test

import (
	"embed"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sources are embedded, and not read, so that a test of a changed source sees
// the change (go test -overlay).
//
//go:embed *.go ledger/*.go stores/sealed/*.go
var sources embed.FS

// secretNames are those under which the sources compare what nobody may guess
// bit by bit.
var secretNames = map[string]bool{
	"Binding": true, "binding": true, "AccessToken": true, "RefreshToken": true, "TokenSecret": true, "ClientSecret": true,
	"Verifier": true, "verifier": true, "Secret": true, "secret": true, "signature": true, "Reveal": true, "mac": true,
}

// TestSecurity08SecretsAreComparedInConstantTime reads the sources, since time
// is nothing that a test can measure reliably: what a caller sends meets a
// secret in two places, which use crypto/subtle, and no secret is compared in
// any other way but with the empty text, or with another that this process got
// from its own store.
func TestSecurity08SecretsAreComparedInConstantTime(t *testing.T) {
	ownTokens := map[string]bool{ // the store's token is it still the one that was sent?
		"refresh.go current.AccessToken stale": true,
		"refresh.go current.AccessToken sent":  true,
	}
	files, err := fs.Glob(sources, "*.go")
	require.NoError(t, err)
	for _, dir := range []string{"ledger", "stores/sealed"} {
		more, err := fs.Glob(sources, dir+"/*.go")
		require.NoError(t, err)
		files = append(files, more...)
	}
	constant := map[string]int{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		content, err := sources.ReadFile(name)
		require.NoError(t, err)
		file, err := parser.ParseFile(token.NewFileSet(), name, content, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op != token.EQL && n.Op != token.NEQ || isLiteral(n.X) || isLiteral(n.Y) {
					return true
				}
				if x, y := spelled(n.X), spelled(n.Y); !ownTokens[name+" "+x+" "+y] && (mentionsSecret(n.X) || mentionsSecret(n.Y)) {
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
	require.Equal(t, map[string]int{
		"callback.go equalInConstantTime": 1, "state.go subtle.ConstantTimeCompare": 1, "ledger/sign.go subtle.ConstantTimeCompare": 1,
	}, constant)
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
