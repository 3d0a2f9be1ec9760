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

// longestTest is how long a test may take that a mutation makes wait. What
// waits longer is not caught: nobody wants to wait that long to hear of a fault.
const longestTest = "2m"

// try runs the mutation's test with the change.
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
	output, err := goTest(ctx, filepath.Dir(file), m.test, "-overlay="+overlay)
	return judge(m.test, output, err)
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

// goTest runs the tests of a package that the names are those of.
func goTest(ctx context.Context, dir, names string, flags ...string) (output string, err error) {
	args := append([]string{"test", "-count=1", "-vet=off", "-timeout=" + longestTest, "-run=^(" + names + ")$"}, flags...)
	command := exec.CommandContext(ctx, "go", append(args, ".")...)
	command.Dir = dir
	var both bytes.Buffer
	command.Stdout, command.Stderr = &both, &both
	err = command.Run()
	return both.String(), err
}

// judge reads what go test wrote.
func judge(test, output string, err error) verdict {
	switch {
	case strings.Contains(output, "[no tests to run]"):
		return verdict{failedToRun, "there is no " + test}
	case err == nil:
		return verdict{kind: survived, why: test + " passes"}
	case strings.Contains(output, "[build failed]"):
		return verdict{doesNotCompile, lastLines(output)}
	case !strings.Contains(output, "--- FAIL: "+test+" "):
		return verdict{failedToRun, lastLines(output)}
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
		if !slices.Contains(tests[m.dir()], m.test) {
			tests[m.dir()] = append(tests[m.dir()], m.test)
		}
	}
	for dir, names := range tests {
		output, err := goTest(ctx, filepath.Join(root, filepath.FromSlash(dir)), strings.Join(names, "|"))
		if err != nil {
			return fmt.Errorf("the tests of %s fail without any mutation: %w\n%s", dir, err, output)
		}
	}
	return nil
}
