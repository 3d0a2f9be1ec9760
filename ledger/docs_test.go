package ledger_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// documented is the table as docs/ledger.md shows it.
func documented() string {
	var b strings.Builder
	for _, state := range ledger.States() {
		fmt.Fprintf(&b, "| `%s` |", state)
		for _, event := range ledger.Events() {
			b.WriteString(" " + documentedCell(state, event) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func documentedCell(state ledger.State, event string) string {
	r := ledger.Decide(state, event)
	var parts []string
	if r.Next != state {
		parts = append(parts, "→ "+string(r.Next))
	}
	if r.Stuck {
		parts = append(parts, "stuck")
	}
	if r.Call != "" {
		parts = append(parts, r.Call)
	}
	switch r.Status {
	case 0:
	case http.StatusOK:
		parts = append(parts, "`"+r.Answer+"`")
	default:
		parts = append(parts, fmt.Sprintf("%d `%s`", r.Status, r.Answer))
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, ", ")
}

func TestDocumentedTableMatchesCode(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/ledger.md")
	require.NoError(t, err)
	require.Contains(t, string(page), documented(), "docs/ledger.md must hold:\n%s", documented())
}

func TestDocumentedDiagramMatchesCode(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/ledger.md")
	require.NoError(t, err)
	_, diagram, _ := strings.Cut(string(page), "```mermaid\n")
	diagram, _, _ = strings.Cut(diagram, "```")
	drawn := map[string]bool{}
	for line := range strings.Lines(diagram) {
		arrow, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		if from, to, ok := strings.Cut(arrow, " --> "); ok && from != "[*]" && to != "[*]" {
			drawn[from+" "+to] = true
		}
	}
	moves := map[string]bool{}
	for _, state := range ledger.States() {
		for _, event := range ledger.Events() {
			if next := ledger.Decide(state, event).Next; next != state {
				moves[string(state)+" "+string(next)] = true
			}
		}
	}
	require.Equal(t, moves, drawn)
}
