package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/tools/go/packages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// circle returns files of which each calls a function of the next, and the last
// one of the first.
func circle(files int) map[string]string {
	all := map[string]string{}
	for i := range files {
		all[fmt.Sprintf("f%d.go", i)] = fmt.Sprintf("package p\n\nfunc f%d() { f%d() }\n", i, (i+1)%files)
	}
	return all
}

func TestFaults(t *testing.T) {
	line := "// A line.\n"
	for _, test := range []struct {
		name  string
		path  string
		files map[string]string
		want  []string
	}{
		{"nothing wrong", "connect", circle(6), nil},
		{"circle too large", "connect", circle(7), []string{"connect: a circle of 7 files, more than 6"}},
		{"circle of a package not bounded", "stores/sealed", circle(7), nil},
		{"half of many files", "ledger", func() map[string]string {
			all := circle(7)
			for i := range 7 {
				all[fmt.Sprintf("alone%d.go", i)] = "package p\n"
			}
			return all
		}(), nil},
		{"import of the floor above", "connect", map[string]string{
			"up.go": "package p\n\nimport _ \"" + module + "\"\n",
		}, []string{"connect: must not import ."}},
		{"import of the test server", "ledger", map[string]string{
			"up.go": "package p\n\nimport _ \"" + module + "/gloebittest\"\n",
		}, []string{"ledger: must not import gloebittest"}},
		{"import in a test", "connect", map[string]string{
			"p.go": "package p\n", "p_test.go": "package p\n\nimport _ \"" + module + "/gloebittest\"\n",
		}, nil},
		{"package that no row is about", "unknown", map[string]string{
			"p.go": "package p\n\nimport _ \"" + module + "\"\n",
		}, []string{"unknown: no row of imports is about it"}},
		{"file of 400 lines", "stores/sealed", map[string]string{"p.go": strings.Repeat(line, 399) + "package p\n"}, nil},
		{"file of 401 lines", "stores/sealed", map[string]string{"p.go": strings.Repeat(line, 400) + "package p\n"},
			[]string{"stores/sealed: p.go has 401 lines, more than 400"}},
		{"test of 401 lines", "stores/sealed", map[string]string{
			"p.go": "package p\n", "p_test.go": strings.Repeat(line, 400) + "package p\n",
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, fault := range measureFiles(t, test.path, test.files).faults() {
				first, _, _ := strings.Cut(fault, ":\n")
				got = append(got, first)
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestUses(t *testing.T) {
	for _, test := range []struct {
		name, uses string
		want       map[string][]string
	}{
		{"call of a function", "func f() { g() }", map[string][]string{"b.go": {"g"}}},
		{"function as a value", "var f = g", map[string][]string{"b.go": {"g"}}},
		{"call of a method", "func f(t typ) { t.method() }", map[string][]string{"b.go": {"method"}}},
		{"variable", "func f() error { return errB }", map[string][]string{"b.go": {"errB"}}},
		{"type", "type other typ", map[string][]string{}},
		{"constant", "const other = size", map[string][]string{}},
		{"field", "func f(t typ) int { return t.field }", map[string][]string{}},
		{"method of an interface", "func f(i iface) { i.method() }", map[string][]string{}},
		{"function of its own", "func f() {}\n\nfunc h() { f() }", map[string][]string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := measureFiles(t, "connect", map[string]string{
				"a.go": "package p\n\n" + test.uses + "\n",
				"b.go": `package p

type typ struct{ field int }

func (typ) method() {}

type iface interface{ method() }

const size = 1

var errB error

func g() {}
`,
			})
			require.Equal(t, "a.go", m.files[0].name)
			require.Equal(t, test.want, m.files[0].uses)
		})
	}
}

// measureFiles measures a package of a module made up of those files.
func measureFiles(t *testing.T, path string, files map[string]string) measured {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) {
		name = filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	}
	write("go.mod", "module "+module+"\n\ngo 1.26.0\n")
	write("root.go", "package gloebit\n")
	write("gloebittest/p.go", "package gloebittest\n")
	for name, content := range files {
		write(filepath.Join(path, name), content)
	}
	loaded, err := packages.Load(&packages.Config{
		Context: t.Context(), Mode: packages.LoadSyntax, Dir: dir, Env: append(os.Environ(), "GOWORK=off", "GOFLAGS="),
	}, "./"+path)
	require.NoError(t, err)
	require.Len(t, loaded, 1)
	require.Empty(t, loaded[0].Errors)
	return measure(loaded[0])
}
