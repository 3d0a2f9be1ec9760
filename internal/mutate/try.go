package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// kind is what became of a mutation.
type kind string

const (
	wasCaught      kind = "caught"
	survived       kind = "SURVIVED"
	doesNotApply   kind = "does not apply"
	doesNotCompile kind = "does not compile"
	failedToRun    kind = "FAILED TO RUN"
)

// verdict is what became of a mutation, and why when it was not caught.
type verdict struct {
	kind kind
	why  string
}

// maxTest is how long a test may take that a mutation makes wait. What
// waits longer is not caught: a fault must be found sooner.
const maxTest = "2m"

// try runs the mutation's tests with the change.
func (m mutation) try(ctx context.Context, root string) verdict {
	file := filepath.Join(root, filepath.FromSlash(m.file))
	source, err := os.ReadFile(file)
	if err != nil {
		return verdict{doesNotApply, err.Error()}
	}
	changed, err := m.apply(string(source))
	if err != nil {
		return verdict{doesNotApply, err.Error()}
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return verdict{failedToRun, err.Error()}
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary directory may stay
	overlay, err := layOver(dir, file, changed)
	if err != nil {
		return verdict{failedToRun, err.Error()}
	}
	output, err := goTest(ctx, filepath.Join(root, filepath.FromSlash(m.in)), m.tests, "-overlay="+overlay)
	return judge(m.tests, output, err)
}

// layOver writes the changed file into dir, with a description that makes the
// go command take it for the true one.
func layOver(dir, file, changed string) (overlay string, err error) {
	copied := filepath.Join(dir, filepath.Base(file))
	overlay = filepath.Join(dir, "overlay.json")
	description, err := json.Marshal(map[string]map[string]string{"Replace": {file: copied}})
	if err != nil {
		return "", err
	}
	return overlay, errors.Join(os.WriteFile(copied, []byte(changed), 0o600), os.WriteFile(overlay, description, 0o600))
}

// goTest runs tests of a package. The flags are in the environment, so that they
// also reach the go commands that a test runs.
func goTest(ctx context.Context, dir string, tests []string, flags ...string) (output string, err error) {
	names := "-run=^(" + strings.Join(tests, "|") + ")$"
	args := []string{"test", "-count=1", "-vet=off", "-ldflags=-s -w", "-timeout=" + maxTest, names, "."}
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOFLAGS="+strings.Join(append(flags, os.Getenv("GOFLAGS")), " "))
	var both bytes.Buffer
	command.Stdout, command.Stderr = &both, &both
	err = command.Run()
	return both.String(), err
}

// judge reads what go test wrote of the tests.
func judge(tests []string, output string, err error) verdict {
	switch {
	case strings.Contains(output, "[no tests to run]"):
		return verdict{failedToRun, "there is no " + strings.Join(tests, ", ")}
	case strings.Contains(output, "[build failed]"):
		return verdict{doesNotCompile, lastLines(output)}
	}
	for _, test := range tests {
		failed := strings.Contains(output, "--- FAIL: "+test+" ")
		switch {
		case err == nil, !failed && strings.Contains(output, "--- FAIL: "):
			return verdict{survived, test + " passes"}
		case !failed:
			return verdict{failedToRun, lastLines(output)}
		}
	}
	return verdict{kind: wasCaught}
}

// lastLines is the end of an output, for people.
func lastLines(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n   ")
}

// passes returns an error unless the tests of the mutations pass without them.
func passes(ctx context.Context, root string, list []mutation) error {
	tests := map[string][]string{}
	for _, m := range list {
		for _, test := range m.tests {
			if !slices.Contains(tests[m.in], test) {
				tests[m.in] = append(tests[m.in], test)
			}
		}
	}
	for dir, names := range tests {
		output, err := goTest(ctx, filepath.Join(root, filepath.FromSlash(dir)), names)
		if err != nil {
			return fmt.Errorf("the tests of %s fail without any mutation: %w\n%s", dir, err, output)
		}
	}
	return nil
}
