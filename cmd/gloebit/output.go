package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"
)

// printable replaces control characters in a user's text, such as a name, so
// that it can't move the cursor of the operator's terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r) || r == '\n':
			return r
		case r == '\t': // pgx indents the lines of an error
			return ' '
		}
		return unicode.ReplacementChar
	}, text)
}

// printJSON writes a value as JSON. It escapes characters that are not
// printable, which package json leaves as they are from U+007F on.
func (a *app) printJSON(value any) error {
	var text strings.Builder
	out := json.NewEncoder(&text)
	out.SetIndent("", "  ")
	if err := out.Encode(value); err != nil {
		return err
	}
	var printed strings.Builder
	for _, r := range text.String() {
		if unicode.IsPrint(r) || r == '\n' {
			printed.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&printed, `\u%04x`, unit)
		}
	}
	_, err := io.WriteString(a.out, printed.String())
	return err
}

// printCount writes a count.
func (a *app) printCount(what string, n int64) error {
	if a.json {
		return a.printJSON(map[string]int64{what: n})
	}
	_, err := fmt.Fprintf(a.out, "%s: %d\n", what, n)
	return err
}

// table is a table for people. Its first row is the header.
type table [][]string

// add adds a row. Empty texts and zero times are shown as dashes.
func (t *table) add(cells ...any) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		if at, ok := cell.(time.Time); ok {
			cell = moment(at)
		}
		row[i] = strings.ReplaceAll(printable(fmt.Sprint(cell)), "\n", " ")
		if row[i] == "" {
			row[i] = "-"
		}
	}
	*t = append(*t, row)
}

func (t table) print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range t {
		if _, err := fmt.Fprintln(out, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return out.Flush()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

// parseMoment parses a date or a time. An empty text is the zero time.
func parseMoment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usage(
		"--%s is neither a day in UTC, such as 2026-05-01, nor a time, such as 2026-05-01T12:00:00Z", flag,
	)
}

// confirm asks before an action that can't be undone.
func (a *app) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	if !a.canAsk {
		return usage("this can't be undone, and there is no terminal to ask on: add --yes; nothing was done")
	}
	fmt.Fprintf(a.log, "%s [y/N] ", printable(question))
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errors.New("not confirmed: nothing was done")
	}
	return nil
}
