package gloebit_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

// cells writes a row of a table.
func cells(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		b.WriteString(strings.TrimRight("| "+text, " ") + " ")
	}
	return b.String() + "|\n"
}

// quoted writes texts as code.
func quoted(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return "`" + strings.Join(texts, "`, `") + "`"
}

// documentedCalls is the table of the refusals of calls as docs/errors.md shows it.
func documentedCalls() string {
	names := map[error]string{}
	for _, row := range allRows() {
		names[row.Err] = row.Name
	}
	var b strings.Builder
	for _, row := range gloebit.CallRows()[1:] {
		var means []string
		for _, err := range row.Means {
			means = append(means, names[err])
		}
		outcome := ""
		if row.Outcome != gloebit.OutcomeUnknown {
			outcome = "`Outcome" + strings.TrimPrefix(row.Name, "Err") + "`"
		}
		b.WriteString(cells(quoted(row.Words), quoted(means), outcome, row.Charged))
	}
	return b.String()
}

// documentedPages is the table of the pages as docs/errors.md shows it.
func documentedPages() string {
	var b strings.Builder
	for _, row := range allRows() {
		name := "`" + row.Name + "`"
		switch {
		case row.Name == "":
			name = "another method"
		case errors.Is(row.Err, context.DeadlineExceeded):
			name = "`context.DeadlineExceeded`"
		}
		b.WriteString(cells(name, strconv.Itoa(row.Status), row.Text, row.Link))
	}
	return b.String()
}

func TestDocumentedRefusals(t *testing.T) {
	document, err := os.ReadFile("docs/errors.md")
	require.NoError(t, err)
	for name, table := range map[string]string{"calls": documentedCalls(), "pages": documentedPages()} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(document), table, "docs/errors.md must hold:\n%s", table)
		})
	}
}
