package adaptertest

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// frameworks are the modules of which an adapter may need one.
var frameworks = []string{
	"github.com/go-chi/", "github.com/gin-gonic/gin", "github.com/labstack/echo", "github.com/gorilla/sessions", "github.com/gorilla/mux",
}

// Modules asserts that the module in the working directory requires the
// framework and the root, and no other framework.
func Modules(t *testing.T, framework string) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Path}}", "all")
	list.Env = append(os.Environ(), "GOWORK=off")
	list.Stderr = t.Output()
	output, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(string(output))
	for _, want := range []string{framework, "github.com/go-gloebit/gloebit"} {
		if !slices.Contains(modules, want) {
			t.Errorf("%s is not required", want)
		}
	}
	for _, module := range modules {
		for _, other := range frameworks {
			if strings.HasPrefix(module, other) && module != framework {
				t.Errorf("%s is required beside %s", module, framework)
			}
		}
	}
}

// Snippets asserts that the Go code of README.md in the working directory is in
// the file, line for line: what is shown is what is compiled.
func Snippets(t *testing.T, file string) {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(readme), "\n```go\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("README.md shows no Go code")
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "\n```")
		if !contains(strings.Split(string(source), "\n"), strings.Split(code, "\n")) {
			t.Errorf("%s does not hold this code of README.md:\n%s", file, code)
		}
	}
}

// contains reports whether the block's lines are among the source's, one after
// the other, all of them deeper by the same indentation.
func contains(source, block []string) bool {
	for at := range source {
		if at+len(block) > len(source) {
			return false
		}
		indentation, ok := strings.CutSuffix(source[at], block[0])
		if !ok || strings.TrimSpace(indentation) != "" {
			continue
		}
		if slices.EqualFunc(source[at:at+len(block)], block, func(have, want string) bool {
			return have == want && want == "" || have == indentation+want
		}) {
			return true
		}
	}
	return false
}
