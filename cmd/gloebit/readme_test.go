package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// TestREADME checks that README.md has the help of every command, word for
// word, without the flags that all have.
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
