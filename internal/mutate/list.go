package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// mutation is a change of one line that tests must catch.
type mutation struct {
	number string   // of the requirement, two digits
	words  string   // what no longer holds
	tests  []string // of the package that the file is in
	file   string   // with slashes, from the top of the repository
	before string   // the line, without the space around it
	after  string   // what it becomes; empty removes it
}

// dir is the directory of the package that is changed and tested.
func (m mutation) dir() string { return path.Dir(m.file) }

// load reads the list of the repository at root.
func load(root string) ([]mutation, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(document)))
	if err != nil {
		return nil, err
	}
	return parse(string(text))
}

var header = regexp.MustCompile(`^@@ (\d\d) (.+): (Test\w+(?:, Test\w+)*) @@$`)

// parse reads the mutations of a document. They stand in its fenced blocks of
// the language diff, each as four lines:
//
//	@@ 01 what no longer holds: TestThatCatchesIt, TestThatDoesToo @@
//	--- file.go
//	-the line
//	+what it becomes
func parse(text string) ([]mutation, error) {
	var list []mutation
	var block []string
	inside := false
	for i, line := range strings.Split(text, "\n") {
		switch {
		case !inside:
			inside = line == "```diff"
			continue
		case line != "" && line != "```":
			block = append(block, line)
			continue
		}
		if len(block) > 0 {
			m, ok := read(block)
			if !ok {
				return nil, fmt.Errorf("%s, above line %d: not a header, a file, a line and what it becomes: %q", document, i+1, block)
			}
			list, block = append(list, m), nil
		}
		inside = line == ""
	}
	if inside {
		return nil, fmt.Errorf("%s: a block is not closed", document)
	}
	return list, nil
}

func read(block []string) (mutation, bool) {
	if len(block) != 4 {
		return mutation{}, false
	}
	head := header.FindStringSubmatch(block[0])
	file, isFile := strings.CutPrefix(block[1], "--- ")
	before, isBefore := strings.CutPrefix(block[2], "-")
	after, isAfter := strings.CutPrefix(block[3], "+")
	m := mutation{file: file, before: strings.TrimSpace(before), after: strings.TrimSpace(after)}
	if head == nil || !isFile || !isBefore || !isAfter || m.before == "" || m.before == m.after {
		return mutation{}, false
	}
	m.number, m.words, m.tests = head[1], head[2], strings.Split(head[3], ", ")
	return m, true
}

// only returns the mutations of one requirement; empty means all.
func only(list []mutation, number string) []mutation {
	var some []mutation
	for _, m := range list {
		if number == "" || m.number == number {
			some = append(some, m)
		}
	}
	return some
}

// apply changes the line in the source of the file, which must have it once.
func (m mutation) apply(source string) (string, error) {
	lines := strings.Split(source, "\n")
	at, times := 0, 0
	for i, line := range lines {
		if strings.TrimSpace(line) == m.before {
			at, times = i, times+1
		}
	}
	if times != 1 {
		return "", fmt.Errorf("%s has the line %d times: %s", m.file, times, m.before)
	}
	lines[at] = m.after
	return strings.Join(lines, "\n"), nil
}
