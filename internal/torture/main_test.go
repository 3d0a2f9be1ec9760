package main

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	t.Run("it prints the seed, the kills, and the numbers last", func(t *testing.T) {
		var out, log bytes.Buffer
		file := filepath.Join(t.TempDir(), "shop.db")
		err := command(
			t.Context(), []string{"-purchases", "40", "-kill", "1", "-seed", "5", "-time", "1m", "-dsn", file}, &out, &log,
		)
		require.NoError(t, err, log.String())
		require.Regexp(t, `^seed 5 store sqlite faults all kills 1
killed 1 times, \d+ faults on the wire, in \d+m?\d*s
purchases 40 charged \d+ delivered \d+ lost 0 doubled 0 stuck 0 \(canceled \d+ refused \d+ unpaid 0 wrong 0\)
$`, out.String())
		require.FileExists(t, file, "a file that was asked for stays")
		require.ErrorIs(t, command(t.Context(), []string{"-dsn", file}, &out, &log), fs.ErrExist, "and is not used again")
	})
	for _, args := range [][]string{
		{"-purchases", "0"}, {"-kill", "-1"}, {"-time", "0s"}, {"-faults", "fire"}, {"-store", "oracle"}, {"now"},
		{"-nothing"},
	} {
		t.Run("it refuses "+args[0], func(t *testing.T) {
			var out, log bytes.Buffer
			require.Error(t, command(t.Context(), args, &out, &log))
			require.Empty(t, out.String())
		})
	}
}
