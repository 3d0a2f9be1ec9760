package gloebit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

func TestRefusalNamesAreLinksToErrors(t *testing.T) {
	const site = "https://pkg.go.dev/github.com/go-gloebit/gloebit"
	names := map[string]bool{}
	for page, folder := range map[string]string{site: ".", site + "/connect": "connect"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		for _, path := range files {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			require.NoError(t, err)
			for _, declaration := range file.Decls {
				if group, ok := declaration.(*ast.GenDecl); ok && group.Tok == token.VAR {
					for _, spec := range group.Specs {
						names[page+"#"+spec.(*ast.ValueSpec).Names[0].Name] = true
					}
				}
			}
		}
	}
	for _, row := range gloebit.Refusals() {
		if row.Name != "" {
			require.True(t, names[row.Name], row.Name)
		}
	}
}
