package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPIDiff(t *testing.T) {
	const same = "incompatible changes from v0.1.0 to v0.1.1: 0\n"
	const refused = "v0.1.1 must stay compatible with v0.1.0"
	const api = "package m\n\n// F returns 1.\nfunc F() int { return 1 }\n"
	for name, test := range map[string]struct {
		version, file, text string
		want, refused       string
	}{
		"nothing changed":    {"v0.1.1", "m.go", api, same, ""},
		"a function added":   {"v0.1.1", "m.go", api + "\nfunc G() {}\n", same, ""},
		"removed in a patch": {"v0.1.1", "m.go", "package m\n", "example.com/m: F: removed\n", refused},
		"removed in a minor version": {
			"v0.2.0", "m.go", "package m\n",
			"example.com/m: F: removed\nincompatible changes from v0.1.0 to v0.2.0: 1\n", "",
		},
		"changed in a nested module": {
			"v0.1.1", "nested/nested.go", "package nested\n\nconst C = 2\n",
			"example.com/m/nested: C: value changed from 1 to 2\n", refused,
		},
		"an internal package":            {"v0.1.1", "internal/own/own.go", "package own\n", same, ""},
		"a module that is not published": {"v0.1.1", "tool/tool.go", "package tool\n", same, ""},
		"a program":                      {"v0.1.1", "cmd/p/main.go", "package main\n\nfunc main() {}\n", same, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := repository(t)
			write(t, r.root, "m.go", api)
			write(t, r.root, "internal/own/own.go", "package own\n\nconst C = 1\n")
			write(t, r.root, "nested/nested.go", "package nested\n\nconst C = 1\n")
			write(t, r.root, "tool/tool.go", "package tool\n\nconst C = 1\n")
			write(t, r.root, "cmd/p/main.go", "package main\n\nconst C = 1\n\nfunc main() {}\n")
			require.NoError(t, run(r.root, []string{"sums"}))
			commit(t, r.root)
			require.NoError(t, run(r.root, []string{"tags", "-make"}))
			git(t, r.root, "tag", "v0.1.2-rc.1")
			require.NoError(t, run(r.root, []string{"set", test.version}))
			write(t, r.root, test.file, test.text)

			r, err := load(r.root)
			require.NoError(t, err)
			var out bytes.Buffer
			err = r.apiDiff(&out)
			require.Equal(t, test.want, out.String())
			if test.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.refused)
		})
	}
	t.Run("no release", func(t *testing.T) {
		r := repository(t)
		require.NoError(t, run(r.root, []string{"apidiff"}))
		write(t, r.root, "CHANGELOG.md", "# Changelog\n\n## 0.1.0, 2026-12-01\n")
		require.NoError(t, run(r.root, []string{"apidiff"}), "the version under development")
	})
	t.Run("a clone without the tags", func(t *testing.T) {
		r := repository(t)
		write(t, r.root, "CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n## v0.0.9, 2026-12-01\n")
		require.ErrorContains(t, run(r.root, []string{"apidiff"}), "v0.0.9 is released, but has no tag here")
	})
}
