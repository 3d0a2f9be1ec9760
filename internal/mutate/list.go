package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// mutation is a change of one line that tests must catch.
type mutation struct {
	number   string   // of the requirement, two digits
	words    string   // what no longer holds
	tests    []string // that must fail
	in       string   // the directory of the tests' package, with slashes
	file     string   // with slashes, from the top of the repository
	function string   // that the line is in; empty means anywhere in the file
	before   string   // the code of the line
	after    string   // what it becomes; empty removes it
}

// load reads the mutations of all files in the directory testdata.
func load(files fs.FS) ([]mutation, error) {
	names, err := fs.Glob(files, "testdata/*.diff")
	if err != nil {
		return nil, err
	}
	var list []mutation
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		some, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, some...)
	}
	return list, nil
}

// parse reads mutations, which empty lines separate. Each has four lines:
//
//	@@ 01 what no longer holds: TestThatCatchesIt, TestThatDoesToo @@
//	--- file.go
//	-the line
//	+what it becomes
//
// The tests are in the package of the file, or in the package that the header
// names: "TestThatCatchesIt in internal/lint". The file may be followed by the
// name of the function or method that the line is in.
func parse(text string) ([]mutation, error) {
	var list []mutation
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		m, ok := read(strings.Split(block, "\n"))
		if !ok {
			return nil, fmt.Errorf("not a header, a file, a line and what it becomes:\n%s", block)
		}
		list = append(list, m)
	}
	return list, nil
}

var (
	header   = regexp.MustCompile(`^@@ (\d\d) (.+): (Test\w+(?:, Test\w+)*)(?: in (\S+))? @@$`)
	location = regexp.MustCompile(`^--- (\S+)(?: (\w+))?$`)
)

func read(block []string) (mutation, bool) {
	if len(block) != 4 {
		return mutation{}, false
	}
	head, place := header.FindStringSubmatch(block[0]), location.FindStringSubmatch(block[1])
	before, isBefore := strings.CutPrefix(block[2], "-")
	after, isAfter := strings.CutPrefix(block[3], "+")
	if head == nil || place == nil || !isBefore || !isAfter || code(before) == "" || code(before) == code(after) {
		return mutation{}, false
	}
	m := mutation{
		number: head[1], words: head[2], tests: strings.Split(head[3], ", "), in: head[4],
		file: place[1], function: place[2], before: code(before), after: strings.TrimSpace(after),
	}
	if m.in == "" {
		m.in = path.Dir(m.file)
	}
	return m, true
}

// code returns a line without a comment that ends it, and with one space
// wherever gofmt may have put more.
func code(line string) string {
	file := token.NewFileSet().AddFile("", -1, len(line))
	var s scanner.Scanner
	s.Init(file, []byte(line), nil, scanner.ScanComments)
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF || tok == token.COMMENT && strings.HasPrefix(text, "//") {
			return strings.Join(strings.Fields(line[:file.Offset(pos)]), " ")
		}
	}
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

// apply changes the line in the source of the file. The file, or the function if
// the mutation names one, must have the line once.
func (m mutation) apply(source string) (string, error) {
	lines := strings.Split(source, "\n")
	inside, err := m.lines(source)
	if err != nil {
		return "", err
	}
	at, times := 0, 0
	for i, line := range lines {
		if inside(i+1) && code(line) == m.before {
			at, times = i, times+1
		}
	}
	if times != 1 {
		return "", fmt.Errorf("%s has the line %d times: %s", strings.TrimSpace(m.file+" "+m.function), times, m.before)
	}
	lines[at] = m.after
	return strings.Join(lines, "\n"), nil
}

// lines reports which lines of the source, counted from one, may be changed.
func (m mutation) lines(source string) (func(line int) bool, error) {
	if m.function == "" {
		return func(int) bool { return true }, nil
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, m.file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.Name == m.function {
			first, last := set.Position(f.Pos()).Line, set.Position(f.End()).Line
			return func(line int) bool { return first <= line && line <= last }, nil
		}
	}
	return nil, errors.New(m.file + " has no function " + m.function)
}
