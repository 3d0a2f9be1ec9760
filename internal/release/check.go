package main

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// check returns an error for every go.mod file of a module that has a replace or
// requires a version that is not published with it, and for every file that
// imports an internal package of another module.
func (r *release) check() error {
	var problems []error
	for _, m := range r.modules {
		mod, err := readMod(r.file(m.dir, "go.mod"))
		if err != nil {
			return err
		}
		if len(mod.Replace) > 0 {
			problems = append(problems, fmt.Errorf("%s/go.mod has a replace", m.dir))
		}
		for _, require := range mod.Require {
			known := slices.ContainsFunc(r.modules, func(m published) bool { return m.path == require.Mod.Path })
			if r.isOwn(require.Mod.Path) && (!known || require.Mod.Version != r.version) {
				problems = append(problems, fmt.Errorf("%s/go.mod requires %s, which is not published", m.dir, require.Mod))
			}
		}
		files, err := r.files(m.dir)
		if err != nil {
			return err
		}
		for _, file := range files {
			if strings.HasSuffix(file, ".go") {
				problems = append(problems, r.checkImports(m, file))
			}
		}
	}
	return errors.Join(problems...)
}

// checkImports returns an error when a file imports an internal package of
// another module of the repository.
func (r *release) checkImports(m published, file string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), r.file(m.dir, file), nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		if isInternal(imported) && r.isOwn(imported) && r.moduleOf(imported) != m.path {
			return fmt.Errorf("%s/%s imports %s", m.dir, file, imported)
		}
	}
	return nil
}

// isInternal reports whether only a part of the importers may import a package.
func isInternal(imported string) bool {
	return slices.Contains(strings.Split(imported, "/"), "internal")
}

// moduleOf returns the path of the published module that a package is in.
func (r *release) moduleOf(imported string) string {
	longest := ""
	for _, m := range r.modules {
		if isBelow(imported, m.path) && len(m.path) > len(longest) {
			longest = m.path
		}
	}
	return longest
}
