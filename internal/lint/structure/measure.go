package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// measured is what is known of a package, its tests apart.
type measured struct {
	path    string // within the repository; "." is the root
	files   []file // sorted by name
	imports []string
	circle  []string // the files of the largest circle; none if no files are in one
}

type file struct {
	name  string
	lines int
	uses  map[string][]string // what of which other files of the package
}

// measure measures a package. A file uses another if one of its declarations
// calls, or names as a value, a function or method with a body, or a variable
// of the package, which is declared in the other. Types, constants, fields and
// methods of interfaces do not count. A circle is a set of files each of which
// uses each other, directly or through others: a strongly connected component.
func measure(p *packages.Package) measured {
	m := measured{path: within(p.PkgPath)}
	for path := range p.Imports {
		if path == module || strings.HasPrefix(path, module+"/") {
			m.imports = append(m.imports, within(path))
		}
	}
	slices.Sort(m.imports)
	nameAt := func(at token.Pos) string { return filepath.Base(p.Fset.Position(at).Filename) }
	for _, syntax := range p.Syntax {
		f := file{
			name:  nameAt(syntax.Pos()),
			lines: p.Fset.File(syntax.Pos()).LineCount(),
			uses:  map[string][]string{},
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok || !counts(p.Types, p.TypesInfo.Uses[id]) {
				return true
			}
			if name := nameAt(p.TypesInfo.Uses[id].Pos()); name != f.name && !slices.Contains(f.uses[name], id.Name) {
				f.uses[name] = append(f.uses[name], id.Name)
			}
			return true
		})
		m.files = append(m.files, f)
	}
	slices.SortFunc(m.files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	m.circle = maxCircle(m.files)
	return m
}

func within(path string) string {
	return cmp.Or(strings.TrimPrefix(strings.TrimPrefix(path, module), "/"), ".")
}

// counts reports whether a use of an object makes its file used.
func counts(of *types.Package, object types.Object) bool {
	switch object := object.(type) {
	case *types.Func:
		receiver := object.Signature().Recv()
		return object.Pkg() == of && (receiver == nil || !types.IsInterface(receiver.Type()))
	case *types.Var:
		return object.Pkg() == of && object.Parent() == of.Scope()
	}
	return false
}

// maxCircle returns the names of the files of the largest circle.
func maxCircle(files []file) (largest []string) {
	uses := map[string]map[string][]string{}
	for _, f := range files {
		uses[f.name] = f.uses
	}
	reached := map[string]map[string]bool{}
	for _, f := range files {
		reached[f.name] = map[string]bool{}
		var reach func(from string)
		reach = func(from string) {
			for name := range uses[from] {
				if !reached[f.name][name] {
					reached[f.name][name] = true
					reach(name)
				}
			}
		}
		reach(f.name)
	}
	for _, f := range files {
		var circle []string
		for _, other := range files {
			if reached[f.name][other.name] && reached[other.name][f.name] {
				circle = append(circle, other.name)
			}
		}
		if len(circle) > len(largest) {
			largest = circle
		}
	}
	return largest
}

func (m measured) String() string {
	lines := 0
	for _, f := range m.files {
		lines += f.lines
	}
	return fmt.Sprintf("%s: %d files, %d lines, largest circle %d of at most %d: %s",
		m.path, len(m.files), lines, len(m.circle), maxCircleOf(len(m.files)), strings.Join(m.circle, " "))
}

// inCircle lists what the files of the largest circle use of each other.
func (m measured) inCircle() string {
	var all strings.Builder
	for _, f := range m.files {
		for _, name := range m.circle {
			if used := f.uses[name]; len(used) > 0 && slices.Contains(m.circle, f.name) {
				fmt.Fprintf(&all, "\n\t%s uses of %s: %s", f.name, name, strings.Join(used, " "))
			}
		}
	}
	return all.String()
}
