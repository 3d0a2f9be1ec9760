package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repository is a git repository of two published modules and one that is not.
func repository(t *testing.T) *release {
	t.Helper()
	root := t.TempDir()
	write(t, root, "LICENSE", "all yours\n")
	write(t, root, "go.work", `go 1.26.0

use (
	.
	./nested
	./tool
)

// The published modules at the version under development.
replace (
	example.com/m v0.1.0 => ./
	example.com/m/nested v0.1.0 => ./nested
)
`)
	write(t, root, "go.mod", "module example.com/m\n\ngo 1.26.0\n")
	write(t, root, "go.sum", "")
	write(t, root, "m.go", "package m\n")
	write(t, root, "internal/own/own.go", "package own\n")
	write(t, root, "nested/go.mod", "module example.com/m/nested\n\ngo 1.26.0\n\nrequire example.com/m v0.1.0\n")
	write(t, root, "nested/go.sum", "a.example/other v1.9.0 h1:x\na.example/other v1.10.0 h1:x\n")
	write(t, root, "nested/nested.go", "package nested\n\nimport _ \"example.com/m\"\n")
	write(t, root, "tool/go.mod",
		"module example.com/m/tool\n\ngo 1.26.0\n\nrequire example.com/m v0.1.0\n\nreplace example.com/m => ../\n")
	git(t, root, "init", "-q")
	commit(t, root)
	r, err := load(root)
	require.NoError(t, err)
	return r
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
}

func commit(t *testing.T, root string) {
	t.Helper()
	git(t, root, "add", "-A")
	git(t, root, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-q", "-m", "all")
}

func git(t *testing.T, root string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", args...)
	command.Dir = root
	output, err := command.CombinedOutput()
	require.NoError(t, err, "git %s: %s", strings.Join(args, " "), output)
	return string(output)
}

func readAt(t *testing.T, root, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	require.NoError(t, err)
	return string(text)
}

func TestRelease(t *testing.T) {
	r := repository(t)
	require.NoError(t, run(r.root, []string{"set", "v0.2.0"}))
	for _, name := range []string{"go.work", "nested/go.mod", "tool/go.mod"} {
		require.Contains(t, readAt(t, r.root, name), "v0.2.0", name)
		require.NotContains(t, readAt(t, r.root, name), "v0.1.0", name)
	}
	require.Contains(t, readAt(t, r.root, "go.work"), "\texample.com/m/nested v0.2.0 => ./nested\n")
	require.ErrorContains(t, run(r.root, []string{"tags", "-make"}), "not everything is committed")
	commit(t, r.root)
	require.ErrorContains(t, run(r.root, []string{"tags", "-make"}), "run sums")

	require.NoError(t, run(r.root, []string{"sums"}))
	sum := strings.Split(readAt(t, r.root, "nested/go.sum"), "\n")
	require.Len(t, sum, 5)
	require.Equal(t, []string{"a.example/other v1.9.0 h1:x", "a.example/other v1.10.0 h1:x"}, sum[:2])
	require.Regexp(t, `^example\.com/m v0\.2\.0 h1:.{44}$`, sum[2])
	require.Regexp(t, `^example\.com/m v0\.2\.0/go\.mod h1:.{44}$`, sum[3])
	require.Empty(t, readAt(t, r.root, "go.sum"), "the first module requires no other")
	commit(t, r.root)
	require.NoError(t, run(r.root, []string{"tags", "-make"}))
	require.Equal(t, "nested/v0.2.0\nv0.2.0\n", git(t, r.root, "tag"))

	require.NoError(t, run(r.root, []string{"set", "v0.3.0"}))
	require.NotContains(t, readAt(t, r.root, "nested/go.sum"), "example.com/m")
	require.ErrorContains(t, run(r.root, []string{"set", "3"}), "no version")
	require.ErrorContains(t, run(r.root, nil), "want proxy DIR")
}

func TestProxy(t *testing.T) {
	r := repository(t)
	write(t, r.root, ".gitignore", "ignored\n")
	write(t, r.root, "ignored", "")
	write(t, r.root, "new.go", "package m\n")
	require.NoError(t, os.Remove(filepath.Join(r.root, "internal/own/own.go")))
	folder := t.TempDir()
	require.NoError(t, run(r.root, []string{"proxy", folder}))
	env := []string{
		"GOMODCACHE=" + t.TempDir(), "GOPROXY=file://" + filepath.ToSlash(folder), "GONOSUMDB=*", "GOSUMDB=off",
		"GOWORK=off", "GOFLAGS=-modcacherw",
	}
	dir := t.TempDir()
	for modulePath, want := range map[string][]string{
		"example.com/m":        {".gitignore", "LICENSE", "go.mod", "go.sum", "go.work", "m.go", "new.go"},
		"example.com/m/nested": {"LICENSE", "go.mod", "go.sum", "nested.go"},
	} {
		goCommand(t, dir, env, "mod", "download", modulePath+"@v0.1.0")
		entries, err := os.ReadDir(filepath.Join(strings.TrimPrefix(env[0], "GOMODCACHE="), modulePath+"@v0.1.0"))
		require.NoError(t, err)
		var got []string
		for _, entry := range entries {
			got = append(got, entry.Name())
		}
		require.Equal(t, want, got)
	}
}

func TestCheck(t *testing.T) {
	t.Run("this repository", func(t *testing.T) {
		require.NoError(t, run(top, []string{"check"}))
	})
	for name, test := range map[string]struct{ file, text, want string }{
		"nothing wrong": {"own.go", "package m\n\nimport _ \"example.com/m/internal/own\"\n", ""},
		"a replace": {
			"nested/go.mod", "module example.com/m/nested\n\nreplace example.com/m => ../\n",
			"nested/go.mod has a replace",
		},
		"an old version": {
			"nested/go.mod", "module example.com/m/nested\n\nrequire example.com/m v0.0.9\n",
			"requires example.com/m@v0.0.9",
		},
		"a module that is not published": {
			"nested/go.mod", "module example.com/m/nested\n\nrequire example.com/m/tool v0.1.0\n",
			"requires example.com/m/tool@v0.1.0",
		},
		"an internal package": {
			"nested/x.go", "package nested\n\nimport _ \"example.com/m/internal/own\"\n",
			"nested/x.go imports example.com/m/internal/own",
		},
		"one in a test": {
			"nested/x_test.go", "package nested\n\nimport _ \"example.com/m/internal\"\n",
			"nested/x_test.go imports example.com/m/internal",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := repository(t)
			write(t, r.root, test.file, test.text)
			err := run(r.root, []string{"check"})
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}
