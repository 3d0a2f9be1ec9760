package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// TestREADME checks that README.md contains the help of every command, word for
// word, without the common flags.
func TestREADME(t *testing.T) {
	text := string(must(os.ReadFile("README.md")))
	w := &world{t: t}
	var walk func(command *cobra.Command)
	walk = func(command *cobra.Command) {
		if command.Name() == "completion" || command.Name() == "help" {
			return
		}
		args := strings.Fields(command.CommandPath())[1:]
		t.Run(command.Name(), func(t *testing.T) {
			help, _, _ := strings.Cut(w.succeeds(append([]string{"help"}, args...)...), "\nGlobal Flags:")
			help = strings.TrimRight(help, "\n")
			require.Contains(t, text, "\n```text\n$ "+command.CommandPath()+" --help\n"+help+"\n```\n")
		})
		for _, child := range command.Commands() {
			walk(child)
		}
	}
	walk((&app{}).root())
}

// TestProduction checks that docs/production.md lists every check of the doctor.
func TestProduction(t *testing.T) {
	text, err := os.ReadFile("../../docs/production.md")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the root module is not here")
	}
	require.NoError(t, err)
	_, checklist, found := strings.Cut(string(text), "\n## The checklist\n")
	require.True(t, found)
	for _, f := range (&examination{app: &app{getenv: func(string) string { return "" }}}).examine(t.Context()) {
		require.Contains(t, checklist, "\n| `"+f.Check+"` | ")
	}
}
