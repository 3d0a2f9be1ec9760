package docs_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// sources names, for each page that shows Go, the files that hold its code.
var sources = map[string][]string{
	"../README.md":                  {"../examples/minimal/main.go"},
	"../adapters/chi/README.md":     {"../adapters/chi/example_test.go"},
	"../adapters/echo/README.md":    {"../adapters/echo/example_test.go"},
	"../adapters/fiber/README.md":   {"../adapters/fiber/example_test.go"},
	"../adapters/gin/README.md":     {"../adapters/gin/example_test.go"},
	"../adapters/gorilla/README.md": {"../adapters/gorilla/example_test.go"},
	"../otel/README.md":             {"../otel/example_test.go"},
	"charge.md":                     {"charge_test.go"},
	"connect.md":                    {"connect_test.go"},
	"console.md":                    {"console_test.go"},
	"errors.md":                     {"errors_test.go"},
	"install.md":                    {"install_test.go"},
	"ledger.md":                     {"../ledger/guide_test.go"},
	"merchants.md":                  {"merchants_test.go"},
	"migrating-from-goth.md":        {"goth_test.go"},
	"migrating-from-opensim.md":     {"opensim_test.go"},
	"operations.md":                 {"operations_test.go"},
	"proxies.md":                    {"proxies_test.go", "../adapters/chi/example_test.go"},
	"stores.md": {
		"../internal/drivertest/guide_test.go", "../stores/redisstore/example_test.go",
		"../storetest/example_test.go",
	},
	"test.md": {"faults_test.go", "../examples/minimal/main_test.go"},
}

// elsewhere are the pages whose code other packages check.
var elsewhere = []string{"migrating-from-blotre-py.md", "migrating-from-gloebit-py.md", "servers.md"}

// pages returns every page: those of this folder, the decisions, and the ones
// beside the code of the modules that are here.
func pages(t *testing.T) (all []string) {
	t.Helper()
	for _, pattern := range []string{
		"*.md", "decisions/*.md", "../*.md", "../bench/*.md", "../otel/*.md", "../adapters/*/*.md", "../cmd/*/*.md",
		"../examples/*/*.md",
	} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range found {
			all = append(all, filepath.ToSlash(name))
		}
	}
	return all
}

// read returns a file of the repository. It skips the test when the file is in
// another module and only this module is here.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) && alone() {
		t.Skip(name + " is in another module, which is not here")
	}
	require.NoError(t, err)
	return string(text)
}

// alone reports whether the root module is here without the others.
func alone() bool {
	_, err := os.Stat("../examples/go.mod")
	return errors.Is(err, fs.ErrNotExist)
}

func TestGoBlocks(t *testing.T) {
	for page, files := range sources {
		t.Run(page, func(t *testing.T) {
			var lines []string
			for _, file := range files {
				lines = append(lines, strings.Split(read(t, file), "\n")...)
			}
			blocks := strings.Split(read(t, page), "\n```go\n")[1:]
			require.NotEmpty(t, blocks)
			for _, block := range blocks {
				code, _, _ := strings.Cut(block, "\n```")
				require.True(t, contains(lines, strings.Split(code, "\n")), "not in %s:\n%s", files, code)
			}
		})
	}
	t.Run("all pages", func(t *testing.T) {
		for _, page := range pages(t) {
			if strings.HasPrefix(page, "decisions/") || slices.Contains(elsewhere, page) || sources[page] != nil {
				continue
			}
			require.NotContains(t, read(t, page), "```go", page)
		}
	})
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

var (
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+)$`)
)

func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		t.Run(page, func(t *testing.T) {
			for _, found := range link.FindAllStringSubmatch(fenced.ReplaceAllString(read(t, page), ""), -1) {
				target, anchor, _ := strings.Cut(found[1], "#")
				if strings.Contains(found[1], "://") {
					continue
				}
				to := page
				if target != "" {
					to = path.Join(path.Dir(page), target)
				}
				if _, err := os.Stat(filepath.FromSlash(to)); err != nil {
					require.True(t, alone(), "%s is not there", found[1])
					continue
				}
				if anchor != "" {
					require.Contains(t, anchors(read(t, to)), anchor, found[1])
				}
			}
		})
	}
}

// anchors returns the fragments of a page's headings, as GitHub makes them.
func anchors(page string) (all []string) {
	seen := map[string]int{}
	for _, found := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, regexp.MustCompile(`\]\([^)]*\)`).ReplaceAllString(found[1], ""))
		if n := seen[anchor]; n > 0 {
			all = append(all, anchor+"-"+strconv.Itoa(n))
		} else {
			all = append(all, anchor)
		}
		seen[anchor]++
	}
	return all
}

func TestIndex(t *testing.T) {
	index := read(t, "README.md")
	found, err := filepath.Glob("*.md")
	require.NoError(t, err)
	for _, page := range found {
		if page != "README.md" {
			require.Contains(t, index, "]("+page+")")
		}
	}
}
