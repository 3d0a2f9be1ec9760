package leaktest

import (
	"os"
	"strings"
	"testing"
)

// Table lists the allowed places of each kind of secret.
type Table map[string][]string

// nowhere is the content of a cell without a place.
const nowhere = "nowhere"

// ReadTable reads the first table below the heading "Where secrets go" of a
// Markdown file. Its first column is the kind of secret. The second and third
// are places, separated by commas; further columns are ignored.
func ReadTable(t testing.TB, file string) Table {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Where secrets go\n")
	if !ok {
		t.Fatalf("%s has no section \"Where secrets go\"", file)
	}
	table := make(Table)
	rows := 0
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if rows > 0 {
				break
			}
			continue
		}
		if rows++; rows <= 2 { // the head and the separator
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) < 3 {
			t.Fatalf("%s: a line of the table has %d columns, want 3 and more: %s", file, len(cells), line)
		}
		kind := strings.TrimSpace(cells[0])
		table[kind] = nil
		for _, cell := range cells[1:3] {
			for place := range strings.SplitSeq(cell, ",") {
				if place = strings.TrimSpace(place); place != nowhere {
					table[kind] = append(table[kind], place)
				}
			}
		}
	}
	if len(table) == 0 {
		t.Fatalf("%s: the table of where secrets go is empty", file)
	}
	return table
}
