package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuild(t *testing.T) {
	r := repository(t)
	write(t, r.root, "cmd/p/main.go", "package main\n\nfunc main() { println(\"ran\") }\n")
	require.NoError(t, run(r.root, []string{"sums"}))
	folder := filepath.Join(t.TempDir(), "dist")
	require.ErrorContains(t, run(r.root, []string{"build", folder}), "not everything is committed")
	commit(t, r.root)
	require.ErrorContains(t, run(r.root, []string{"build", folder}), "does not have the tag v0.1.0")
	require.NoError(t, run(r.root, []string{"tags", "-make"}))
	host := goCommand(t, ".", nil, "env", "GOHOSTOS") + "/" + goCommand(t, ".", nil, "env", "GOHOSTARCH")
	require.NoError(t, r.build(folder, []string{host, "windows/arm64"}))
	require.ErrorContains(t, r.build(folder, nil), "has files already")

	native := "p_v0.1.0_" + strings.ReplaceAll(host, "/", "_")
	var names []string
	for line := range strings.Lines(readAt(t, folder, "SHA256SUMS")) {
		name := strings.Fields(line)[1]
		require.Equal(t, fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(readAt(t, folder, name))), name), line)
		names = append(names, name)
	}
	require.Equal(t, []string{
		native, native + ".cdx.json", "p_v0.1.0_windows_arm64.exe", "p_v0.1.0_windows_arm64.exe.cdx.json",
	}, names)
	for _, name := range names {
		if strings.HasSuffix(name, ".json") {
			require.Contains(t, readAt(t, folder, name), `pkg:golang/example.com/m@v0.1.0?`)
		}
	}
	var printed bytes.Buffer
	program := exec.CommandContext(t.Context(), filepath.Join(folder, native))
	program.Stderr = &printed
	require.NoError(t, program.Run())
	require.Equal(t, "ran\n", printed.String())
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, len(names)+1)
}
