package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// top is the top of the repository.
const top = "../.."

// TestCopies checks that packages copied into several modules are equal.
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
