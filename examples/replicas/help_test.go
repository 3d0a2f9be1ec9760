package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHelpShowsStoreDefaultsAndSucceeds(t *testing.T) {
	t.Setenv("GLOEBIT_POSTGRES", "postgres://shop:a-password@db/shop")
	output, err := exec.Command(os.Args[0], "-replica", "1", "-h").CombinedOutput()
	require.NoError(t, err, "exit status 0")
	for _, want := range []string{
		"$GLOEBIT_POSTGRES or, if that is empty, postgres://postgres@127.0.0.1:5432/test?sslmode=disable",
		"$GLOEBIT_MYSQL or, if that is empty, root@tcp(127.0.0.1:3306)/test",
		"$GLOEBIT_REDIS or, if that is empty, redis://127.0.0.1:6379/0",
	} {
		require.Contains(t, string(output), want)
	}
	require.NotContains(t, string(output), "help requested")
	require.NotContains(t, string(output), "a-password")
}
