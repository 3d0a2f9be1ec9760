// Lint reports secrets that are not compared in constant time.
//
// Usage, from the top of the repository:
//
//	go run ./internal/lint . ./connect ./ledger ./stores/sealed ./oauth1
package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/singlechecker"
	"golang.org/x/tools/go/types/typeutil"
)

func main() { singlechecker.Main(constantTime) }

// constantTime reports comparisons of secrets that stop at the first difference.
// A secret is a value of a type named Secret, or text or bytes made from one or
// from a variable, field or function that secretName matches. A comparison with
// the empty text is allowed, and so is one whose line ends with the comment
// "//lint:constanttime" and a reason. The result counts the
// comparisons in constant time in each function.
var constantTime = &analysis.Analyzer{
	Name:       "constanttime",
	Doc:        "report secrets that are not compared in constant time",
	Run:        run,
	ResultType: reflect.TypeFor[map[string]int](),
}

// secretName matches the names of texts and bytes that hold a secret.
var secretName = regexp.MustCompile(`^(?i:binding|mac|secret|signature|token|verifier)$|[a-z](Token|Secret)$`)

// comparing are the functions that compare their arguments.
var comparing = map[string]bool{
	"bytes.Compare": true, "bytes.Equal": true, "bytes.EqualFold": true, "cmp.Compare": true, "cmp.Less": true,
	"reflect.DeepEqual": true, "slices.Compare": true, "slices.Contains": true, "slices.Equal": true, "slices.Index": true,
	"strings.Compare": true, "strings.EqualFold": true,
}

func run(pass *analysis.Pass) (any, error) {
	counts := map[string]int{}
	for _, file := range pass.Files {
		if strings.HasSuffix(pass.Fset.Position(file.Pos()).Filename, "_test.go") {
			continue
		}
		allowed := allowedLines(pass, file)
		compare := func(at ast.Node, operands ...ast.Expr) {
			if allowed[pass.Fset.Position(at.Pos()).Line] {
				return
			}
			for _, operand := range operands {
				if isSecret(pass.TypesInfo, operand) {
					pass.ReportRangef(operand, "secret is not compared in constant time: %s", types.ExprString(operand))
				}
			}
		}
		function := ""
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				function = n.Name.Name
			case *ast.BinaryExpr:
				compares := n.Op == token.EQL || n.Op == token.NEQ
				if compares && !isEmpty(pass.TypesInfo, n.X) && !isEmpty(pass.TypesInfo, n.Y) {
					compare(n, n.X, n.Y)
				}
			case *ast.SwitchStmt:
				if n.Tag != nil {
					compare(n, n.Tag)
				}
			case *ast.CallExpr:
				switch callee := typeutil.StaticCallee(pass.TypesInfo, n); {
				case callee == nil:
				case comparing[callee.FullName()]:
					compare(n, n.Args...)
				case callee.Name() == "ConstantTimeCompare", callee.Name() == "equalInConstantTime":
					counts[function]++
				}
			}
			return true
		})
	}
	return counts, nil
}

// allowedLines returns the lines that a comment with a reason allows.
func allowedLines(pass *analysis.Pass, file *ast.File) map[int]bool {
	lines := map[int]bool{}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			reason, ok := strings.CutPrefix(comment.Text, "//lint:constanttime ")
			if reason, _, _ = strings.Cut(reason, "//"); ok && reason != "" {
				lines[pass.Fset.Position(comment.Pos()).Line] = true
			}
		}
	}
	return lines
}

// isEmpty reports whether an expression is nil or the constant "".
func isEmpty(info *types.Info, e ast.Expr) bool {
	value := info.Types[e]
	return value.IsNil() || value.Value != nil && value.Value.ExactString() == `""`
}

// isSecret reports whether an expression is a text or bytes made from a secret,
// or a struct with a Secret in it.
func isSecret(info *types.Info, e ast.Expr) bool {
	value := info.Types[e]
	if s, ok := value.Type.Underlying().(*types.Struct); ok {
		for field := range s.Fields() {
			if isNamedSecret(field.Type()) {
				return true
			}
		}
	}
	if value.Value != nil || !isText(value.Type) {
		return false
	}
	found := isNamedSecret(value.Type)
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && info.ObjectOf(id) != nil {
			of := info.ObjectOf(id).Type()
			_, isPointer := of.Underlying().(*types.Pointer)
			found = found || isNamedSecret(of) || !isPointer && secretName.MatchString(id.Name)
		}
		return !found
	})
	return found
}

func isNamedSecret(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Name() == "Secret"
}

// isText reports whether a type is a string, or bytes in a slice or an array.
func isText(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Basic:
		return t.Info()&types.IsString != 0
	case *types.Slice:
		return types.Identical(t.Elem().Underlying(), types.Typ[types.Byte])
	case *types.Array:
		return types.Identical(t.Elem().Underlying(), types.Typ[types.Byte])
	}
	return false
}
