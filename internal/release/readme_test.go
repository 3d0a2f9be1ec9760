package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// top is the top of the repository.
const top = "../.."

// TestREADMEs checks that the Go code of a README is in an example that is
// compiled, line for line.
func TestREADMEs(t *testing.T) {
	for _, dir := range []string{"adapters/chi", "adapters/echo", "adapters/fiber", "adapters/gin", "adapters/gorilla", "otel"} {
		t.Run(dir, func(t *testing.T) {
			source := strings.Split(read(t, dir, "example_test.go"), "\n")
			blocks := strings.Split(read(t, dir, "README.md"), "\n```go\n")[1:]
			require.NotEmpty(t, blocks)
			for _, block := range blocks {
				code, _, _ := strings.Cut(block, "\n```")
				require.True(t, contains(source, strings.Split(code, "\n")), "example_test.go does not have this:\n%s", code)
			}
		})
	}
}

// TestCopies checks that the packages that more than one module needs are equal
// in each.
func TestCopies(t *testing.T) {
	want := read(t, "internal/keylock", "keylock.go")
	for _, dir := range []string{"adapters/gorilla/internal/keylock", "stores/redisstore/internal/keylock"} {
		t.Run(dir, func(t *testing.T) {
			files, err := os.ReadDir(filepath.Join(top, dir))
			require.NoError(t, err)
			require.Len(t, files, 1)
			require.Equal(t, want, read(t, dir, "keylock.go"))
		})
	}
}

// read returns the text of a file of the repository.
func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(dir), name))
	require.NoError(t, err)
	return string(text)
}

// contains reports whether the block's lines are among the source's, one after
// the other, all of them deeper by the same indentation.
func contains(source, block []string) bool {
	for at := range source {
		if at+len(block) > len(source) {
			return false
		}
		indentation, ok := strings.CutSuffix(source[at], block[0])
		if !ok || strings.TrimSpace(indentation) != "" {
			continue
		}
		if slices.EqualFunc(source[at:at+len(block)], block, func(have, want string) bool {
			return have == want && want == "" || have == indentation+want
		}) {
			return true
		}
	}
	return false
}
